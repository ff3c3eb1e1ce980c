"""Events that came before their order are settled when that was seen, or is known not to come: then the goods left past the gate."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from msgspec import Raw
from psycopg import Cursor

from gatekeeper.errors import Halt
from gatekeeper.examinations.recording import Terms
from gatekeeper.goods.grounds import Known, books_of, grounds, keep_books
from gatekeeper.goods.held import holding
from gatekeeper.goods.line_book import lines_of, whereabouts_of
from gatekeeper.goods.past_gate import place_of
from gatekeeper.goods.settlement import VOIDED, Settlement
from gatekeeper.goods.settling import Settling
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage import ledger, tables, waiting_events
from gatekeeper.storage.events import OrderEvent, digest_of, events_of, without_returns
from gatekeeper.storage.ledger import Tail
from gatekeeper.storage.records import Place, Recorded
from gatekeeper.storage.waiting_events import Told
from schemas.bypass import Completion
from schemas.event import EventLine, ShipmentEvent

T = TypeVar("T")
LINES_AT_ONCE: Final = 500


def settle_waiting(cursor: Cursor[Any], book: RuleBook, terms: Terms, most: int = LINES_AT_ONCE) -> bool:
    """Settles a bounded part of what is waited for no longer, in one transaction; says whether there was any. So are lines of which it is
    known since that a serial is theirs.
    """
    if not waiting_events.ready(cursor, terms.order_wait_s, 1):
        return settle_fallen(cursor, book, terms, most)
    ledger.take_lock(cursor)
    ready = waiting_events.ready(cursor, terms.order_wait_s, most)
    tail, _, _, counts, *_ = ledger.read_end(cursor, 0)
    told = {each.told for each in ready}
    settling = prepared(cursor, book.at(tail.now), terms, tail, [each.order_id for each in ready], told)
    settling.counts = counts
    for event, line in settling.waiting:
        guarded(event, settling.settle_late, event, line)
    settling.write(cursor)
    waiting_events.remove(cursor, told)
    return bool(ready)


def settle_fallen(cursor: Cursor[Any], book: RuleBook, terms: Terms, most: int = LINES_AT_ONCE) -> bool:
    """Looks once more at a bounded part of the lines that have got a serial which another gave up; says whether there was any."""
    if not waiting_events.unsettled(cursor, 1):
        return False
    ledger.take_lock(cursor)
    places = waiting_events.unsettled(cursor, most)
    tail, _, _, counts, *_ = ledger.read_end(cursor, 0)
    order_ids = [place.order_id for place in places]
    settling = prepared(cursor, book.at(tail.now), terms, tail, order_ids, _told_last(events_of(cursor, order_ids), set(places)))
    settling.counts = counts
    for event, line in settling.waiting:
        guarded(event, settling.settle_fallen, event, line)
    settling.write(cursor)
    waiting_events.settled(cursor, places)
    return True


class Late(Settling):
    """What is settled of events that had been recorded before, until it is written."""

    waiting: list[tuple[ShipmentEvent, EventLine]]

    def settle_late(self, event: ShipmentEvent, line: EventLine) -> tuple[str, ...]:
        """One line of an event: what a record of it lacks."""
        if event.event == "returned":
            self.bring_back(event, line, fresh=False)
            return ()
        lacks = self.ship(event, line, fresh=False)
        self.close_released(event, line)
        return lacks

    def void_return(self, back: Recorded, told: ShipmentEvent, line: EventLine, about: UUID) -> None:
        """People say that a return record is wrong: it is void, and the line is as if what was ``told`` of it had never come.

        The vials are out again: one that another line has got meanwhile is held by both, and this one's record names it no more.
        """
        place, number = place_of(told, line), str(line.line)
        before, name = self._book(place), place[:2]
        case = Settlement(at=self._at, programs=Raw(b"[]"), line=place.line, unit=back.body.unit, standing=back.body)
        self._settle(place, VOIDED, case, back, back.units, about.bytes, self.grounds.arrived.get(name))
        self._events[name] = without_returns(self._events[name], {digest_of(told, line)})
        problems, after = self._settle_once_more(place), self._book(place)
        if problems and after.live != before.live:
            self.tell("shipment_disputed", told, f"{number}/{about}", {"line": line.line, "problems": list(problems)})
        if whereabouts_of(after).too_few > whereabouts_of(before).too_few:
            self.tell("return_disputed", told, f"{number}/{about}", {"line": line.line})
        self.hold(place, holding(before))
        if after.live is not None:
            # What it names is out with it again.
            self._name_here_only(str(place), after.live.body.product.gtin, after.live.body.serials or ())
        self.take_back_again(place)

    def write(self, cursor: Cursor[Any]) -> None:
        """Adds what was settled as the next block, if anything was, and moves what moves."""
        self.leave_out_what_was_told(cursor)
        if any(self._rows.values()):
            self._add_block(cursor)
        else:
            self._moves.write(cursor)

    def approve(self, row: Sequence[Any]) -> None:
        """Records the word of a second person."""
        self._rows[tables.APPROVAL].append(row)

    def decide(self, row: Sequence[Any]) -> None:
        """Records what that person decided of a void."""
        self._rows[tables.VOIDING_DECISION].append(row)

    def note(self, row: Sequence[Any]) -> None:
        """Records what a person did about a bypass."""
        self._rows[tables.BYPASS_STEP].append((*row, self._block))


def prepared(
    cursor: Cursor[Any],
    rules: Rules,
    terms: Terms,
    tail: Tail,
    order_ids: Sequence[str],
    told: set[Told],
    completions: Mapping[Told, Completion] | None = None,
) -> Late:
    """With all that settling these lines of events of these orders may ask, as of this moment under the ledger lock.

    ``completions`` are what a person adds, beside what was approved before.
    """
    events = events_of(cursor, order_ids)
    known = Known(ledger.earlier(cursor, order_ids), events, books_of(cursor, events))
    waiting = [(each.said, line) for each in events for line in lines_of(each.said) if _named(each.said, line) in told]
    # What came back had left: that is settled first.
    waiting.sort(key=lambda each: each[0].event == "returned")
    # An event's lines come one after the other: they are the same event.
    found, said = grounds(cursor, rules, known, {id(event): event for event, _ in waiting}.values(), guarded, completions)
    late = Late(tail, rules, terms, said, known.examinations, known.events)
    late.grounds, late.waiting = found, waiting
    keep_books(cursor, late, found.books)
    return late


def guarded(event: ShipmentEvent, step: Callable[..., T], *arguments: Any) -> T:
    """Runs one step for an event. A fault of our own in it halts whoever settles; nothing was recorded."""
    try:
        return step(*arguments)
    except Exception as fault:  # noqa: BLE001 - whatever our own code does wrong must stop us, never open the gate
        name = f"{event.wholesaler_id}/{event.event_id}"
        raise Halt(
            f"A fault of the gatekeeper ({type(fault).__name__}) as event {name} was settled: nothing was recorded. "
            "Install a mended version."
        ) from None


def _told_last(events: Iterable[OrderEvent], places: Container[Place]) -> set[Told]:
    """What was told last to have left of each of these lines."""
    last = {}
    for event in events:
        for line in lines_of(event.said) if event.event == "shipped" else ():
            if (place := Place(event.wholesaler_id, event.order_id, event.revision, line.line)) in places:
                last[place] = _named(event.said, line)
    return set(last.values())


def _named(event: ShipmentEvent, line: EventLine) -> Told:
    return event.wholesaler_id, event.event_id, line.line
