"""What settling the records of some lines may ask, fetched by set whatever their number."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.domain.case import Question
from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.evidence import members
from gatekeeper.examinations.asking import registry_says
from gatekeeper.examinations.history import Amount
from gatekeeper.goods.as_shipped import as_shipped, goods_gone
from gatekeeper.goods.bookkeeping import Bookkeeping
from gatekeeper.goods.line_book import Books, Told, Use, lines_of, row_of, told_of
from gatekeeper.goods.past_gate import Grounds, Name
from gatekeeper.goods.recalls import recall_questions
from gatekeeper.goods.settlement import CORRECTED, RETURNED
from gatekeeper.rules import Rules
from gatekeeper.storage import bypasses, ledger, waiting_events, watches
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination
from gatekeeper.storage.lookups import Said, ask
from gatekeeper.storage.records import Place, records_of
from gatekeeper.translate import content_of, order_of
from schemas.bypass import Completion
from schemas.event import EventLine, ShipmentEvent
from schemas.order import ShipmentOrder

EVIDENCE = "SELECT id, evidence FROM examination WHERE id = ANY(%s)"
HOLDERS = """
SELECT gtin, serial, place, 'has' FROM moving_serial WHERE serial = ANY(%s)
UNION ALL SELECT gtin, serial, place, 'holds' FROM moving_claimed_serial WHERE serial = ANY(%s)
UNION ALL SELECT gtin, serial, place, 'names' FROM moving_named_serial WHERE serial = ANY(%s)
"""
_order = msgspec.json.Decoder(ShipmentOrder)
_completion = msgspec.json.Decoder(Completion)
_place = msgspec.json.Decoder(tuple[int, int, int])


class Known(NamedTuple):
    """What the ledger has of the orders that are looked at."""

    examinations: Sequence[EarlierExamination]
    events: Sequence[OrderEvent]
    books: Books


def books_of(
    cursor: Cursor[Any], events: Collection[OrderEvent], examinations: Iterable[EarlierExamination] = (), also: Iterable[str] = ()
) -> Books:
    """What the ledger has of the lines of the orders that these events are about, or whose records these examinations settled without any
    that still counts, and with which lines ``also`` these serials are out.
    """
    names = {event.order_id for event in events} | {each.order_id for each in examinations if each.cause in (CORRECTED, RETURNED)}
    books = Books(records_of(cursor, names), waiting_events.of_orders(cursor, names)) if names else Books()
    read_holders(cursor, books, events, also=also)
    return books


def nothing_more(books: Books) -> Grounds:
    """Where nothing that is looked at can change a record."""
    return Grounds(books, {}, {}, {}, {}, {})


def grounds(
    cursor: Cursor[Any],
    rules: Rules,
    known: Known,
    new: Iterable[ShipmentEvent],
    guarded: Callable[..., Any],
    added: Mapping[Told, Completion] | None = None,
) -> tuple[Grounds, dict[Question, Said]]:
    """What settling the lines of ``new`` events may ask; their orders' own history is ``known``.

    ``guarded`` runs one step for the event that stands beside it; ``added`` is what a person adds who has not been approved yet.
    """
    told = list(new)
    names = {(event.wholesaler_id, event.order_id) for event in told}
    orders, arrived = ordered(cursor, names, known.examinations)
    known.books.arrived.update(arrived)
    known.books.ordered.update(_products(orders, rules.programs))
    found = [bypass for bypass in bypasses.of_orders(cursor, [name[1] for name in names]) if bypass.place[:2] in names]
    completions = {bypass.told: _completion.decode(bypass.completion) for bypass in found if bypass.completion is not None}
    completions.update(added or {})
    shipped = [
        (event, order_of(order, rules.programs, content_of(order, rules.programs)))
        for event in told if event.event == "shipped"
        for line in lines_of(event)
        if (order := guarded(event, _as_shipped, event, line, orders, completions)) is not None
    ]  # fmt: skip
    asked = registry_says(cursor, shipped, rules.programs, guarded)
    of_lots = {question for event in told for line in lines_of(event) for question in _recalls(event, line, orders, completions, rules)}
    said = asked.said | ask(cursor, asked.moving | (of_lots - asked.said.keys()))
    # What was ordered counts too: goods that nobody released, and of which an event names no serials, are those.
    ordered_serials = [serial for order in orders.values() for line in order.lines for serial in line.serials or ()]
    read_holders(cursor, known.books, known.events, told, completions.values(), ordered_serials)
    return Grounds(
        known.books,
        orders,
        arrived,
        completions,
        {bypass.told: bypass.why for bypass in found},
        {bypass.told: bypass for bypass in found},
    ), said


def _products(
    orders: Mapping[tuple[str, str, int], ShipmentOrder], programs: tuple[Program, ...]
) -> dict[Place, tuple[Use, CoveredPackage]]:
    """By line, of which covered product it was ordered."""
    rows = {Place(*name, line.line): row_of(line.product, programs) for name, order in orders.items() for line in order.lines}
    return {place: (Use(row.program.name, row.package.gtin), row.package) for place, row in rows.items() if row is not None}


def _as_shipped(
    event: ShipmentEvent, line: EventLine, orders: Mapping[tuple[str, str, int], ShipmentOrder], completions: Mapping[Told, Completion]
) -> ShipmentOrder | None:
    order = orders.get((event.wholesaler_id, event.order_id, event.revision or 1))
    return as_shipped(event, line, order, completions.get(told_of(event, line.line))).order


def _recalls(
    event: ShipmentEvent,
    line: EventLine,
    orders: Mapping[tuple[str, str, int], ShipmentOrder],
    completions: Mapping[Told, Completion],
    rules: Rules,
) -> list[Question]:
    order = orders.get((event.wholesaler_id, event.order_id, event.revision or 1))
    goods = goods_gone(event, line, order, completions.get(told_of(event, line.line)))
    return recall_questions(goods, rules.programs)


def read_uncovered(cursor: Cursor[Any], books: Books, events: Iterable[ShipmentEvent]) -> None:
    """Adds to the books how much was ordered of lines that these events say left, and that are watched although they have no record."""
    left = {
        Place(event.wholesaler_id, event.order_id, event.revision or 1, line.line)
        for event in events if event.event == "shipped" for line in lines_of(event)
    }  # fmt: skip
    places = [place for place in left if not books.records(place)]
    for place, evidence in (watches.ordered(cursor, places) if places else {}).items():
        line = next(line for line in _order.decode(members(evidence)["order"]).lines if line.line == place.line)
        books.uncovered[place] = Amount(line.quantity, line.unit or None)


def ordered(
    cursor: Cursor[Any], names: Collection[Name], examinations: Iterable[EarlierExamination]
) -> tuple[dict[tuple[str, str, int], ShipmentOrder], dict[Name, tuple[int, int, int]]]:
    """What was ordered by the first message of each revision, and where the last message of each order stood."""
    first: dict[tuple[str, str, int], int] = {}
    last: dict[Name, int] = {}
    for each in sorted(examinations, key=attrgetter("id")):
        name = each.wholesaler_id, each.order_id
        if each.cause == "message" and name in names:
            first.setdefault((*name, each.revision), each.id)
            last[name] = each.id
    wanted = sorted({*first.values(), *last.values()})
    kept = {number: members(evidence) for number, evidence in cursor.execute(EVIDENCE, (wanted,))} if wanted else {}
    orders = {revision: _order.decode(kept[number]["order"]) for revision, number in first.items()}
    return orders, {name: _place.decode(kept[number]["arrived"]) for name, number in last.items() if "arrived" in kept[number]}


def keep_books(cursor: Cursor[Any], keeping: Bookkeeping, books: Books) -> None:
    """Hands over the books, with what is known of orders whose live records name serials that their lines do not hold."""
    keeping.books = books
    places = [Place.read(place) for place in books.named.values()]
    unread = {place[:2] for place in places if place[:2] not in books.arrived or not books.records(place)}
    if not unread:
        return
    examinations = ledger.earlier(cursor, {order_id for _, order_id in unread})
    keeping.learn(examinations)
    books.arrived.update(ordered(cursor, unread, examinations)[1])
    for record in records_of(cursor, {place.order_id for place in places if not books.records(place)}):
        books.add(record)


def read_holders(
    cursor: Cursor[Any],
    books: Books,
    events: Iterable[OrderEvent],
    told: Iterable[ShipmentEvent] = (),
    completions: Iterable[Completion] = (),
    also: Iterable[str] = (),
) -> None:
    """With which line each serial is out that the books and these events name, and others, which lines hold it too, and whose live record
    names it although its line does not.
    """
    serials = {serial for event in (*told, *[event.said for event in events]) for line in lines_of(event) for serial in line.serials or ()}
    serials.update(serial for completion in completions for serial in completion.serials or ())
    serials.update(also)
    serials.update(serial for record in books.every() for serial in record.body.serials or ())
    for gtin, serial, place, does in cursor.execute(HOLDERS, [sorted(serials)] * 3) if serials else ():
        if does == "has":
            books.owners[gtin, serial] = place
        elif does == "names":
            books.named[gtin, serial] = place
        else:
            books.claims.setdefault((gtin, serial), set()).add(place)
