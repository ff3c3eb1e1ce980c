"""The consumer of orders on a real broker and a real database: what is away, what stops it, what halts it."""

import json
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import pytest
from confluent_kafka import Message as KafkaMessage

from gatekeeper.desk import Place as Position
from gatekeeper.desk import set_aside
from gatekeeper.domain import verdict
from gatekeeper.domain.checks import CHECKS
from gatekeeper.domain.covered_line import CoveredLine
from gatekeeper.people.access import Person
from gatekeeper.storage import tables
from tests.consumers.place import ORDERS, PATIENCE_S, Place
from tests.gate.ledger import Ledger, Wire, order
from tests.gate.test_answers import SCHEMAS
from tests.gate.test_revisions import SERIALS, STOPPED, revision
from tests.real.broker import Broker
from tests.real.database import Database
from tests.real.waiting import wait_until

MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}


def some(count: int, name: str = "SO") -> list[bytes]:
    return [order(f"{name}-{number}", MANY) for number in range(count)]


def orders_of(messages: Sequence[KafkaMessage]) -> list[str]:
    return sorted(json.loads(message.value() or b"")["order_id"] for message in messages)


def test_what_is_sent_is_answered_once_with_the_ledgers_bytes(place: Place, ledger: Ledger) -> None:
    """Every answer is in its topic once, as the ledger has it; what is about one order stands in one partition in the order of decision."""
    place.start()
    place.send([order("SO-1", SERIALS), revision(2, STOPPED), order("SO-1", SERIALS), b"rubbish"], partition=1)
    place.send(some(30, "X"))

    released = place.wait_for("shipments-released", 32)
    records = place.wait_for("distribution-records", 32)
    stopped, refused, alerts = (place.wait_for(f"{topic}", count) for topic, count in (
        ("shipments-stopped", 2), ("refused-messages", 1), ("compliance-alerts", 1),
    ))  # fmt: skip
    kept = ledger.rows(tables.EXAMINATION)
    assert sorted(bytes(each.value() or b"") for each in released) == sorted(row[10] for row in kept if row[10] is not None)
    assert sorted(bytes(each.value() or b"") for each in stopped) == sorted(row[11] for row in kept if row[11] is not None)
    assert sorted(bytes(each.value() or b"") for each in records) == sorted(row[7] for row in ledger.rows(tables.DISTRIBUTION_RECORD))
    assert [each.value() for each in (*refused, *alerts)] == [
        row[-2] for table in (tables.REFUSAL, tables.ALERT) for row in ledger.rows(table)
    ]
    of_one = [each for each in released if each.key() == b"SO-1"]
    assert len({each.partition() for each in of_one}) == 1
    assert [json.loads(each.value() or b"")["lines"][0]["outcome"] for each in of_one] == ["released", "withdrawn"]
    for topic, message in place.said:
        SCHEMAS[topic].validate(json.loads(message.value() or b""))


def test_while_the_database_is_away_nothing_is_released_and_then_it_goes_on(place: Place, postgres: Database) -> None:
    """Killed and started again: the consumer waits, says so, and answers by itself what came meanwhile."""
    running = place.start()
    place.send(some(3, "before"))
    place.wait_for("shipments-released", 3)

    postgres.kill()
    place.send(some(3, "meanwhile"))
    wait_until(lambda: len(running.waits) >= 3, PATIENCE_S, "it tries more than once")
    place.read()
    assert len(place.of("shipments-released")) == 3
    postgres.start()

    assert orders_of(place.wait_for("shipments-released", 6))[3:] == ["meanwhile-0", "meanwhile-1", "meanwhile-2"]
    assert all(str(reason).startswith("The database ") for reason in running.waits)
    assert running.halt is None


def test_while_the_broker_is_away_nothing_is_released_and_then_it_goes_on(place: Place, broker: Broker, ledger: Ledger) -> None:
    """Killed after the verdict was committed and before it was said: nothing is in the topics, then exactly the ledger's bytes."""
    judged, away = Event(), Event()

    def meanwhile() -> None:
        if judged.is_set() and not away.is_set():
            broker.kill()
            away.set()

    running = place.start(meanwhile=meanwhile, transaction_timeout_s=3)
    place.send(some(3, "before"))
    place.wait_for("shipments-released", 3)
    judged.set()
    place.send(some(3, "meanwhile"), partition=0)
    assert away.wait(PATIENCE_S)
    wait_until(lambda: len(running.waits) >= 2, PATIENCE_S, "it tries more than once")
    broker.start()
    place.send(some(3, "after"))

    released = place.wait_for("shipments-released", 9)
    assert sorted(bytes(each.value() or b"") for each in released) == sorted(row[10] for row in ledger.rows(tables.EXAMINATION))
    assert len(place.wait_for("distribution-records", 9)) == 9
    assert running.halt is None


def test_told_to_stop_it_ends_the_batch_in_hand_and_takes_no_other(place: Place, ledger: Ledger) -> None:
    """What was judged when the word came is said; what was not read stays for the next start, which answers it."""

    def stop_the_first() -> None:
        place.running[0].stop.set()

    place.send(some(20), partition=0)
    running = place.start(meanwhile=stop_the_first, batch_messages=5)
    running.join()

    done = len(ledger.rows(tables.ARRIVAL))
    assert 0 < done <= 5
    place.wait_for("shipments-released", done)
    assert place.committed()[0] == done
    place.start()
    assert len(place.wait_for("shipments-released", 20)) == 20


def test_another_member_takes_over_partitions_and_everything_is_said_once(place: Place, ledger: Ledger) -> None:
    """Two consumers share the partitions while messages come, one leaves again: each message has one answer, in the ledger and outside."""
    first = place.start("one", batch_messages=7, session_timeout_s=6)
    place.send(some(30, "alone"))
    wait_until(lambda: first.log.assigned, PATIENCE_S, "the first joins")
    second = place.start("two", batch_messages=7)
    place.send(some(60, "joining"))
    wait_until(lambda: second.log.assigned and len(assigned(second)) > 0, PATIENCE_S, "the second has a partition")
    place.send(some(60, "together"))
    place.wait_for("shipments-released", 150)
    assert {*assigned(first), *assigned(second)} == {0, 1, 2}
    first.end()
    place.send(some(30, "left"))

    assert len(set(orders_of(place.wait_for("shipments-released", 180)))) == 180
    assert sorted(row[2] for row in ledger.rows(tables.DISTRIBUTION_RECORD)) == list(range(1, 181))
    assert first.halt is None
    assert second.halt is None


def assigned(running: Any) -> set[int]:
    return set(running.log._begun)  # noqa: SLF001 - nothing public tells which


def test_a_message_over_the_bounds_is_refused_and_stops_nothing(place: Place) -> None:
    """Larger than 1 MiB, larger than a whole batch, empty: refused; what stands before and after is answered."""
    place.start(batch_bytes=100_000)
    place.send([*some(1, "a"), b" " * 3_000_000, b"[" * 1_500_000, b"", *some(1, "b"), b"x" * 200_000, *some(1, "c")], partition=2)

    assert orders_of(place.wait_for("shipments-released", 3)) == ["a-0", "b-0", "c-0"]
    refused = [json.loads(each.value() or b"") for each in place.wait_for("refused-messages", 4)]
    assert sorted(each["position"]["offset"] for each in refused) == [1, 2, 3, 5]
    assert all(len(each["problems"]) == 1 for each in refused)


def broken_for(lot: str) -> Callable[[CoveredLine], None]:
    """A check with a fault of its own, which only some message brings out."""

    def looks(case: CoveredLine) -> None:
        if case.line.lot == lot:
            raise ZeroDivisionError(case.line.patient)

    return looks


def test_a_check_that_raises_halts_and_set_aside_is_the_way_past(place: Place, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The halt names the place and shows nothing of the message, which stays untouched; set aside it is refused, and the next goes on."""
    monkeypatch.setattr(verdict, "CHECKS", (("product_unknown", broken_for("BAD")), *CHECKS))
    place.send([*some(2, "a"), order("halts", MANY | {"/lines/0/lot": "BAD"}), *some(1, "b")], partition=1)
    for _ in range(2):
        halted = place.start()
        halted.join()
        assert halted.halt is not None
        assert f"ZeroDivisionError) at {ORDERS}/1/2: nothing was decided" in str(halted.halt)
        assert f"`gatekeeper set-aside {ORDERS} 1 2 --reason …`" in str(halted.halt)
        assert "P-1" not in repr(halted.halt)
        assert halted.halt.__cause__ is None
    assert all(row[2] < 2 for row in ledger.rows(tables.ARRIVAL))
    judged = len(ledger.rows(tables.ARRIVAL))

    set_aside(ledger.engine, Position(ORDERS, 1, 2), "brings out a fault", Person("u-17", "A. Clerk"), "")
    place.start()

    assert orders_of(place.wait_for("shipments-released", 3)) == ["a-0", "a-1", "b-0"]
    [refused] = [json.loads(each.value() or b"") for each in place.wait_for("refused-messages", 1)]
    assert (refused["position"]["offset"], refused["set_aside"]) == (2, "brings out a fault")
    assert judged in {0, 1, 2}
