"""The case that was decided, kept with its verdict: the order, all that was asked and answered, the rules, the instant.

From it alone, years later and without a database, the case is decided again.
"""

from collections.abc import Container, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from gatekeeper.domain.case import Case, Earlier, Held, Question
from gatekeeper.domain.order import Order
from gatekeeper.messages import rules_of
from gatekeeper.programs import program_from
from gatekeeper.storage.lookups import Said
from gatekeeper.translate import kept_fact, order_of
from schemas.order import ShipmentOrder
from schemas.released import ProgramRules, ReleasedLine

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


class Kept(NamedTuple):
    """What of an examination another one of the same order begins with."""

    order: Order
    """Whole, whichever of its lines were judged."""
    content: bytes
    arrived: tuple[int, int, int] | None
    """Source, partition and offset of the message."""


def evidence(at: str, content: bytes, rules: bytes, asked: Mapping[Question, Said], **also: Any) -> bytes:
    """One JSON document: ``at``, ``order``, ``programs``, ``asked``, pairs of a question and what was answered, and ``also``:

    ``arrived``, the position of the order's message; ``lines``, where not all of the order were judged; ``held``, the units that do not
    count against one of them; ``watched``, where they were released; ``live``, by line the record that it has already; ``withdraws`` and
    ``released``, the verdict that released the lines, and how it said them.
    """
    more = b"".join([b',"%s":%s' % (name.encode(), _encode(value)) for name, value in also.items()])
    return b'{"at":"%s","order":%s,"programs":%s,"asked":%s%s}' % (at.encode(), content, rules, asked_as_kept(asked), more)


def asked_as_kept(asked: Mapping[Question, Said]) -> bytes:
    """Pairs of a question and what was answered, as a JSON array."""
    return b"[%s]" % b",".join([b"[%s,%s]" % (_encode(question), said.raw) for question, said in asked.items()])


def kept_of(document: bytes) -> Kept:
    """The order of a case and the place of its message, from what was kept."""
    kept = members(document)
    content = bytes(kept["order"])
    arrived = msgspec.json.decode(kept["arrived"], type=tuple[int, int, int]) if "arrived" in kept else None
    return Kept(order_of(msgspec.json.decode(content, type=ShipmentOrder), (), content), content, arrived)


def live_of(document: bytes) -> dict[int, str]:
    """By line, the record that it has already."""
    kept = members(document)
    return msgspec.json.decode(kept["live"], type=dict[int, str]) if "live" in kept else {}


def released_before(document: bytes) -> tuple[str, tuple[ReleasedLine, ...]]:
    """Of released lines that were judged again, the verdict that released them, and how it said them."""
    kept = members(document)
    return msgspec.json.decode(kept["withdraws"], type=str), msgspec.json.decode(kept["released"], type=tuple[ReleasedLine, ...])


def members(document: bytes) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(document, type=dict[str, msgspec.Raw])


def with_lines(order: Order, numbers: Container[int]) -> Order:
    """The order with these of its lines only; it is still the same order."""
    return order._replace(lines=tuple(line for line in order.lines if line.line in numbers))


def case_of(document: bytes) -> Case:
    """The case, from what was kept."""
    kept = members(document)
    programs = tuple(program_from(raw) for raw in _rules(document) if not raw.startswith(b"{"))
    order = kept_of(document).order
    if "lines" in kept:
        order = with_lines(order, msgspec.json.decode(kept["lines"], type=list[int]))
    pairs = msgspec.json.decode(kept["asked"], type=list[tuple[tuple[str, ...], msgspec.Raw]])
    at = datetime.fromisoformat(msgspec.json.decode(kept["at"], type=str))
    held = msgspec.json.decode(kept["held"], type=tuple[Held, ...]) if "held" in kept else ()
    return Case(order, {question: _answer(question[0], bytes(raw)) for question, raw in pairs}, programs, at, "watched" in kept, held)


def rules_said(document: bytes) -> dict[str, ProgramRules]:
    """The rules in force when it was decided, as every message names them; whole in the row are only those that the order touched."""
    said = {}
    for raw in _rules(document):
        if raw.startswith(b"{"):
            named = msgspec.json.decode(raw, type=dict[str, str])
            said[named["name"]] = ProgramRules(version=named["version"], sha256=named["sha256"])
        else:
            said |= rules_of((program_from(raw),))
    return said


def _rules(document: bytes) -> list[bytes]:
    return [bytes(raw) for raw in msgspec.json.decode(members(document)["programs"], type=list[msgspec.Raw])]


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
