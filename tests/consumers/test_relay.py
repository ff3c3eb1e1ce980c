"""The relay on a real broker and a real database: the outbox is published in order, each entry once, and nothing before its time."""

import json
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from consumers.kafka import publisher, topics
from gatekeeper.arrivals import Position, Source
from gatekeeper.storage import ledger as storage
from gatekeeper.storage import tables
from gatekeeper.storage.engine import open_engine, transaction
from tests.consumers.place import ORDERS, PATIENCE_S, Place
from tests.consumers.relays import ALERTS, Relaying, commit, fill, header, hear, ids, place
from tests.gate.following import LIFTED, SUSPENDED, follow
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.real.broker import SILENT, Broker
from tests.real.database import Database
from tests.real.proxy import END_TXN, Proxy
from tests.real.waiting import wait_until

MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}


__all__ = ["place"]


def source_of(place: Place, ledger: Ledger) -> Source:
    topic_id = topics.topic_id(place.client("test"), place.prefix + ORDERS)
    with transaction(ledger.engine) as cursor:
        return Source(storage.source_of(cursor, ORDERS, topic_id), ORDERS, topic_id)


def judged(place: Place, ledger: Ledger, *messages: bytes) -> Source:
    """Orders are in the topic and in the ledger, and their answers are not published; then their site is suspended."""
    source = source_of(place, ledger)
    place.send(messages, partition=0)
    commit(place, 0)
    ledger.load(authorization("AU-MANY", 1000))
    ledger.judge_at([(Position(0, number), message) for number, message in enumerate(messages)], source=source)
    ledger.load(authorization("AU-MANY", 1000), SUSPENDED)
    follow(ledger)
    return source


def test_the_outbox_is_published_in_order_with_the_hash_of_its_block(place: Place, ledger: Ledger) -> None:
    """In more than one part; what comes later is published too, and after a stop it goes on where it was."""
    names = fill(ledger, 20) + fill(ledger, 3)
    first = Relaying(place, at_once=4)
    assert ids(place.wait_for(ALERTS, 23)) == names
    names += fill(ledger, 2)
    place.wait_for(ALERTS, 25)
    first.end()
    names += fill(ledger, 2)
    second = Relaying(place)
    said = place.wait_for(ALERTS, 27)
    second.end()

    assert ids(said) == names
    assert (first.halt, second.halt) == (None, None)
    hashes = {row[0]: bytes(row[6]).hex() for row in ledger.rows(tables.BLOCK)}
    blocks = {str(row[0]): hashes[row[4]] for row in ledger.rows(tables.ALERT)}
    assert [header(message, "chain") for message in said] == [blocks[name] for name in names]
    assert [list(dict(message.headers() or [])) for message in said] == [["id", "chain"]] * 27
    assert [message.value() for message in said] == [b'{"alert_id":"%s"}' % name.encode() for name in names]


def test_a_withdrawal_is_published_after_the_release_that_it_withdraws(place: Place, ledger: Ledger) -> None:
    """What was judged and not published yet holds it up; alerts, and what hangs on another message, go out meanwhile."""
    source = judged(place, ledger, order("SO-1"), order("SO-2", MANY))
    after: list[Any] = [row[3:6] for row in ledger.rows(tables.OUTBOX)]
    assert sorted(after, key=str) == [(source.number, 0, 0), (source.number, 0, 1), (None, None, None)]

    relaying = Relaying(place)
    place.wait_for(ALERTS, 1)
    assert place.of("shipments-stopped") == []
    place.start()
    place.wait_for("shipments-stopped", 2)
    released = [json.loads(message.value() or b"") for message in place.wait_for("shipments-released", 4)]
    relaying.end()
    for name in ("SO-1", "SO-2"):
        assert [each["lines"][0]["outcome"] for each in released if each["order_id"] == name] == ["released", "withdrawn"]
    assert relaying.halt is None


def test_while_a_transaction_is_open_on_the_offset_it_has_not_passed(place: Place, ledger: Ledger) -> None:
    """It could still be aborted. What hangs on nothing goes out meanwhile."""
    judged(place, ledger, order("SO-1"))
    consumer = Consumer({"bootstrap.servers": place.broker.bootstrap, "group.id": place.group("orders")}, logger=SILENT)
    producer = Producer({"bootstrap.servers": place.broker.bootstrap, "transactional.id": f"{place.prefix}open"}, logger=SILENT)
    producer.init_transactions(PATIENCE_S)
    producer.begin_transaction()
    producer.send_offsets_to_transaction([TopicPartition(place.prefix + ORDERS, 0, 1)], consumer.consumer_group_metadata(), PATIENCE_S)
    relaying = Relaying(place)
    place.wait_for(ALERTS, 1)
    fill(ledger, 1)
    place.wait_for(ALERTS, 2)
    assert place.of("shipments-stopped") == []

    producer.commit_transaction()
    place.wait_for("shipments-stopped", 1)
    producer.close()
    consumer.close()
    assert (relaying.waits, relaying.halt) == ([], None)


def test_what_came_from_a_topic_that_is_gone_waits_no_more(place: Place, ledger: Ledger) -> None:
    """Nobody can publish its answers any more, and a withdrawal must not wait for ever."""
    ledger.load(authorization("AU-MANY", 1000))
    ledger.judge(order("SO-1"))
    ledger.load(authorization("AU-MANY", 1000), SUSPENDED)
    follow(ledger)
    Relaying(place)
    place.wait_for("shipments-stopped", 1)
    place.wait_for("shipments-released", 1)
    assert len(place.wait_for(ALERTS, 2)) == 2


def test_follow_ups_are_judged_and_published_by_the_relay_itself(place: Place, ledger: Ledger) -> None:
    judged(place, ledger, order("SO-1"))
    commit(place, 1)
    relaying = Relaying(place, follows=True)
    place.wait_for("shipments-stopped", 1)
    ledger.load(authorization("AU-MANY", 1000), LIFTED)
    again = place.wait_for("shipments-released", 2)[-1]
    assert json.loads(again.value() or b"")["lines"][0]["outcome"] == "released"
    relaying.end()
    assert relaying.halt is None


def test_a_second_relay_takes_over_and_the_first_ends(place: Place, ledger: Ledger) -> None:
    """Whatever the first had in hand is published once."""
    names = fill(ledger, 5)
    first = Relaying(place, "first")
    place.wait_for(ALERTS, 5)
    second = Relaying(place, "second")
    wait_until(lambda: second.relay.working, PATIENCE_S, "the second knows its place")
    names += fill(ledger, 5)
    wait_until(lambda: first.ended, PATIENCE_S, "the first ends")
    assert ids(place.wait_for(ALERTS, 10)) == names
    second.end()
    assert str(first.halt) == "Another relay, second, has taken over from this one: one is enough, so run one."
    assert second.halt is None
    place.read(1)
    assert len(place.of(ALERTS)) == 10


def test_while_the_database_is_away_it_waits_and_then_goes_on(place: Place, ledger: Ledger, postgres: Database) -> None:
    hear(ledger)
    names, own = fill(ledger, 3), open_engine(ledger.url)
    relaying = Relaying(place, engine=own, follows=True)
    place.wait_for(ALERTS, 3)
    ledger.engine.dispose()
    postgres.kill()
    wait_until(lambda: len(relaying.waits) >= 2, PATIENCE_S, "it tries more than once")
    postgres.start()
    names += fill(ledger, 3)
    assert ids(place.wait_for(ALERTS, 6)) == names
    relaying.end()
    own.dispose()
    assert relaying.halt is None


def test_while_the_broker_is_away_it_waits_and_then_goes_on(place: Place, ledger: Ledger, broker: Broker) -> None:
    names = fill(ledger, 3)
    relaying = Relaying(place)
    place.wait_for(ALERTS, 3)
    broker.kill()
    names += fill(ledger, 3)
    wait_until(lambda: len(relaying.waits) >= 2, PATIENCE_S, "it tries more than once")
    broker.start()
    assert ids(place.wait_for(ALERTS, 6)) == names
    assert relaying.halt is None


@pytest.mark.parametrize("cut", [True, False])
def test_an_end_of_a_transaction_that_is_lost_on_the_way_is_settled(place: Place, ledger: Ledger, broker: Broker, cut: bool) -> None:  # noqa: FBT001
    """Its connection breaks, or no answer ever comes: the next producer settles it, and the place is read."""
    with Proxy(broker.proxy_port, broker.target_port) as proxy:
        names = fill(ledger, 3)
        relaying = Relaying(place, proxied=True)
        place.wait_for(ALERTS, 3)
        held = proxy.hold_next(END_TXN, f"{place.prefix}gatekeeper.relay".encode(), cut=cut)
        names += fill(ledger, 3)
        held.wait(PATIENCE_S)
        if not cut:
            held.deliver(PATIENCE_S)
        names += fill(ledger, 3)
        assert ids(place.wait_for(ALERTS, 9)) == names
        if cut:
            held.deliver(PATIENCE_S)
        names += fill(ledger, 3)
        assert ids(place.wait_for(ALERTS, 12)) == names
        relaying.end()
        assert relaying.halt is None


@pytest.mark.parametrize("committed", [True, False])
def test_how_a_transaction_ended_is_asked_and_not_believed(
    place: Place,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    committed: bool,  # noqa: FBT001
) -> None:
    """The client library reports a failure, whether the broker has committed or not."""

    class Lying(Producer):
        ends = 0

        def commit_transaction(self, *arguments: Any) -> None:
            Lying.ends += 1
            if Lying.ends % 2:
                super().commit_transaction(*arguments)
                return
            if committed:
                super().commit_transaction(*arguments)
            else:
                self.flush(PATIENCE_S)
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001

    monkeypatch.setattr(publisher, "Producer", Lying)
    names = fill(ledger, 3)
    relaying = Relaying(place, at_once=1)
    assert ids(place.wait_for(ALERTS, 3)) == names
    names += fill(ledger, 3)
    assert ids(place.wait_for(ALERTS, 6)) == names
    relaying.end()
    assert len(relaying.waits) >= 2
    assert relaying.halt is None
    place.read(1)
    assert len(place.of(ALERTS)) == 6
