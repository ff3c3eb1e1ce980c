"""Goods that left, and whether the gate had let them go: as they were, to whom they went, and when. It changes nothing."""

from collections import ChainMap
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import UNSET

from gatekeeper.domain.case import Case, Question
from gatekeeper.domain.facts import RecallFact
from gatekeeper.domain.program import Program
from gatekeeper.domain.verdict import LineVerdict, Reason, decide
from gatekeeper.evidence import Asked, asked_as_kept
from gatekeeper.examinations.history import earlier_of, not_to_leave
from gatekeeper.goods.as_shipped import as_shipped, goods_gone
from gatekeeper.goods.bookkeeping import Bookkeeping
from gatekeeper.goods.by_people import as_corrected
from gatekeeper.goods.held import holding
from gatekeeper.goods.line_book import Book, Books, Told, told_of
from gatekeeper.goods.recalls import recall_of, recall_questions
from gatekeeper.storage.bypasses import Bypass
from gatekeeper.storage.lookups import NOTHING, Said, plain
from gatekeeper.storage.records import Place
from gatekeeper.translate import content_of, order_of
from schemas.bypass import Completion
from schemas.event import EventLine, ShipmentEvent
from schemas.order import ShipmentOrder
from schemas.record import DistributionRecord

Name = tuple[str, str]
UNSAID = frozenset({"product", "quantity", "ship_to", "patient"})
"""What a record needs that somebody must have said; all but the patient is in every order."""


class Grounds(NamedTuple):
    """What settling some lines may ask of the ledger, beside their history and events."""

    books: Books
    orders: Mapping[tuple[str, str, int], ShipmentOrder]
    """By wholesaler, order and revision, what was ordered, where that has been seen."""
    arrived: Mapping[Name, tuple[int, int, int]]
    """By order, where its last message stood."""
    completions: Mapping[Told, Completion]
    """What people have added, and others approved."""
    bypassed: dict[Told, str]
    """What was found to have left past the gate, and why."""
    bypasses: Mapping[Told, Bypass]
    """The same, with what became of it."""


class Judged(NamedTuple):
    """Goods that left, judged as if they were to leave."""

    line: LineVerdict
    """By itself, as if nothing had become of its order."""
    outcome: str
    reasons: tuple[Reason, ...]
    """With what came before of the order: it may have ended the examination."""
    program: Program | None
    patient_id: str | None
    authorization_id: str | None
    at: datetime
    content: bytes
    asked: bytes
    rules: bytes


class PastGate(Bookkeeping):
    """What is asked of goods that left."""

    grounds: Grounds

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self._alerted: set[UUID] = set()
        self._lacks: dict[Told, tuple[str, ...]] = {}
        """What was just found to lack something for a record."""

    def _gate_says(self, told: ShipmentEvent, line: EventLine, book: Book) -> tuple[tuple[str, ...], Judged | None, tuple[str, ...]]:
        """Why this left past the gate (nothing where it did not), what would have been decided, and what nobody has said."""
        place, why = place_of(told, line), []
        at, closed = datetime.fromisoformat(told.at), not_to_leave(*place[2:], self._history[place[:2]], self._events[place[:2]])
        if book.released is None:
            why.append("not_released")
        elif any(begin < at and (end is None or at < end) for begin, end in closed):
            why.append("withdrawn")
        if not why and book.released is not None and as_released(told, line, book.released.body):
            return (), None, ()
        completion = self.grounds.completions.get(told_of(told, line.line))
        shipped = as_shipped(told, line, self.grounds.orders.get(place[:3]), completion)
        judged = None if shipped.order is None else self._judge(place, shipped.order, told, holding(book))
        if judged is not None:
            why += _parties(told, line, judged, book)
        return tuple(why), judged, shipped.lacks if book.standing is None else ()

    def _is_incomplete(self, told: ShipmentEvent, line: EventLine) -> bool:
        """Whether nobody has said what a record of these goods needs: no event, no person, nor their order, should it have come since."""
        key, order = told_of(told, line.line), self.grounds.orders.get(place_of(told, line)[:3])
        bypass = self.grounds.bypasses.get(key)
        lacks = {"patient"} if order is not None and any(each.line == line.line for each in order.lines) else UNSAID
        found = self._lacks.get(key) or (bypass.lacks.split(",") if bypass is not None and bypass.is_open else ())
        return key not in self.grounds.completions and not lacks.isdisjoint(found)

    def _recall(self, told: ShipmentEvent, line: EventLine) -> RecallFact | None:
        """The recall that is known of goods that left, whatever its day."""
        completion = self.grounds.completions.get(told_of(told, line.line))
        programs, goods = self._rules.programs, goods_gone(told, line, self.grounds.orders.get(place_of(told, line)[:3]), completion)
        found = [recall_of(self._said[question].answer, goods, programs) for question in recall_questions(goods, programs)]
        return next((recall for recall in found if recall is not None), None)

    def _judge(self, place: Place, wire: ShipmentOrder, told: ShipmentEvent, own: Mapping[Question, Any]) -> Judged:
        """By the one code that judges, at the instant when the goods left; changes nothing."""
        programs, name = self._rules.programs, place[:2]
        content = content_of(wire, programs)
        order = order_of(wire, programs, content)
        others = [each for each in self._history[name] if each.cause != "message" or each.revision != place.revision]
        events = [each for each in self._events[name] if each.event != "shipped" or each.revision != place.revision]
        earlier = earlier_of(order, others, events, reports=False)
        said: dict[Question, Said] = {("order", *name): NOTHING}
        for question, units in own.items():
            if question in self._said and units is not None:
                said[question] = plain(self._said[question].answer - units)
        asked = Asked(ChainMap(said, self._said))
        at = min(datetime.fromisoformat(told.at), self._tail.now)
        [line] = decide(Case(order, asked, programs, at)).lines
        past = decide(Case(order, ChainMap({("order", *name): earlier}, asked), programs, at)).lines if earlier else ()
        ended = next((each for each in past if each.package is None and each.reasons), None)
        program = next((program for program in programs if program.name == line.program), None)
        patient = order.lines[0].patient
        return Judged(
            line,
            line.outcome if ended is None else ended.outcome,
            line.reasons if ended is None else (*ended.reasons, *line.reasons),
            program,
            patient and patient.patient_id,
            patient and patient.authorization_id,
            at,
            content,
            asked_as_kept(asked.asked),
            self._rules.kept_for(order),
        )


def as_released(told: ShipmentEvent, line: EventLine, released: DistributionRecord) -> bool:
    """Whether an event names nothing of goods and parties that is not what was released; quantities do not matter."""
    if told.ship_to is not UNSET or line.product is not UNSET or line.patient is not UNSET:
        return False
    serials = () if line.serials is UNSET else line.serials
    return (
        line.lot in (UNSET, released.lot)
        and line.expires_on in (UNSET, released.expires_on)
        and set(serials) <= set(() if released.serials is UNSET else released.serials)
    )


def _parties(told: ShipmentEvent, line: EventLine, judged: Judged, book: Book) -> list[str]:
    """In what the goods were for others than those to whom they were released, also as people corrected it since."""
    if book.released is None:
        return []
    found, package, released = [], judged.line.package, book.released.body
    corrected = as_corrected(released, [change for change in book.changes if change.before.outside_gate is UNSET])
    if told.ship_to is not UNSET and (judged.line.site is None or judged.line.site_id != released.ship_to.site_id):
        found.append("other_site")
    if line.product is not UNSET and (package is None or package.gtin != released.product.gtin):
        found.append("other_product")
    patient = judged.patient_id or UNSET, judged.authorization_id or UNSET
    if line.patient is not UNSET and patient not in [(each.patient_id, each.authorization_id) for each in (released, corrected)]:
        found.append("other_patient")
    return found


def names_whom_people_replaced(line: EventLine, judged: Judged | None, book: Book) -> bool:
    """Whether goods left for the patient to whom they were released, by what is told after people corrected whom they are for."""
    if line.patient is UNSET or judged is None or book.released is None:
        return False
    named, released = (judged.patient_id or UNSET, judged.authorization_id or UNSET), book.released.body
    both = [(each.patient_id, each.authorization_id) for each in (released, as_corrected(released, book.changes))]
    return named == both[0] != both[1]


def place_of(told: ShipmentEvent, line: EventLine) -> Place:
    return Place(told.wholesaler_id, told.order_id, 1 if told.revision is UNSET else told.revision, line.line)
