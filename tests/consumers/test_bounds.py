"""What is too much for one message or one transaction: said plainly, or taken in smaller parts, and nothing is lost or said twice."""

import json
from itertools import pairwise
from time import monotonic

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType  # type: ignore[attr-defined]

from gatekeeper.domain import verdict
from gatekeeper.domain.checks import CHECKS
from gatekeeper.domain.covered_line import CoveredLine
from gatekeeper.errors import TryAgain
from gatekeeper.storage import engine, tables
from tests.consumers.place import Place
from tests.consumers.relays import ALERTS, Relaying, fill
from tests.consumers.test_loop import MANY, orders_of, some
from tests.gate.ledger import Ledger, order

STOPPED = "shipments-stopped"
LEAST_SEGMENT = 1_048_576
"""The smallest that Kafka takes."""


def take(place: Place, topic: str, most: int, setting: str = "max.message.bytes") -> None:
    """From now on the topic takes so many bytes in one message, or segment."""
    admin = AdminClient({"bootstrap.servers": place.broker.bootstrap})
    entry = ConfigEntry(setting, str(most), incremental_operation=AlterConfigOpType.SET)
    asked = ConfigResource(ResourceType.TOPIC, place.prefix + topic, incremental_configs=[entry])
    for answer in admin.incremental_alter_configs([asked]).values():
        answer.result()


def large(order_id: str, lines: int = 200) -> bytes:
    """An order each line of which is stopped for many reasons."""
    given = json.loads(order(order_id))
    given["ship_to"] |= {"npi": "1", "dea": "x", "gln": "7"}
    given["ship_to"]["address"]["street"] = "1 Nowhere"
    line = {
        "product": {"ndc": "58468-0200-1", "gtin": "1" * 200},
        "quantity": 1,
        "unit": "x",
        "expires_on": "2020-01-01",
        "patient": {"patient_id": "P"},
    }
    given["lines"] = [line | {"line": number + 1} for number in range(lines)]
    return json.dumps(given).encode()


def test_an_answer_larger_than_its_topic_takes_halts_and_is_published_once_when_the_topic_takes_it(place: Place, ledger: Ledger) -> None:
    """Also what came in one batch with it, and behind it."""
    take(place, STOPPED, 100_000)
    place.send([order("before", MANY), large("large"), order("behind", MANY)], partition=1)
    for _ in range(2):
        halted = place.start()
        halted.join()
        assert str(halted.halt) == (
            f"Kafka refused a message as too large: {place.prefix}{STOPPED} takes 100000 bytes only by its max.message.bytes. Set that to "
            "10485760 or more and start again: what was decided is kept, and is published then."
        )
    place.read()
    assert place.of(STOPPED) == []
    assert "behind" not in orders_of(place.of("shipments-released"))

    take(place, STOPPED, 10_485_760)
    place.start()
    assert orders_of(place.wait_for("shipments-released", 2)) == ["before", "behind"]
    assert [message.value() for message in place.wait_for(STOPPED, 1)] == [row[11] for row in ledger.rows(tables.EXAMINATION) if row[11]]
    assert place.committed()[1] == 3


def test_a_batch_larger_than_a_segment_of_its_topic_halts_too(place: Place, ledger: Ledger) -> None:
    """Where the client is told to send so much at once. The broker says another thing then; retried, it would be refused for ever."""
    place.send([large(f"large-{number}") for number in range(7)], partition=1)
    take(place, STOPPED, LEAST_SEGMENT, "segment.bytes")
    halted = place.start(options={"batch.size": 4_000_000})
    halted.join()
    assert str(halted.halt) == (
        f"Kafka refused a message as too large: {place.prefix}{STOPPED} takes {LEAST_SEGMENT} bytes only by its segment.bytes. Set that to "
        "10485760 or more and start again: what was decided is kept, and is published then."
    )
    take(place, STOPPED, 10_485_760, "segment.bytes")
    place.start()
    stored = [row[11] for row in ledger.rows(tables.EXAMINATION) if row[11]]
    assert sorted(message.value() or b"" for message in place.wait_for(STOPPED, 7)) == sorted(stored)


def test_the_relay_halts_too(place: Place, ledger: Ledger) -> None:
    """An alert goes out by it; once the topic takes it, it is published once, and the one behind it."""
    take(place, ALERTS, 100)
    names = fill(ledger, 2)
    halted = Relaying(place)
    halted.join()
    assert f"{place.prefix}{ALERTS} takes 100 bytes only by its max.message.bytes. Set that" in str(halted.halt)
    take(place, ALERTS, 10_485_760)
    relaying = Relaying(place)
    said = place.wait_for(ALERTS, 2)
    relaying.end()
    assert sorted(json.loads(message.value() or b"")["alert_id"] for message in said) == sorted(names)


def slow(_: CoveredLine) -> None:
    """A check that is much work."""
    until = monotonic() + 0.03
    while monotonic() < until:
        pass


def test_a_batch_that_is_too_much_work_for_a_transaction_is_halved_until_it_is_not(
    place: Place, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database ends a session that computes for longer than this; the batch is then undone, and comes again in smaller parts."""
    monkeypatch.setitem(engine.SESSION, "idle_in_transaction_session_timeout", "300ms")
    monkeypatch.setattr(verdict, "CHECKS", (("product_unknown", slow), *CHECKS))
    place.engine = engine.open_engine(ledger.url)
    place.send(some(24), partition=0)
    running = place.start()
    try:
        assert len(set(orders_of(place.wait_for("shipments-released", 24)))) == 24
        running.end()
    finally:
        running.stop.set()
        place.engine.dispose()
    assert running.halt is None
    assert 0 < len(running.waits) < 24
    taken = [len(batch) for batch in running.batches]
    assert any(0 < later <= earlier // 2 for earlier, later in pairwise(taken))


def test_a_batch_never_has_more_bytes_than_it_may_and_what_is_over_is_not_lost(place: Place) -> None:
    """Messages of many sizes, one of them too large for any batch; also while partitions come and go and something is away."""
    away = iter([False, False, True, False, False, True])

    def stumble() -> None:
        if next(away, False):
            raise TryAgain("Something is away.")

    place.send([order(f"SO-{number:03}", MANY) + b" " * (number % 7 * 9_000 + 150_000 * (number == 30)) for number in range(120)])
    first = place.start("one", stumble, batch_bytes=100_000)
    place.wait_for("shipments-released", 120)
    second = place.start("two", batch_bytes=100_000)
    place.send(order(f"SX-{number:03}", MANY) + b" " * (number % 7 * 9_000) for number in range(120))

    assert len(set(orders_of(place.wait_for("shipments-released", 240)))) == 240
    batches = first.batches + second.batches
    assert all(sum(batch) <= 100_000 or len(batch) == 1 for batch in batches)
    assert any(len(batch) == 1 and batch[0] > 100_000 for batch in batches)
    assert max(len(batch) for batch in batches) > 1
    assert (first.halt, second.halt) == (None, None)
