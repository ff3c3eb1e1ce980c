"""Everything that is known, in memory: facts, and what was released. It answers the questions of a decision."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from gatekeeper.domain.case import Earlier, Question
from gatekeeper.domain.facts import AuthorizationFact, Fact, PatientFact, PrescriberFact, ProgramFact, RecallFact, SiteFact

_OF_NOTHING: dict[str, Any] = {"as_of": None, "units": 0, "serial": None}


class Known(Mapping[Question, Any]):
    """Answers as the table of ``gatekeeper.domain.case`` says; about what it was never told, that nothing is known."""

    def __init__(self) -> None:
        self._answers: dict[Question, Any] = {}

    def __getitem__(self, question: Question) -> Any:
        answer = self._answers.get(question)
        return _OF_NOTHING.get(question[0], ()) if answer is None else answer

    def __iter__(self) -> Iterator[Question]:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)

    def tell(self, fact: Fact) -> None:
        """One fact more."""
        self._add(_subject(fact), fact)
        if isinstance(fact, SiteFact):
            for kind, values in fact.identifiers:
                for value in values:
                    question = ("identifier", kind, value)
                    if fact.site_id not in self[question]:
                        self._add(question, fact.site_id)

    def tell_as_of(self, program: str, as_of: datetime) -> None:
        """The registry of the program speaks as of this instant; an earlier one changes nothing."""
        known = self._answers.get(("as_of", program))
        self._answers["as_of", program] = as_of if known is None else max(known, as_of)

    def arrived(self, wholesaler_id: str, order_id: str, message: Earlier) -> None:
        """A message of the order has come."""
        self._add(("order", wholesaler_id, order_id), message)

    def released(self, uses: Iterable[tuple[Question, int | str]]) -> None:
        """What released lines use up."""
        for question, use in uses:
            self._answers[question] = self[question] + use if isinstance(use, int) else use

    def withdrawn(self, uses: Iterable[tuple[Question, int | str]]) -> None:
        """What was released counts no longer."""
        for question, use in uses:
            self._answers[question] = self[question] - use if isinstance(use, int) else None

    def _add(self, question: Question, answer: Any) -> None:
        self._answers[question] = (*self._answers.get(question, ()), answer)


def _subject(fact: Fact) -> Question:
    match fact:
        case SiteFact():
            return ("site", fact.site_id)
        case PatientFact():
            return ("patient", fact.program, fact.patient_id)
        case PrescriberFact():
            return ("prescriber", fact.program, fact.prescriber_id)
        case AuthorizationFact():
            return ("authorization", fact.program, fact.authorization_id)
        case RecallFact():
            return ("recall", fact.program, fact.lot)
        case ProgramFact():
            return ("mode", fact.program)
