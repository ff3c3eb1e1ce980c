"""A topic that is deleted and made again while a consumer reads it: nothing of the new one is passed over in silence."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicCollection, TopicPartition

from consumers.kafka import topics
from gatekeeper.errors import Halt
from gatekeeper.storage import tables
from tests.consumers.place import ORDERS, PATIENCE_S, Place
from tests.consumers.test_loop import orders_of, some
from tests.gate.ledger import Ledger
from tests.real.waiting import wait_until

COMMAND = (sys.executable, "-W", "ignore", "-c", "from gatekeeper.cli import main; main()", "consume", "orders", "--instance", "one")


def made_anew(place: Place, topic: str) -> None:
    admin = topics.admin(place.client("admin"))
    admin.delete_topics([topic])[topic].result()

    def gone() -> bool:
        try:
            admin.describe_topics(TopicCollection([topic]))[topic].result()
        except KafkaException as error:
            return error.args[0].name() == "UNKNOWN_TOPIC_OR_PART"
        return False

    wait_until(gone, PATIENCE_S, "the topic is deleted")
    topics.create(place.client("admin"), [topic], place.partitions, 1)


@contextmanager
def consuming(place: Place) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(COMMAND, env=place.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


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
    with consuming(place) as running:
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
        with consuming(place) as running:
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
