"""The topics on the broker: what they are, and making those that are missing."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined]

from consumers.kafka.client import LARGEST_MESSAGE, Client, away, options_taken, quiet_logger
from gatekeeper.clock import seconds
from gatekeeper.errors import Halt, TryAgain, Unusable

CALL_S = 15
LOOK_AGAIN_S: Final = 1.0
SAFE_COPIES: Final = 3
KEPT: Final = {"max.message.bytes": str(LARGEST_MESSAGE), "retention.ms": "-1", "cleanup.policy": "delete"}
"""Messages are kept until somebody decides otherwise, and may be as large as an answer can be."""
LIMITS: Final = ("max.message.bytes", "segment.bytes")
"""The settings of a topic that bound one message: no batch is larger than a segment."""
COMPACTED: Final = {"cleanup.policy": "compact", "segment.bytes": str(16 * 1024 * 1024), "min.cleanable.dirty.ratio": "0.1"}
"""Of each key the newest message is kept, and not much else."""


def admin(client: Client) -> AdminClient:
    """Keep it until its answers are there: they die with it."""
    with options_taken(client):
        return AdminClient(client.shared(), logger=quiet_logger())


def topic_id(client: Client, topic: str) -> str:
    """The id that the broker gave the topic when it was made. Raises ``Unusable`` where there is no such topic."""
    broker = admin(client)
    try:
        described = broker.describe_topics(TopicCollection([topic]), request_timeout=CALL_S)[topic].result()
    except KafkaException as error:
        if error.args[0].name() == "UNKNOWN_TOPIC_OR_PART":
            raise Unusable(f"The broker has no topic {topic}: `gatekeeper topics create` makes what is missing.") from None
        raise away(error, "describe a topic") from error
    return str(described.topic_id)


class Watch:
    """Notices that a topic was deleted and made again under a consumer, which would read on in the new one from where it stood in the old.

    Asked beside the loop: ``look`` never waits for the broker.
    """

    def __init__(self, client: Client, topic: str) -> None:
        self._broker, self._topic = admin(client), topic
        self._asked: Future[Any] | None = None
        self._next = float("-inf")

    def look(self, topic_id: str) -> None:
        """Raises ``Halt`` when the topic has another id by now. A broker that does not answer is not this one's to tell."""
        if self._asked is not None and self._asked.done():
            answer, self._asked = self._asked, None
            if answer.exception() is None and str(answer.result().topic_id) != topic_id:
                raise Halt(
                    f"The topic {self._topic} was deleted and made again while this consumer read it: some messages of the new one "
                    "may have been passed over. See the runbook, «the topic was made anew»."
                )
        if self._asked is None and seconds() >= self._next:
            self._next = seconds() + LOOK_AGAIN_S
            self._asked = self._broker.describe_topics(TopicCollection([self._topic]), request_timeout=CALL_S)[self._topic]


def partitions(client: Client) -> dict[str, int]:
    """Every topic that the broker shows, and how many partitions it has."""
    return {name: len(topic.partitions) for name, topic in _listed(client).items()}


def copies(client: Client) -> dict[str, int]:
    """Every topic that the broker shows, and how many copies there are of the partition that has the fewest."""
    listed = _listed(client).items()
    return {name: min([len(partition.replicas) for partition in topic.partitions.values()], default=0) for name, topic in listed}


def _listed(client: Client) -> dict[str, Any]:
    try:
        return dict(admin(client).list_topics(timeout=CALL_S).topics)
    except KafkaException as error:
        raise away(error, "list topics") from error


def settings_of(client: Client, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """By topic, the settings that matter here. A topic that was just made is not known to every broker at once: it is waited for."""
    broker, wanted, found = admin(client), list(topics), dict[str, dict[str, str]]()
    deadline = seconds() + CALL_S
    while unknown := [topic for topic in wanted if topic not in found]:
        try:
            asked = broker.describe_configs([ConfigResource(ResourceType.TOPIC, topic) for topic in unknown], request_timeout=CALL_S)
        except KafkaException as error:
            raise away(error, "describe the topics' settings") from error
        for resource, answer in asked.items():
            try:
                found[resource.name] = {name: str(entry.value) for name, entry in answer.result().items()}
            except KafkaException as error:
                if error.args[0].name() != "UNKNOWN_TOPIC_OR_PART" or seconds() > deadline:
                    raise away(error, "describe the topics' settings") from error
    return {topic: found[topic] for topic in wanted}


def too_narrow(client: Client, most: Mapping[str, int]) -> str:
    """Which of these topics take less in one message than ``most`` says, and by which setting, in words; empty where none does."""
    return ", ".join(
        f"{name} takes {taken} bytes only by its {setting}"
        for name, found in settings_of(client, most).items()
        for setting in LIMITS
        if (taken := int(found.get(setting, "0"))) < min(most[name], LARGEST_MESSAGE)
    )


def create(client: Client, topics: Iterable[str], count: int, replication: int, settings: Mapping[str, str] = KEPT) -> None:
    """Makes topics with these settings; when it returns, the broker shows them."""
    # One broker of several may be away, and yet what was said is in two places before it counts as said.
    config = {**settings, "min.insync.replicas": "2" if replication >= SAFE_COPIES else "1"}
    made = [NewTopic(topic, num_partitions=count, replication_factor=replication, config=config) for topic in topics]
    if not made:
        return
    broker = admin(client)
    for topic, answer in broker.create_topics(made, request_timeout=CALL_S).items():
        try:
            answer.result()
        except KafkaException as error:
            name = error.args[0].name()
            if name == "INVALID_REPLICATION_FACTOR":
                raise Unusable(
                    f"There are not {replication} brokers for as many copies of {topic}: ask for fewer (--replication)."
                ) from None
            if name != "TOPIC_ALREADY_EXISTS":
                raise Unusable(f"The broker did not make {topic}: {name}.") from None
    deadline = seconds() + CALL_S
    while not {topic.topic for topic in made} <= partitions(client).keys():
        if seconds() > deadline:
            raise TryAgain("The broker does not show the topics that it made.")
