"""What came before of an order: its earlier messages, and what the warehouse said of its goods. Pure."""

import math
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple, TypeVar

import msgspec

from gatekeeper.domain.case import Earlier
from gatekeeper.domain.order import Order
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination


class _Line(msgspec.Struct):
    line: int
    outcome: str


class _Released(msgspec.Struct):
    decided_at: str
    lines: tuple[_Line, ...]


class Amount(NamedTuple):
    """How much was ordered. Without a unit it is the product's own."""

    quantity: int
    unit: str | None


N = TypeVar("N", EarlierExamination, OrderEvent)
_released = msgspec.json.Decoder(_Released)


def earlier_of(
    order: Order, examinations: Iterable[EarlierExamination], events: Sequence[OrderEvent], *, reports: bool
) -> tuple[Earlier, ...]:
    """What of an order's past its answer may hang on. ``reports``: its wholesaler reports shipments.

    No more than that: a sender that contradicts itself in a loop fills no disk.
    """
    examinations = list(examinations)
    matter = [_message(message) for message in _messages(examinations, order.revision)]
    if events:
        matter += _left(order.revision, events) + _stays(order.revision, events)
    return (*matter, *_unconfirmed(order.revision, examinations, events)) if reports else tuple(matter)


def by_order(found: Iterable[N]) -> dict[tuple[str, str], list[N]]:
    """Examinations or events, by wholesaler and order, in their order."""
    named: dict[tuple[str, str], list[N]] = defaultdict(list)
    for each in found:
        named[each.wholesaler_id, each.order_id].append(each)
    return named


def is_superseded(examinations: Iterable[EarlierExamination], revision: int) -> bool:
    """Whether a message of a higher revision has been seen: what this one released then counts no longer as used."""
    return any(examination.cause == "message" and examination.revision > revision for examination in examinations)


def outcomes_of(revision: int, examinations: Iterable[EarlierExamination]) -> dict[int, str]:
    """By line of this revision, as what it was last let go: ``released``, ``not_covered``, or ``withdrawn`` since."""
    said: dict[int, str] = {}
    for examination in examinations:
        if examination.revision == revision and examination.released is not None:
            said |= {line.line: line.outcome for line in _released.decode(examination.released).lines}
    return said


def not_to_leave(
    revision: int, line: int, examinations: Iterable[EarlierExamination], events: Iterable[OrderEvent]
) -> list[tuple[datetime, datetime | None]]:
    """When a line of this revision was not to leave: from a withdrawal to the next release, if one followed, and from a cancellation on."""
    found: list[tuple[datetime, datetime | None]] = []
    for examination in examinations:
        if examination.revision == revision and examination.released is not None and examination.cause != "cancelled":
            message = _released.decode(examination.released)
            at = datetime.fromisoformat(message.decided_at)
            for said in message.lines:
                ended = not found or found[-1][1] is not None
                if said.line == line and said.outcome == "withdrawn" and ended:
                    found.append((at, None))
                elif said.line == line and said.outcome != "withdrawn" and not ended:
                    found[-1] = found[-1][0], at
    cancelled = [event.said.at for event in events if event.event == "cancelled" and event.revision >= revision and event.is_of(line)]
    return found + [(datetime.fromisoformat(at), None) for at in cancelled]


def withdrawn_since(revision: int, line: int, examinations: Iterable[EarlierExamination], events: Iterable[OrderEvent]) -> datetime | None:
    """Since when a line of this revision may not leave: since it was withdrawn and not released again, or the warehouse cancelled it."""
    return min([begin for begin, end in not_to_leave(revision, line, examinations, events) if end is None], default=None)


def gone_lines(revision: int, events: Iterable[OrderEvent], kinds: Container[str] = ("shipped", "returned")) -> frozenset[int]:
    """The lines of this revision of which goods have left, all or some: what came back had left, whether or not that was said."""
    return frozenset(line for event in events if event.event in kinds and event.revision == revision for line in event.lines)


def lots_gone(revision: int, events: Iterable[OrderEvent]) -> dict[int, frozenset[str]]:
    """By line of this revision, the lots of which the warehouse said that they left; the order may name another, or none."""
    lots: dict[int, frozenset[str]] = {}
    for event in events:
        if event.event == "shipped" and event.revision == revision:
            for line, lot in zip(event.lines, event.lots, strict=True):
                if lot is not None:
                    lots[line] = lots.get(line, frozenset()) | {lot}
    return lots


def emptied_lines(revision: int, events: Iterable[OrderEvent], ordered: Mapping[int, Amount]) -> frozenset[int]:
    """Of the ``ordered`` lines of this revision those of which everything has left: partial shipments add up."""
    left: dict[int, float] = dict.fromkeys(ordered, 0)
    for event in events:
        if event.event == "shipped" and event.revision == revision:
            for line, (quantity, unit) in zip(event.lines, event.amounts, strict=True):
                if quantity is None:
                    left[line] = math.inf
                elif line in ordered and (unit is None or ordered[line].unit in (None, unit)):
                    left[line] += quantity
    return frozenset(line for line, amount in ordered.items() if left[line] >= amount.quantity)


def _messages(examinations: Sequence[EarlierExamination], revision: int) -> list[EarlierExamination]:
    """One message with this revision, and the highest one."""
    messages = [examination for examination in examinations if examination.cause == "message"]
    matter = [message for message in messages if message.revision == revision][:1]
    if messages and (highest := max(messages, key=attrgetter("revision"))).revision != revision:
        matter.append(highest)
    return matter


def _message(message: EarlierExamination) -> Earlier:
    return Earlier(message.revision, message.digest.hex())


def _left(revision: int, events: Iterable[OrderEvent]) -> list[Earlier]:
    shipped = [event.revision for event in events if event.event == "shipped" and event.revision < revision]
    return [Earlier(max(shipped), "", "shipped")] if shipped else []


def _stays(revision: int, events: Iterable[OrderEvent]) -> list[Earlier]:
    """A cancellation of the whole order, or else one of all the lines that any is of."""
    cancelled = [event for event in events if event.event == "cancelled" and event.revision >= revision]
    whole = [event.revision for event in cancelled if not event.lines]
    if whole:
        return [Earlier(max(whole), "", "cancelled")]
    lines = sorted({line for event in cancelled for line in event.lines})
    return [Earlier(max(event.revision for event in cancelled), "", "cancelled", tuple(lines))] if cancelled else []


def _unconfirmed(revision: int, examinations: Iterable[EarlierExamination], events: Sequence[OrderEvent]) -> list[Earlier]:
    """The highest lower revision of which a line was released, ever, and no cancellation of that revision says that it stayed."""
    for examination in sorted(examinations, key=attrgetter("revision"), reverse=True):
        if examination.revision < revision and examination.released is not None:
            lines = {line.line for line in _released.decode(examination.released).lines if line.outcome != "withdrawn"}
            if any(not stayed(examination.revision, line, events) for line in lines):
                return [Earlier(examination.revision, "", "unconfirmed")]
    return []


def stayed(revision: int, line: int, events: Iterable[OrderEvent]) -> bool:
    """Whether the warehouse said of this very revision that the goods of a line stayed."""
    return any(event.event == "cancelled" and event.revision == revision and event.is_of(line) for event in events)
