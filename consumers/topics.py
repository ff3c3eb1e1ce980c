"""The contract's topics on the broker: made where they are missing, and looked at where they exist."""

from collections.abc import Callable, Iterator, Mapping

from consumers.kafka import topics
from consumers.kafka.client import Client, client_of
from gatekeeper.config import Settings
from schemas.text import MOST_BYTES
from schemas.topics import TOPICS, topic_name


def create_missing(settings: Settings, count: int, replication: int, say: Callable[[str], None]) -> int:
    """Says a line for each topic. Gives 1 if something is wrong with one of them, else 0."""
    client = client_of(settings, "topics")
    wanted = [topic_name(settings.topic_prefix, topic) for topic in TOPICS]
    there = topics.partitions(client)
    missing = [name for name in wanted if name not in there]
    topics.create(client, missing, count, replication)
    problems = dict(topic_problems(client, wanted))
    for name in wanted:
        state = "made" if name in missing else "exists"
        say(f"{name}: {problems.get(name) or state}")
    return 1 if problems else 0


def topic_problems(client: Client, names: list[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with topics, each as one sentence that says what to do."""
    for name, found in topics.settings_of(client, names).items():
        wrong = list(_wrong(found))
        if wrong:
            yield name, " ".join(wrong)


def _wrong(found: Mapping[str, str]) -> Iterator[str]:
    if found.get("cleanup.policy") != "delete":
        yield "It is compacted, so messages vanish: set cleanup.policy=delete."
    if int(found.get("max.message.bytes", "0")) < MOST_BYTES:
        yield f"It takes messages up to {found.get('max.message.bytes')} bytes only: set max.message.bytes to {MOST_BYTES} or more."
    if found.get("unclean.leader.election.enable") == "true":
        yield "An unclean election may lose what was committed: set unclean.leader.election.enable=false."
