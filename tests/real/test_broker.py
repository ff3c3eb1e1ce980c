"""The broker for tests keeps what it held when it is killed."""

import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.real import broker as real
from tests.real.broker import Broker, NotInstalledError


def test_a_killed_broker_comes_back_with_its_topics_at_the_same_address(broker: Broker) -> None:
    topic = f"kept-{uuid.uuid4().hex}"
    broker.create_topic(topic)
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(topic, b"before")
    assert producer.flush(30) == 0
    producer.close()
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


def test_a_machine_without_java_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(NotInstalledError, match=r"Java is missing.*17.*Install it"):
        real.java()


def test_a_java_that_is_too_old_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(NotInstalledError, match=r"too old.*17 or newer"):
        real.java()


def test_a_machine_without_maven_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(real, "KEPT", tmp_path)
    with pytest.raises(NotInstalledError, match=r"Maven is missing.*Install it"):
        real.libraries()
