"""Released lines are watched for a time; when it is over and nobody has reported what became of the goods, a person has to know."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from psycopg import Cursor

from gatekeeper.examinations.alerts import unreported_alert
from gatekeeper.examinations.history import Amount, by_order, emptied_lines, stayed
from gatekeeper.examinations.withdrawal import released_lines
from gatekeeper.goods.line_book import Book, Books
from gatekeeper.storage import ledger, watches
from gatekeeper.storage.events import OrderEvent, events_of
from gatekeeper.storage.ledger import EarlierExamination, Tail
from gatekeeper.storage.records import Place, records_of
from gatekeeper.storage.watches import OverLine


def end_watches(cursor: Cursor[Any], reporting: Collection[str], most: int) -> bool:
    """Ends the watch of lines whose time is over, and says whether there were any. Nothing is withdrawn.

    Of a wholesaler that reports shipments an alert names them: it should have said by then that the goods left, or stayed. So it should
    of lines that were withdrawn.
    """
    if watches.end_others(cursor, reporting, most):
        return True
    if watches.any_over(cursor, reporting):
        ledger.take_lock(cursor)
        _tell(cursor, ledger.read_tail(cursor), watches.end(cursor, reporting, most))
        return True
    if not watches.any_withdrawn_over(cursor):
        return False
    ledger.take_lock(cursor)
    over = [line for line in watches.end_withdrawn(cursor, most) if line.wholesaler_id in reporting]
    orders = {line.order_id for line in over}
    history, events = by_order(ledger.earlier(cursor, list(orders))), by_order(events_of(cursor, orders))
    books = Books(records_of(cursor, orders))
    names = [(line, (line.wholesaler_id, line.order_id)) for line in over]
    _tell(cursor, ledger.read_tail(cursor), [line for line, name in names if not _heard_of(line, history[name], events[name], books)])
    return True


def _heard_of(line: OverLine, history: Iterable[EarlierExamination], events: list[OrderEvent], books: Books) -> bool:
    """Whether all of a withdrawn line is known to have left or stayed (then its record is void, whoever said so), or it was released
    again, and is watched anew.
    """
    number, place = line.line, Place(*line[1:])
    out = released_lines(history).get((line.revision, number))
    if (out is not None and out.out) or stayed(line.revision, number, events):
        return True
    book = Book(books.records(place))
    released = book.released
    return released is not None and (
        book.live is None or number in emptied_lines(line.revision, events, {number: Amount(released.body.quantity, released.body.unit)})
    )


def _tell(cursor: Cursor[Any], tail: Tail, over: Iterable[OverLine]) -> None:
    silent: dict[tuple[int, str, str, int], list[int]] = defaultdict(list)
    for line in over:
        silent[line.examination, line.wholesaler_id, line.order_id, line.revision].append(line.line)
    alerts = {}
    for examined, lines in sorted(silent.items()):
        name, body = unreported_alert(tail.now, *examined, sorted(lines))
        alerts[UUID(name)] = body
    ledger.raise_alerts(cursor, tail, "shipment_unreported", alerts)
