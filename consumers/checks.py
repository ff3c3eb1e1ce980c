"""What `gatekeeper doctor` looks at on the broker."""

from consumers.kafka import topics
from consumers.kafka.client import client_of
from consumers.kafka.publisher import Publisher
from consumers.topics import there, topic_problems, wanted_topics
from gatekeeper.config import Settings
from gatekeeper.doctor import Check, Heed
from gatekeeper.errors import Unusable


def _topics(settings: Settings) -> str:
    client = client_of(settings, "doctor")
    wanted = there(client, wanted_topics(settings))
    if problems := dict(topic_problems(client, settings)):
        raise Unusable(" ".join(f"{name}: {problem}" for name, problem in problems.items()))
    return f"All {len(wanted)} topics are there and keep what they are told."


def _copies(settings: Settings) -> str:
    client = client_of(settings, "doctor")
    counts, wanted = topics.copies(client), there(client, wanted_topics(settings))
    least = {name: int(found.get("min.insync.replicas", "1")) for name, found in topics.settings_of(client, wanted).items()}
    few = [name for name in wanted if counts.get(name, 0) < topics.SAFE_COPIES or least[name] < topics.SAFE_COPIES - 1]
    if few:
        return Heed(
            f"{', '.join(few)}: with fewer than {topics.SAFE_COPIES} copies, or min.insync.replicas below 2, "
            "what was said can be lost with one broker."
        )
    return "What is said is on more than one broker."


def _transactions(settings: Settings) -> str:
    publisher = Publisher(client_of(settings, "doctor"), 0, settings.topic_prefix)
    try:
        publisher.open()
    finally:
        publisher.close()
    return "This user may write in transactions."


CHECKS = (Check("topics", _topics), Check("copies", _copies), Check("transactions", _transactions))
