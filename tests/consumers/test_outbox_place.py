"""Where the relay has come, as it finds it on a real broker: what fits the ledger and is certain, or nothing is published."""

import json

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from consumers.kafka import topics
from consumers.kafka.client import Client
from consumers.kafka.place import TOPIC, read_place
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.storage import tables
from tests.consumers.place import PATIENCE_S, Place
from tests.consumers.relays import ALERTS, client_of, fill, ids, place, relay_of
from tests.gate.ledger import Ledger
from tests.real.broker import SILENT
from tests.real.waiting import wait_until

__all__ = ["place"]


def run_once(place: Place) -> int:
    relay = relay_of(place, client_of(place, "relay-1"))
    try:
        return relay.publish()
    finally:
        relay.close()


def test_a_place_that_was_lost_halts(place: Place, ledger: Ledger) -> None:
    """Nothing was published yet: it begins at the first. Was anything, it does not begin again by itself."""
    fill(ledger, 2)
    assert [run_once(place), run_once(place)] == [2, 0]
    broker = AdminClient({"bootstrap.servers": place.broker.bootstrap}, logger=SILENT)
    broker.delete_topics([place.prefix + TOPIC])[place.prefix + TOPIC].result()
    wait_until(lambda: place.prefix + TOPIC not in topics.partitions(place.client("test")), PATIENCE_S, "the topic is gone")
    topics.create(place.client("test"), [place.prefix + TOPIC], 1, 1, topics.COMPACTED)
    with pytest.raises(Halt, match=r"its place is lost\. See the runbook, «the place of the outbox was lost»"):
        run_once(place)

    # As the runbook says: the last number that was published, and the hash of its block.
    hashes = {row[0]: bytes(row[6]).hex() for row in ledger.rows(tables.BLOCK)}
    last = ledger.rows(tables.OUTBOX)[-1]
    say(place, json.dumps({"next": last[0] + 1, "chain": hashes[last[6]]}).encode())
    names = fill(ledger, 1)
    assert run_once(place) == 1
    assert ids(place.wait_for(ALERTS, 3))[-1:] == names


def test_an_older_copy_of_the_database_halts(place: Place, ledger: Ledger) -> None:
    """Also when it has gone on since, and has other entries under the same numbers."""
    fill(ledger, 2)
    assert run_once(place) == 2
    place_before = read_place(client_of(place, "test"), place.prefix)
    assert place_before is not None
    say(place, msgspec.json.encode(msgspec.structs.replace(place_before, next=4)))
    with pytest.raises(Halt, match="published the outbox up to 3, but the ledger has another one: this database is an older copy"):
        run_once(place)
    say(place, msgspec.json.encode(msgspec.structs.replace(place_before, chain="00" * 32)))
    with pytest.raises(Halt, match="published the outbox up to 2, but the ledger has another one"):
        run_once(place)


def test_a_record_that_is_no_place_halts(place: Place, ledger: Ledger) -> None:
    fill(ledger, 1)
    say(place, b"rubbish")
    with pytest.raises(Halt, match="is no place of the outbox"):
        run_once(place)


def test_the_place_is_found_behind_many_records_and_aborted_ones_do_not_count(place: Place) -> None:
    producer = Producer({"bootstrap.servers": place.broker.bootstrap, "transactional.id": f"{place.prefix}many"}, logger=SILENT)
    producer.init_transactions(PATIENCE_S)
    for number, commits in ((7, True), (8, False)):
        producer.begin_transaction()
        for _ in range(1500):
            producer.produce(place.prefix + TOPIC, b'{"next":%d}' % number, b"outbox")
        if commits:
            producer.commit_transaction()
        else:
            producer.flush(PATIENCE_S)
            producer.abort_transaction()
    producer.begin_transaction()
    producer.produce(place.prefix + TOPIC, b'{"next":9}', b"outbox")
    producer.flush(PATIENCE_S)
    client = client_of(place, "test")
    with pytest.raises(TryAgain, match="A transaction is open"):
        read_place(client, place.prefix)
    for _ in range(2):
        found = read_place(client, place.prefix, whole=False)
        assert found is not None
        assert found.next == 7
    producer.abort_transaction()
    producer.close()
    wait_until(lambda: settled(client, place) == 7, PATIENCE_S, "the place is settled")


def settled(client: Client, place: Place) -> int:
    try:
        found = read_place(client, place.prefix)
    except TryAgain:
        return 0
    return found.next if found else 0


def say(place: Place, record: bytes) -> None:
    producer = Producer({"bootstrap.servers": place.broker.bootstrap}, logger=SILENT)
    producer.produce(place.prefix + TOPIC, record, b"outbox")
    assert producer.flush(PATIENCE_S) == 0
    producer.close()
