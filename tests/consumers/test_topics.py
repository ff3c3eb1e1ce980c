"""Topics that are missing, or deleted and made again while a consumer reads them: nothing is passed over in silence."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicCollection, TopicPartition

from consumers.kafka import topics
from gatekeeper.errors import Halt
from gatekeeper.storage import tables
from tests.consumers.place import ORDERS, PATIENCE_S, Place
from tests.consumers.test_loop import orders_of, some
from tests.gate.ledger import Ledger
from tests.real.waiting import wait_until

COMMAND = (sys.executable, "-W", "ignore", "-c", "from gatekeeper.cli import main; main()")


def deleted(place: Place, topic: str) -> None:
    admin = topics.admin(place.client("admin"))
    admin.delete_topics([topic])[topic].result()

    def gone() -> bool:
        try:
            admin.describe_topics(TopicCollection([topic]))[topic].result()
        except KafkaException as error:
            return error.args[0].name() == "UNKNOWN_TOPIC_OR_PART"
        return False

    wait_until(gone, PATIENCE_S, "the topic is deleted")


def made_anew(place: Place, topic: str) -> None:
    deleted(place, topic)
    topics.create(place.client("admin"), [topic], place.partitions, 1)


@contextmanager
def running_as(place: Place, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, *words, "--instance", "one"]
    running = subprocess.Popen(command, env=place.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.mark.parametrize("words", [("consume", "facts"), ("relay",)])
def test_what_could_not_say_what_it_decides_does_not_begin(place: Place, words: tuple[str, ...]) -> None:
    deleted(place, f"{place.prefix}compliance-alerts")
    with running_as(place, *words) as running:
        _, said = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 2
    assert said.splitlines()[-1] == (
        f"The broker has no topic {place.prefix}compliance-alerts: `gatekeeper topics create` makes what is missing."
    )


def test_a_topic_that_is_gone_is_waited_for_and_then_all_is_said_once(place: Place, ledger: Ledger) -> None:
    records = f"{place.prefix}distribution-records"
    running = place.start(transaction_timeout_s=2)
    place.send(some(3, "before"))
    place.wait_for("distribution-records", 3)
    deleted(place, records)
    place.send(some(3, "after"))
    told = "for it did not take all that was said: `gatekeeper doctor` tells what is wrong with a topic."
    wait_until(lambda: any(str(reason).endswith(told) for reason in running.waits), PATIENCE_S, "it says why it waits")
    place.read()
    assert len(place.of("shipments-released")) == 3

    topics.create(place.client("admin"), [records], place.partitions, 1)
    assert len(set(orders_of(place.wait_for("shipments-released", 6)))) == 6
    assert running.halt is None
    assert len(ledger.rows(tables.DISTRIBUTION_RECORD)) == 6


def test_a_topic_with_another_id_is_noticed_beside_the_loop(place: Place) -> None:
    topic = place.prefix + ORDERS
    client = place.client("watching")
    known, watch = topics.topic_id(client, topic), topics.Watch(client, topic)

    def other() -> Halt | None:
        try:
            watch.look(known)
        except Halt as halt:
            return halt
        return None

    first = watch._next  # noqa: SLF001 - nothing else tells how often it asked
    wait_until(lambda: other() or watch._next > first, PATIENCE_S, "it asks once")  # noqa: SLF001
    assert other() is None
    made_anew(place, topic)
    halt = wait_until(other, PATIENCE_S, "the other id is noticed")
    assert f"The topic {topic} was deleted and made again while this consumer read it" in str(halt)


def test_a_consumer_halts_when_its_topic_is_made_anew_and_then_all_of_it_is_answered(place: Place, ledger: Ledger) -> None:
    """It goes on in the new topic from where it stood in the old one, until it notices; nothing that it passed over is lost."""
    place.send(some(30, "old"))
    with running_as(place, "consume", "orders") as running:
        place.wait_for("shipments-released", 30)
        # Frozen meanwhile: when it looks again, the new topic reaches past the place where it stood.
        running.send_signal(signal.SIGSTOP)
        made_anew(place, place.prefix + ORDERS)
        place.send(some(300, "new"))
        running.send_signal(signal.SIGCONT)
        _, said = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 3
    assert re.search(r"made again while this consumer read it|the topic was made anew", said)

    if any(place.committed().values()):
        with running_as(place, "consume", "orders") as running:
            _, said = running.communicate(timeout=PATIENCE_S)
        assert running.returncode == 3
        assert "but the ledger has judged nothing of this topic" in said
        forget(place)
    place.start()
    assert len(set(orders_of(place.wait_for("shipments-released", 330)))) == 330
    assert {row[3] for row in ledger.rows(tables.ARRIVAL)} <= {"order", "repeat"}


def forget(place: Place) -> None:
    """As the runbook says: the group reads the new topic from its beginning. It may not have a member then."""
    admin, group = topics.admin(place.client("admin")), place.group("orders")
    beginning = [TopicPartition(place.prefix + ORDERS, number, 0) for number in range(place.partitions)]

    def done() -> bool:
        try:
            altered = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, beginning)])[group].result()
        except KafkaException:
            return False
        return all(each.error is None for each in altered.topic_partitions or [])

    wait_until(done, PATIENCE_S, "the group has no member any more")
