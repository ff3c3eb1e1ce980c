"""From where a partition is read, and the contradictions in which nothing is read at all."""

import pytest

from consumers.kafka.log import Offsets
from consumers.starts import starts
from gatekeeper.errors import Halt

TOPIC = "shipment-orders"


@pytest.mark.parametrize(
    ("found", "heads", "start"),
    [
        pytest.param(Offsets(0, None, 0, 0), {}, 0, id="a new topic, a new ledger"),
        pytest.param(Offsets(0, None, 0, 500), {}, 0, id="a new ledger reads a topic from its beginning"),
        pytest.param(Offsets(0, 7, 0, 9), {0: 7}, 7, id="everything that was judged was published"),
        pytest.param(Offsets(0, 7, 0, 9), {0: 9}, 7, id="what lies between was judged and perhaps not published"),
        pytest.param(Offsets(0, 7, 7, 9), {0: 7}, 7, id="old messages expired after they were published"),
        pytest.param(Offsets(0, 0, 0, 0), {}, 0, id="nothing came yet"),
        pytest.param(Offsets(0, 9, 0, 9), {0: 9}, 9, id="nothing is left"),
    ],
)
def test_reading_begins_where_the_group_has_committed(found: Offsets, heads: dict[int, int], start: int) -> None:
    """The broker's committed offset says what was published; the ledger's head, what was judged."""
    assert starts([found], heads, TOPIC) == {0: start}


@pytest.mark.parametrize(
    ("found", "heads", "words"),
    [
        pytest.param(
            Offsets(2, None, 0, 50), {2: 40}, "no offset for shipment-orders/2, but the ledger has judged up to 40", id="no offset"
        ),
        pytest.param(Offsets(2, None, 0, 50), {2: 0}, "no offset for shipment-orders/2, but the ledger has judged up to 0", id="head 0"),
        pytest.param(
            Offsets(2, None, 5, 50), {}, "messages shipment-orders/2/0 to 4 expired before anybody read them", id="expired unread"
        ),
        pytest.param(
            Offsets(2, 7, 9, 50), {2: 7}, "messages shipment-orders/2/7 to 8 expired before they were published", id="expired judged"
        ),
        pytest.param(Offsets(2, 0, 1, 50), {}, "messages shipment-orders/2/0 to 0 expired before they were published", id="expired first"),
        pytest.param(
            Offsets(2, 41, 0, 50), {2: 40}, "published shipment-orders/2 up to 41, but the ledger knows it up to 40", id="older copy"
        ),
        pytest.param(
            Offsets(2, 41, 0, 50),
            {},
            "up to 41, but the ledger has judged nothing of this topic",
            id="made anew",
        ),
    ],
)
def test_where_broker_and_ledger_contradict_each_other_nothing_is_read(found: Offsets, heads: dict[int, int], words: str) -> None:
    """The sentence names the range, and where the runbook goes on; the other partitions are not read either."""
    with pytest.raises(Halt) as halted:
        starts([Offsets(0, 3, 0, 9), found], {0: 3} | heads, TOPIC)
    assert words in str(halted.value)
    assert "See the runbook, «" in str(halted.value)


def test_each_partition_begins_at_its_own_place() -> None:
    assert starts([Offsets(0, 3, 0, 9), Offsets(1, None, 0, 9), Offsets(5, 8, 8, 9)], {0: 4, 5: 8}, TOPIC) == {0: 3, 1: 0, 5: 8}
