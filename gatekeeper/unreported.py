"""Released lines are watched for a time; when it is over and nobody has reported what became of the goods, a person has to know."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from psycopg import Cursor

from gatekeeper.alerts import unreported_alert
from gatekeeper.storage import ledger, watches
from gatekeeper.storage.watches import OverLine


def end_watches(cursor: Cursor[Any], reporting: Collection[str], most: int) -> bool:
    """Ends the watch of lines whose time is over, and says whether there were any. Nothing is withdrawn.

    Of a wholesaler that reports shipments an alert names them: it should have said by then that the goods left, or stayed.
    """
    if watches.end_others(cursor, reporting, most):
        return True
    if not watches.any_over(cursor, reporting):
        return False
    ledger.take_lock(cursor)
    tail = ledger.read_tail(cursor)
    silent: dict[tuple[int, str, str, int], list[OverLine]] = defaultdict(list)
    for line in watches.end(cursor, reporting, most):
        silent[line.examination, line.wholesaler_id, line.order_id, line.revision].append(line)
    alerts = {}
    for (examination, wholesaler_id, order_id, revision), lines in sorted(silent.items()):
        numbers = sorted(line.line for line in lines)
        name, body = unreported_alert(tail.now, examination, wholesaler_id, order_id, revision, numbers)
        alerts[UUID(name)] = body
    return ledger.raise_alerts(cursor, tail, "shipment_unreported", alerts)
