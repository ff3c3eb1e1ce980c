"""On which day a stop clears by itself: the case that stopped it is decided again as of days to come, were nothing else to change."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from gatekeeper.domain.case import Case, Question
from gatekeeper.domain.days import next_day
from gatekeeper.domain.verdict import RELEASED, decide
from gatekeeper.evidence import case_of
from gatekeeper.examinations.outlook import programs_of

MOST_DAYS: Final = 12
"""So many days that could change the answer are looked at."""


def clears_at(evidence: bytes, lines: Collection[int]) -> datetime | None:
    """When the day begins on which one of these stopped lines would be released. None where no day does it, or the day asks something new.

    The registry counts as fresh on days to come: what only a fresh registry holds back clears by no day.
    """
    case = _fresh(case_of(evidence), None)
    if _released(case, lines):
        return None
    for _ in range(MOST_DAYS):
        at = next_day(case, case.answers, programs_of(case, decide(case)))
        if at is None:
            return None
        case = _fresh(case, at)
        try:
            if _released(case, lines):
                return at
        except _UnaskedError:
            return None
    return None


class _UnaskedError(LookupError):
    """Nobody asked this when the case was decided."""


class _Answers(dict[Question, Any]):
    def __missing__(self, question: Question) -> Any:
        raise _UnaskedError(question[0])


def _fresh(case: Case, at: datetime | None) -> Case:
    """The case at this instant (its own where none is given), with a registry that speaks as of it."""
    at = at or case.at
    return case._replace(at=at, answers=_Answers({**case.answers, **{question: at for question in case.answers if question[0] == "as_of"}}))


def _released(case: Case, lines: Collection[int]) -> bool:
    return any(line.outcome == RELEASED and line.line in lines for line in decide(case).lines)
