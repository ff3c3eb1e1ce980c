"""The case that was decided, kept with its verdict: the order, all that was asked and answered, the rules, the instant.

From it alone, years later and without a database, the case is decided again.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from gatekeeper.domain.case import Case, Earlier, Question
from gatekeeper.programs import program_from
from gatekeeper.storage.lookups import Said
from gatekeeper.translate import kept_fact, order_of
from schemas.order import ShipmentOrder

FACTS = frozenset({"mode", "site", "alias", "patient", "prescriber", "authorization", "recall"})
_encode = msgspec.json.Encoder().encode


class Asked(dict[Question, Any]):
    """Answers that remember which of them were asked for: those are the case."""

    __slots__ = ("_said",)

    def __init__(self, said: Mapping[Question, Said]) -> None:
        super().__init__()
        self._said = said

    def __missing__(self, question: Question) -> Any:
        answer = self[question] = self._said[question].answer
        return answer

    @property
    def asked(self) -> dict[Question, Said]:
        """What was asked for, in the order in which it was."""
        said = self._said
        return {question: said[question] for question in self}


def evidence(at: str, content: bytes, rules: bytes, asked: Mapping[Question, Said]) -> bytes:
    """One JSON document: ``at``, ``order``, ``programs``, and ``asked``, pairs of a question and what was answered."""
    pairs = b",".join([b"[%s,%s]" % (_encode(question), said.raw) for question, said in asked.items()])
    return b'{"at":"%s","order":%s,"programs":%s,"asked":[%s]}' % (at.encode(), content, rules, pairs)


def case_of(document: bytes) -> Case:
    """The case, from what was kept."""
    kept = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    programs = tuple(program_from(bytes(raw)) for raw in msgspec.json.decode(kept["programs"], type=list[msgspec.Raw]))
    order = order_of(msgspec.json.decode(kept["order"], type=ShipmentOrder), programs)
    pairs = msgspec.json.decode(kept["asked"], type=list[tuple[tuple[str, ...], msgspec.Raw]])
    at = datetime.fromisoformat(msgspec.json.decode(kept["at"], type=str))
    return Case(order, {question: _answer(question[0], bytes(raw)) for question, raw in pairs}, programs, at)


def _answer(kind: str, raw: bytes) -> Any:
    if kind in FACTS:
        return tuple(_fact(bytes(each)) for each in msgspec.json.decode(raw, type=list[msgspec.Raw]))
    if kind == "order":
        return msgspec.json.decode(raw, type=tuple[Earlier, ...])
    if kind == "identifier":
        return tuple(msgspec.json.decode(raw, type=list[str]))
    if kind == "as_of":
        return msgspec.json.decode(raw, type=datetime | None)
    return msgspec.json.decode(raw)


def _fact(raw: bytes) -> Any:
    if not raw.startswith(b'{"until"'):
        return kept_fact(raw)
    kept = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    fact = kept_fact(bytes(kept["fact"]))
    return fact._replace(until=date.fromisoformat(msgspec.json.decode(kept["until"], type=str)))
