"""The proxy is faithful: a commit that arrives late does what it does on a real network.

The client library speaks the first version of Kafka's transactions, in which a request to commit does not say which transaction
it means. Sent again over another connection, the first copy may arrive when the next transaction is open, and commits that.
"""

import struct
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tests.real.broker import SILENT, Broker
from tests.real.proxy import END_TXN, Held, Proxy

ACCEPTED = 0
INVALID_PRODUCER_EPOCH = 47
INVALID_TXN_STATE = 48


@pytest.fixture
def topic(broker: Broker) -> str:
    name = f"late-{uuid.uuid4().hex}"
    broker.create_topic(name)
    return name


@pytest.fixture
def proxy(broker: Broker) -> Iterator[Proxy]:
    with Proxy(broker.proxy_port, broker.target_port) as proxy:
        yield proxy


def transactional(broker: Broker, topic: str) -> Producer:
    producer = Producer({"bootstrap.servers": broker.proxied_bootstrap, "transactional.id": topic}, logger=SILENT)
    producer.init_transactions(60)
    return producer


def write(producer: Producer, topic: str, value: bytes) -> None:
    producer.begin_transaction()
    producer.produce(topic, value)
    assert producer.flush(60) == 0


def commit_with_the_first_request_held(proxy: Proxy, producer: Producer) -> Held:
    held = proxy.hold_next(END_TXN)
    producer.commit_transaction()
    held.wait(0)
    return held


def answer_to_late_commit(held: Held) -> int:
    """The error code of an EndTxn answer: after the throttle time."""
    return int(struct.unpack_from(">ih", held.deliver(30))[1])


def committed(broker: Broker, topic: str) -> list[bytes]:
    """What a `read_committed` reader sees up to the end of the topic."""
    consumer = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": topic, "isolation.level": "read_committed",
        "enable.partition.eof": True, "auto.offset.reset": "earliest",
    })  # fmt: skip
    consumer.assign([TopicPartition(topic, 0, 0)])
    seen: list[bytes] = []
    while (message := consumer.poll(60)) is not None and message.error() is None:
        seen.append(message.value() or b"")
    consumer.close()
    return seen


def test_a_late_commit_commits_the_next_transaction_of_the_same_producer(broker: Broker, proxy: Proxy, topic: str) -> None:
    producer = transactional(broker, topic)
    write(producer, topic, b"first")
    held = commit_with_the_first_request_held(proxy, producer)
    write(producer, topic, b"to be aborted")

    assert answer_to_late_commit(held) == ACCEPTED
    with pytest.raises(KafkaException) as refusal:
        producer.abort_transaction(60)

    assert refusal.value.args[0].fatal()
    assert refusal.value.args[0].code() == INVALID_TXN_STATE
    assert committed(broker, topic) == [b"first", b"to be aborted"]


def test_a_late_commit_is_refused_when_the_producer_was_made_anew(broker: Broker, proxy: Proxy, topic: str) -> None:
    producer = transactional(broker, topic)
    write(producer, topic, b"first")
    held = commit_with_the_first_request_held(proxy, producer)
    producer.close()
    producer = transactional(broker, topic)
    write(producer, topic, b"to be aborted")

    assert answer_to_late_commit(held) == INVALID_PRODUCER_EPOCH
    producer.abort_transaction(60)
    producer.close()

    assert committed(broker, topic) == [b"first"]
