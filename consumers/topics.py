"""The contract's topics on the broker, and that of the outbox's place: made where they are missing, and looked at where they exist."""

from collections.abc import Callable, Iterator, Mapping

from consumers.kafka import topics
from consumers.kafka.client import LARGEST_MESSAGE, Client, client_of
from consumers.kafka.place import TOPIC as PLACE
from gatekeeper.config import Settings
from gatekeeper.errors import Unusable
from schemas.text import MOST_BYTES
from schemas.topics import TOPICS, topic_name


def create_missing(settings: Settings, count: int, replication: int, say: Callable[[str], None]) -> int:
    """Says a line for each topic. Gives 1 if something is wrong with one of them, else 0."""
    client, wanted, own = client_of(settings, "topics"), wanted_topics(settings), settings.topic_prefix + PLACE
    there = topics.partitions(client)
    missing = [name for name in wanted if name not in there]
    topics.create(client, [name for name in missing if name != own], count, replication)
    topics.create(client, [name for name in missing if name == own], 1, replication, topics.COMPACTED)
    problems = dict(topic_problems(client, settings))
    for name in wanted:
        state = "made" if name in missing else "exists"
        say(f"{name}: {problems.get(name) or state}")
    return 1 if problems else 0


def wanted_topics(settings: Settings) -> list[str]:
    """The names of the contract's topics on the broker, and of the relay's own."""
    return [*(topic_name(settings.topic_prefix, topic) for topic in TOPICS), settings.topic_prefix + PLACE]


def written_topics(prefix: str) -> list[str]:
    """The names on the broker of the topics that are written."""
    return [topic_name(prefix, topic) for topic in TOPICS if topic.direction == "out"]


def there(client: Client, wanted: list[str]) -> list[str]:
    """The same topics, named as the broker does. Raises ``Unusable`` where it lacks one."""
    found = topics.partitions(client)
    if missing := [name for name in wanted if name not in found]:
        raise Unusable(f"The broker has no topic {', '.join(missing)}: `gatekeeper topics create` makes what is missing.")
    return wanted


def ready(client: Client, prefix: str, read: list[str]) -> list[str]:
    """The topics that are read, as they are named there, and those that are written. Raises ``Unusable`` where the broker lacks one of
    them, or takes less in one message than may be written.
    """
    written = written_topics(prefix)
    named = there(client, [*read, *written])
    if narrow := topics.too_narrow(client, dict.fromkeys(written, LARGEST_MESSAGE)):
        raise Unusable(f"An answer may be larger than a topic takes: {narrow}. Set that to {LARGEST_MESSAGE} or more.")
    return named


def topic_problems(client: Client, settings: Settings) -> Iterator[tuple[str, str]]:
    """What is wrong with topics that are there, each as one sentence that says what to do."""
    own, counts, written = settings.topic_prefix + PLACE, topics.partitions(client), written_topics(settings.topic_prefix)
    for name, found in topics.settings_of(client, wanted_topics(settings)).items():
        least = LARGEST_MESSAGE if name in written else MOST_BYTES
        wrong = list(_wrong_place(found, counts.get(name, 1)) if name == own else _wrong(found, least))
        if wrong:
            yield name, " ".join(wrong)


def _wrong(found: Mapping[str, str], least: int) -> Iterator[str]:
    if found.get("cleanup.policy") != "delete":
        yield "It is compacted, so messages vanish: set cleanup.policy=delete."
    for setting in topics.LIMITS:
        if int(found.get(setting, "0")) < least:
            yield f"It takes messages up to {found.get(setting)} bytes only: set {setting} to {least} or more."
    yield from _unclean(found)


def _wrong_place(found: Mapping[str, str], count: int) -> Iterator[str]:
    if found.get("cleanup.policy") != "compact":
        yield "It is not only compacted, so the place of the outbox may vanish: set cleanup.policy=compact."
    if count != 1:
        yield f"It has {count} partitions, and must have one: see the runbook, «the place of the outbox was lost»."
    yield from _unclean(found)


def _unclean(found: Mapping[str, str]) -> Iterator[str]:
    if found.get("unclean.leader.election.enable") == "true":
        yield "An unclean election may lose what was committed: set unclean.leader.election.enable=false."
