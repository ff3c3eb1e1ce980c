"""What `gatekeeper doctor` looks at on the broker."""

from consumers.kafka.client import client_of
from consumers.kafka.publisher import Publisher
from consumers.topics import there, topic_problems, wanted_topics
from gatekeeper.config import Settings
from gatekeeper.doctor import Check
from gatekeeper.errors import Unusable


def _topics(settings: Settings) -> str:
    client = client_of(settings, "doctor")
    wanted = there(client, wanted_topics(settings))
    if problems := dict(topic_problems(client, settings)):
        raise Unusable(" ".join(f"{name}: {problem}" for name, problem in problems.items()))
    return f"All {len(wanted)} topics are there and keep what they are told."


def _transactions(settings: Settings) -> str:
    publisher = Publisher(client_of(settings, "doctor"), 0, settings.topic_prefix)
    try:
        publisher.open()
    finally:
        publisher.close()
    return "This user may write in transactions."


CHECKS = (Check("topics", _topics), Check("transactions", _transactions))
