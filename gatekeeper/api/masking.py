"""What is masked in what is shown: who a patient is, in members that say so and in texts. Documents are changed in place."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from gatekeeper.api.others import ANOTHER
from gatekeeper.domain.reasons import REASONS
from gatekeeper.examinations.alerts import ALERTS
from gatekeeper.people.approvals import MEANINGS
from gatekeeper.storage.order_list import MORE
from gatekeeper.storage.patient_forms import form_of

MASK: Final = "masked"
NAMES: Final = frozenset({"patient_id", "authorization_id"})
"""Members whose values are of one patient."""
OWN_WORDS: Final = "problem"
"""What a REMS says in words of its own: it may name any patient."""
TYPED: Final = frozenset(
    {
        "account", "after", "answer", "as_of", "at", "by", "cause", "class", "code", "cursor", "day", "dea", "decision", "event", "from",
        "gln", "gtin", "hin", "kind", "kinds", "lacks", "left", "made", "ndc", "next", "npi", "offered_by", "on", "outcome", "patients",
        "person", "postal_code", "program", "question", "raised_at", "released_in", "replaces", "requirement", "result", "serials",
        "sha256", "since", "site_alias", "state", "states", "status", "step", "through", "to", "topic", "type", "unit", "until", "version",
        "reasons", "withdraws",
    }
)  # fmt: skip
"""Members whose texts have a form or are words of ours. Whatever else is a text may be written freely, and name a patient."""
_ENDINGS: Final = ("_id", "_ids", "_at", "_on", "_since", "_through", "_as_of")
"""Of names of members that are typed too: ids, instants and days."""
ASKED_OF_PATIENTS: Final = frozenset({"patient", "authorization", "units"})
"""Questions of a case that end with the id of a patient or an authorization."""
_WRITTEN: Final = frozenset({"account", "dea", "gln", "gtin", "hin", "ncpdp_id", "ndc", "npi", "postal_code", "serials"})
"""Members that should have a form and that partners may write freely all the same: what is nothing but an id of a patient is hidden."""
_ASKED_OF_GOODS: Final = "recall"
"""A question that ends with a lot."""
_ASKED_OF_WRITTEN: Final = frozenset({"identifier", "serial"})
"""Questions that end with what is written in such a member."""
_OURS: Final = frozenset(
    [MORE, *MEANINGS.values(), *[each for both in ALERTS.values() for each in both]]
    + [each for reason in REASONS.values() for each in (reason.sentence, reason.remedy, reason.cleared_by)]
)
"""Sentences that nobody but us has written."""
_RUN: Final = re.compile(r"[A-Za-z0-9._:-]+")
"""What an id may stand in."""
_PIECES: Final = re.compile(r"[A-Za-z0-9]+|[._:-]+")
_EDGES: Final = "._:-"
_MOST_OF_AN_ID: Final = 64


class Found:
    """What of documents is to be looked at."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        """Of patients and their authorizations, where a member names them."""
        self.texts: set[str] = set()
        """All that may be written freely."""
        self.written: set[str] = set()
        """All that should have a form."""
        self.listed: set[str] = set()
        """Names of addressees, as lists of orders have them."""
        self.orders: set[tuple[str, str]] = set()
        """Order and wholesaler."""
        self.records: set[str] = set()
        """Ids of distribution records that stand without their order."""
        self.any = False
        """Whether a member is of a patient, or in a REMS's own words."""

    def look(self, document: Any, name: str = "") -> None:
        """Adds what is in a document; ``name`` is that of the member that it is."""
        if isinstance(document, list):
            for each in document:
                if isinstance(each, str):
                    self._text(name, each, document)
                else:
                    self.look(each, name)
        elif isinstance(document, dict):
            self._name(document)
            for member, value in document.items():
                if isinstance(value, str):
                    self._member(member, value, document)
                elif value is not None:
                    self.look(value, member)

    def _member(self, member: str, value: str, document: dict[str, Any]) -> None:
        if member in NAMES:
            self.any = True
            self.ids.add(value)
        elif _is_own_words(member, document):
            self.any = True
        else:
            self._text(member, value, document)

    def _name(self, document: dict[str, Any]) -> None:
        question = document.get("question")
        if isinstance(question, list):
            self._asked(question)
        if "order_id" in document and "wholesaler_id" in document:
            self.orders.add((str(document["order_id"]), str(document["wholesaler_id"])))
        elif isinstance(document.get("record_id"), str):
            self.records.add(document["record_id"])

    def _asked(self, question: list[str]) -> None:
        if question[0] in ASKED_OF_PATIENTS:
            self.any = True
            self.ids.add(question[-1])
        elif question[0] == _ASKED_OF_GOODS:
            self.texts.add(question[-1])
        elif question[0] in _ASKED_OF_WRITTEN:
            self.written.add(question[-1])

    def _text(self, name: str, text: str, document: Any) -> None:
        if name == "site_name":
            self.listed.add(text)
        elif _is_written(name, document):
            self.written.add(text)
        elif _is_free(name, document) and text not in _OURS:
            self.texts.add(text)


class Hidden(NamedTuple):
    """By text, what is shown in its place, where that is another one."""

    free: Mapping[str, str]
    written: Mapping[str, str]


class Masking(NamedTuple):
    """What is hidden of texts."""

    ids: frozenset[str]
    """In small letters, without signs at their ends."""
    forms: frozenset[str]
    """How ids of patients are written."""
    others: frozenset[str]
    """Names that are not the caller's to see."""

    def of(self, found: Found) -> Hidden:
        """What is shown in the place of what was found."""
        shown = {text: _RUN.sub(lambda run: self._run(run[0]), text) for text in found.texts | found.listed}
        written = {text: MASK for text in found.written if not self.ids.isdisjoint(map(str.lower, parts_of(text)))}
        return Hidden({text: instead for text, instead in shown.items() if instead != text}, written)

    def _run(self, run: str) -> str:
        parts = parts_of(run)
        if self.forms and any(form_of(part) in self.forms for part in parts):
            return MASK
        if self.others and not self.others.isdisjoint({*parts, run.strip(_EDGES).partition(":")[0]}):
            return ANOTHER
        return self._without_ids(run) if self.ids else run

    def _without_ids(self, run: str) -> str:
        """An id stands there by itself: within a longer word or number it is none."""
        pieces, shown, at = _PIECES.findall(run), [], 0
        while at < len(pieces):
            ends = range(len(pieces), at, -1) if pieces[at][0] not in _EDGES else ()
            end = next((end for end in ends if "".join(pieces[at:end]).lower() in self.ids), 0)
            shown.append(MASK if end else pieces[at])
            at = end or at + 1
        return "".join(shown)


def bare(name: str) -> str:
    """An id as it is compared."""
    return name.strip(_EDGES).lower()


def parts_of(run: str) -> set[str]:
    """What of such characters may be an id: all of it, and what stands after its last colon."""
    whole = run.strip(_EDGES)
    return {part for part in (whole, whole.rpartition(":")[2]) if 0 < len(part) <= _MOST_OF_AN_ID and part != MASK}


def forms_in(texts: Iterable[str]) -> set[str]:
    """How all is written that may be an id there."""
    return {form_of(part) for text in texts for run in _RUN.findall(text) for part in parts_of(run)}


def hide(document: Any, hidden: Hidden, *, patients: bool, name: str = "") -> None:
    """Puts in the place of texts what is shown of them; ``patients``: also masks what is of one, and a REMS's own words."""
    if isinstance(document, list):
        for place, each in enumerate(document):
            if isinstance(each, str):
                document[place] = _instead(name, each, document, hidden)
            else:
                hide(each, hidden, patients=patients, name=name)
    elif isinstance(document, dict):
        for member, value in document.items():
            if isinstance(value, str):
                document[member] = _shown(member, value, document, hidden, patients=patients)
            elif member == "question" and isinstance(value, list):
                document[member] = [*value[:-1], _asked(value, hidden, patients=patients)]
            elif value is not None:
                hide(value, hidden, patients=patients, name=member)


def _shown(member: str, value: str, document: dict[str, Any], hidden: Hidden, *, patients: bool) -> str:
    if patients and (member in NAMES or _is_own_words(member, document)):
        return MASK
    return _instead(member, value, document, hidden)


def _instead(name: str, text: str, document: Any, hidden: Hidden) -> str:
    if _is_written(name, document):
        return hidden.written.get(text, text)
    return hidden.free.get(text, text) if _is_free(name, document) else text


def _asked(question: list[str], hidden: Hidden, *, patients: bool) -> str:
    """With what a question ends."""
    kind, last = question[0], question[-1]
    if kind in ASKED_OF_PATIENTS:
        return MASK if patients else last
    instead = hidden.free if kind == _ASKED_OF_GOODS else hidden.written if kind in _ASKED_OF_WRITTEN else {}
    return instead.get(last, last)


def _is_own_words(member: str, document: dict[str, Any]) -> bool:
    """What is wrong with a file is said in words of ours."""
    return member == OWN_WORDS and "sha256" not in document


def _is_free(name: str, document: Any) -> bool:
    """Staff are named by the issuer of tokens."""
    if name == "name" and "person" in document:
        return False
    return name not in TYPED and not name.endswith(_ENDINGS)


def _is_written(name: str, document: Any) -> bool:
    return name in _WRITTEN or (name == "state" and "postal_code" in document)
