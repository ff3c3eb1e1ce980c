"""The topics on the broker: what they are, and making those that are missing."""

from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined]

from consumers.kafka.client import LARGEST_MESSAGE, Client, away, options_taken, quiet_logger
from gatekeeper.errors import Unusable

CALL_S = 15


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


def partitions(client: Client) -> dict[str, int]:
    """Every topic that the broker shows, and how many partitions it has."""
    try:
        found = admin(client).list_topics(timeout=CALL_S).topics
    except KafkaException as error:
        raise away(error, "list topics") from error
    return {name: len(topic.partitions) for name, topic in found.items()}


def settings_of(client: Client, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """By topic, the settings that matter here."""
    broker, resources = admin(client), [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    try:
        answers = broker.describe_configs(resources, request_timeout=CALL_S)
        return {resource.name: {name: str(entry.value) for name, entry in answer.result().items()} for resource, answer in answers.items()}
    except KafkaException as error:
        raise away(error, "describe the topics' settings") from error


def create(client: Client, topics: Iterable[str], count: int, replication: int) -> None:
    """Makes topics whose messages are kept until somebody decides otherwise, and may be as large as an answer can be."""
    settings: dict[str, Any] = {"max.message.bytes": str(LARGEST_MESSAGE), "retention.ms": "-1", "cleanup.policy": "delete"}
    made = [NewTopic(topic, num_partitions=count, replication_factor=replication, config=settings) for topic in topics]
    if not made:
        return
    broker = admin(client)
    for topic, answer in broker.create_topics(made, request_timeout=CALL_S).items():
        try:
            answer.result()
        except KafkaException as error:
            if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise Unusable(f"The broker did not make {topic}: {error.args[0].name()}.") from None
