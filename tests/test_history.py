"""What of an order's past matters to its answer."""

import json

import pytest

from gatekeeper.domain.case import Earlier
from gatekeeper.examinations.history import earlier_of, gone_lines
from gatekeeper.storage.events import OrderEvent, event_of
from gatekeeper.storage.ledger import EarlierExamination
from tests.domain.worlds_of_cases import ORDER

SECOND = ORDER._replace(revision=2)


def examined(revision: int, *lines: str, cause: str = "message", digest: bytes = b"\x01") -> EarlierExamination:
    """One examination; ``lines`` are what its released message says, each as ``1 released``."""
    said = [{"line": int(line.split()[0]), "outcome": line.split()[1]} for line in lines]
    released = json.dumps({"decided_at": "2026-11-20T17:00:00.000Z", "lines": said}).encode() if said else None
    return EarlierExamination(revision, "WD-001", "SO-1", revision, 1, cause, digest, released)


def event(revision: int, kind: str, *lines: int) -> OrderEvent:
    said: dict[str, object] = {"event_id": "EV-1", "wholesaler_id": "WD-001", "order_id": "SO-1", "revision": revision, "event": kind}
    told = said | {"at": "2026-11-23T16:00:00Z"} | ({"lines": [{"line": line} for line in lines]} if lines else {})
    return event_of(json.dumps(told).encode())


@pytest.mark.parametrize(
    ("examinations", "expected"),
    [
        ([], []),
        ([examined(1), examined(1, digest=b"\x02"), examined(1, digest=b"\x03")], [Earlier(1, "01")]),
        ([examined(2), examined(1), examined(4), examined(3)], [Earlier(2, "01"), Earlier(4, "01")]),
        ([examined(2), examined(2, cause="again"), examined(5, cause="superseded")], [Earlier(2, "01")]),
    ],
)
def test_of_the_messages_one_like_this_and_the_highest(examinations: list[EarlierExamination], expected: list[Earlier]) -> None:
    assert list(earlier_of(SECOND, examinations, (), reports=False)) == expected


def test_of_events_no_more_than_a_line_of_each_kind() -> None:
    """However many came: the highest lower revision whose goods left; a whole cancellation, or the lines of all that are of some."""
    shipped = [event(revision, "shipped", 1) for revision in (1, 3, 2, 5)]
    cancelled = [event(3, "cancelled", 2, 1), event(4, "cancelled", 3), event(2, "cancelled", 4), event(5, "returned", 9)]
    order = ORDER._replace(revision=3)

    assert earlier_of(order, (), shipped + cancelled, reports=False) == (
        Earlier(2, "", "shipped"), Earlier(4, "", "cancelled", (1, 2, 3)),
    )  # fmt: skip
    assert earlier_of(order, (), [*cancelled, event(3, "cancelled")], reports=False) == (Earlier(3, "", "cancelled"),)
    assert earlier_of(order, (), [event(2, "cancelled"), event(3, "shipped", 1)], reports=False) == ()


@pytest.mark.parametrize(
    ("examinations", "events", "unconfirmed"),
    [
        ([examined(1, "1 released", "2 not_covered")], [], [1]),
        ([examined(1)], [], []),
        ([examined(2, "1 released"), examined(3, "1 released")], [], []),
        ([examined(1, "1 released"), examined(1, "1 withdrawn", cause="superseded")], [], [1]),
        ([examined(1, "1 released")], [event(1, "cancelled")], []),
        ([examined(1, "1 released")], [event(2, "cancelled", 9)], [1]),
        ([examined(1, "1 released", "2 released")], [event(1, "cancelled", 1)], [1]),
        ([examined(1, "1 released", "2 released")], [event(1, "cancelled", 1), event(1, "cancelled", 2)], []),
        ([examined(1, "1 released")], [event(1, "shipped", 1), event(1, "returned", 1)], [1]),
    ],
)
def test_where_shipments_are_reported_what_was_released_stays_unconfirmed(
    examinations: list[EarlierExamination], events: list[OrderEvent], unconfirmed: list[int]
) -> None:
    """Until a cancellation of that very revision says of each released line that it stayed."""
    told = earlier_of(SECOND, examinations, events, reports=True)
    assert [earlier.revision for earlier in told if earlier.what == "unconfirmed"] == unconfirmed
    assert all(earlier.what != "unconfirmed" for earlier in earlier_of(SECOND, examinations, events, reports=False))


def test_what_has_left_is_told_by_line() -> None:
    events = [event(1, "shipped", 1, 2), event(1, "cancelled", 3), event(2, "shipped", 4)]
    assert gone_lines(1, events) == {1, 2}
    assert gone_lines(3, events) == frozenset()
