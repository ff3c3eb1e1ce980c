"""The broker for tests keeps what it held when it is killed."""

import uuid

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.real.broker import Broker


def test_a_killed_broker_comes_back_with_its_topics_at_the_same_address(broker: Broker) -> None:
    topic = f"kept-{uuid.uuid4().hex}"
    broker.create_topic(topic)
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(topic, b"before")
    assert producer.flush(30) == 0
    before = broker.pid

    broker.kill()
    broker.start()

    assert broker.pid != before
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(60)
    consumer.close()
    assert message is not None
    assert message.value() == b"before"
