"""`gatekeeper doctor` and `gatekeeper topics create` look at the broker."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from typing import Any

import pytest

from consumers.checks import CHECKS
from consumers.kafka import topics
from consumers.kafka.client import client_of
from consumers.topics import create_missing, ready
from gatekeeper.config import Settings, read_settings
from gatekeeper.doctor import OTHERS, Heed
from gatekeeper.errors import Unusable
from tests.real.broker import Broker


def settings_of(broker: Broker) -> Settings:
    prefix = f"checks-{uuid.uuid4().hex[:12]}."
    return read_settings({"GATEKEEPER_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "GATEKEEPER_TOPIC_PREFIX": prefix})


def test_the_doctor_looks_at_the_broker(broker: Broker) -> None:
    """Topics that are missing are named; once they are there all is well."""
    settings = settings_of(broker)
    others = {check.about: check for entry_point in entry_points(group=OTHERS) for check in entry_point.load()}
    with pytest.raises(Unusable, match=r"has no topic .*shipment-orders, .*`gatekeeper topics create` makes what is missing\.$"):
        others["topics"].run(settings)
    create_missing(settings, 2, 1, lambda _: None)
    assert others["topics"].run(settings) == "All 10 topics are there and keep what they are told."
    heeded = others["copies"].run(settings)
    assert isinstance(heeded, Heed)
    assert heeded.startswith(f"{settings.topic_prefix}shipment-orders, ")
    assert others["transactions"].run(settings) == "This user may write in transactions."


def test_what_is_missing_is_made_and_what_exists_is_looked_at(broker: Broker) -> None:
    settings, said = settings_of(broker), list[str]()
    assert create_missing(settings, 2, 1, said.append) == 0
    assert [line.rpartition(" ")[2] for line in said] == ["made"] * 10
    assert create_missing(settings, 2, 1, said.append) == 0
    assert [line.rpartition(" ")[2] for line in said[10:]] == ["exists"] * 10


def test_more_copies_than_brokers_is_one_sentence_with_a_way_out(broker: Broker) -> None:
    with pytest.raises(Unusable, match=r"^There are not 3 brokers for as many copies of .*: ask for fewer \(--replication\)\.$"):
        create_missing(settings_of(broker), 2, 3, lambda _: None)


@pytest.mark.parametrize(("replication", "least"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_of_three_copies_two_must_have_it(broker: Broker, monkeypatch: pytest.MonkeyPatch, replication: int, least: str) -> None:
    asked: list[topics.NewTopic] = []

    def new(name: str, **settings: Any) -> topics.NewTopic:
        asked.append(made(name, **settings))
        return made(name, **(settings | {"replication_factor": 1}))

    made = topics.NewTopic
    monkeypatch.setattr(topics, "NewTopic", new)
    settings = settings_of(broker)
    topics.create(client_of(settings, "topics"), [f"{settings.topic_prefix}x"], 1, replication)
    assert [(topic.replication_factor, topic.config["min.insync.replicas"]) for topic in asked] == [(replication, least)]


def test_a_topic_that_would_lose_messages_is_named(broker: Broker) -> None:
    settings, said = settings_of(broker), list[str]()
    broker.create_topic(settings.topic_prefix + "shipment-orders", settings={"cleanup.policy": "compact", "max.message.bytes": "1000"})
    assert create_missing(settings, 2, 1, said.append) == 1
    assert said[0].endswith(
        "shipment-orders: It is compacted, so messages vanish: set cleanup.policy=delete. "
        "It takes messages up to 1000 bytes only: set max.message.bytes to 1048576 or more."
    )


def test_a_topic_that_is_written_must_take_what_the_largest_answer_can_need(broker: Broker) -> None:
    """Less is found by the doctor, by `topics create` and by whoever would begin to write; what is read only is asked for less."""
    settings, said = settings_of(broker), list[str]()
    name, prefix = f"{settings.topic_prefix}shipments-stopped", settings.topic_prefix
    for topic in (name, f"{prefix}shipment-orders"):
        broker.create_topic(topic, settings={"max.message.bytes": "1048588"})
    assert create_missing(settings, 2, 1, said.append) == 1
    sentence = "It takes messages up to 1048588 bytes only: set max.message.bytes to 10485760 or more."
    assert [line for line in said if "bytes" in line] == [f"{name}: {sentence}"]
    with pytest.raises(Unusable, match=re.escape(f"{name}: {sentence}")):
        next(check for check in CHECKS if check.about == "topics").run(settings)
    with pytest.raises(Unusable) as refused:
        ready(client_of(settings, "one"), prefix, [f"{prefix}shipment-orders"])
    assert str(refused.value) == (
        f"An answer may be larger than a topic takes: {name} takes 1048588 bytes only by its max.message.bytes. "
        "Set that to 10485760 or more."
    )


def test_a_topic_whose_segments_are_smaller_than_the_largest_answer_is_named(broker: Broker) -> None:
    """No message is larger than a segment; nobody would be told before one is."""
    settings, said = settings_of(broker), list[str]()
    name = f"{settings.topic_prefix}shipments-stopped"
    broker.create_topic(name, settings=dict(topics.KEPT) | {"segment.bytes": "10485759"})
    assert create_missing(settings, 2, 1, said.append) == 1
    sentence = "It takes messages up to 10485759 bytes only: set segment.bytes to 10485760 or more."
    assert [line for line in said if "bytes" in line] == [f"{name}: {sentence}"]


def test_a_topic_that_a_broker_does_not_know_yet_is_waited_for(broker: Broker) -> None:
    settings = settings_of(broker)
    name = settings.topic_prefix + "shipment-orders"
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(topics.settings_of, client_of(settings, "topics"), [name])
        broker.create_topic(name, settings={"max.message.bytes": "1000"})
        assert asked.result()[name]["max.message.bytes"] == "1000"
