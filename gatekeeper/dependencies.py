"""On what the answer to a stopped line hangs: what its case looked up, and the next day that could change it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from gatekeeper.domain.case import Question
from gatekeeper.domain.order import Order
from gatekeeper.domain.verdict import Verdict
from gatekeeper.storage.lookups import Said

SETTLED = frozenset({"order_superseded", "order_contradicts", "order_cancelled", "order_already_shipped"})
"""A line with one of these is not open: only another message clears it."""
ONE_DAY = timedelta(days=1)


def open_lines(verdict: Verdict) -> list[int]:
    """The stopped lines that may still be released as they are."""
    return [
        line.line
        for line in verdict.lines
        if line.outcome in ("held", "blocked") and not any(reason.code in SETTLED for reason in line.reasons)
    ]


def next_at(order: Order, asked: Mapping[Question, Said], at: datetime) -> datetime | None:
    """When the first day to come begins on which anything that was seen begins or ends.

    Days of UTC, and a day early, are near enough: on that day the line is looked at again, not decided by it.
    """
    seen = {order.ship_on, order.deliver_by, *(line.expires_on for line in order.lines)}
    for said in asked.values():
        if isinstance(said.answer, tuple):
            seen.update(member for fact in said.answer if isinstance(fact, tuple) for member in fact if isinstance(member, date))
    today = (at - ONE_DAY).date()
    days = [day + after for day in seen if day is not None for after in (timedelta(0), ONE_DAY) if day + after > today]
    return datetime.combine(min(days), time(), UTC) if days else None
