"""Events that wait for their order: up to where the orders must have been read before an order is known not to come."""

from collections.abc import Callable

from sqlalchemy import Engine

from gatekeeper.storage import waiting_events
from gatekeeper.storage.engine import transaction


def mark(engine: Engine, topic_id: Callable[[], str], ends: Callable[[], dict[int, int]]) -> bool:
    """Asks the broker how far the orders have been written, for events that have come since it was last asked; says whether there were any.

    What was published before an event came is below these ends, in whatever partition: the question is put after the event was recorded.
    """
    with transaction(engine) as cursor:
        told = waiting_events.unmarked(cursor)
    if not told:
        return False
    before, found = topic_id(), ends()
    if topic_id() != before:
        # The topic was made anew between the two questions: they are put again.
        return False
    with transaction(engine) as cursor:
        waiting_events.mark(cursor, told, before, found)
    return True
