"""The commands of this package; they join the console script by entry point."""

import os
import re

import click

from gatekeeper.errors import Unusable

_INSTANCE = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


@click.group()
def consume() -> None:
    """Run one consumer, until it is told to stop."""


_instance = click.option("--instance", required=True, metavar="NAME", help="Unique in the group, and the same after a restart.")


@consume.command("orders")
@_instance
def consume_orders(instance: str) -> None:
    """Judge shipment orders and publish what may leave, what may not, and the distribution records.

    It waits and goes on by itself when the database or the broker is away, and stops cleanly on SIGTERM and SIGINT.
    """
    _consume("orders", instance)


@consume.command("facts")
@_instance
def consume_facts(instance: str) -> None:
    """Take what the registries say by topic into the ledger.

    From the moment on that a fact is recorded, every verdict of every process obeys it. It waits and goes on by itself when the
    database or the broker is away, and stops cleanly on SIGTERM and SIGINT.
    """
    _consume("facts", instance)


@consume.command("events")
@_instance
def consume_events(instance: str) -> None:
    """Take what the warehouse says became of goods: shipped, cancelled, returned.

    What follows for orders and records is published by the relay. It waits and goes on by itself when the database or the broker
    is away, and stops cleanly on SIGTERM and SIGINT.
    """
    _consume("events", instance)


@consume.command("acknowledgements")
@_instance
def consume_acknowledgements(instance: str) -> None:
    """Take what the REMS say of distribution records: accepted or rejected.

    It waits and goes on by itself when the database or the broker is away, and stops cleanly on SIGTERM and SIGINT.
    """
    _consume("acknowledgements", instance)


def _consume(consumer: str, instance: str) -> None:
    from consumers.consuming import consume  # noqa: PLC0415 - help is shown without loading the client library
    from gatekeeper.config import read_settings  # noqa: PLC0415

    consume(read_settings(os.environ), consumer, _checked(instance))


def _checked(instance: str) -> str:
    if not _INSTANCE.match(instance):
        raise Unusable("--instance must be 1 to 64 letters, digits, points, underscores and hyphens.")
    return instance


@click.command("relay")
@click.option("--instance", required=True, metavar="NAME", help="As it is to be called in logs, and the same after a restart.")
def relay(instance: str) -> None:
    """Judge again what hangs on a change, and publish what the desk, the registry and the events decided.

    One is enough: a second one takes over from the first, which ends. It waits and goes on by itself when the database or the broker
    is away, and stops cleanly on SIGTERM and SIGINT.
    """
    from consumers import relaying  # noqa: PLC0415
    from gatekeeper.config import read_settings  # noqa: PLC0415

    relaying.relay(read_settings(os.environ), _checked(instance))


@click.group()
def topics() -> None:
    """The topics on the broker."""


@topics.command("create")
@click.option("--partitions", type=click.IntRange(1, 1000), default=6, show_default=True, help="Of each topic that is made.")
@click.option("--replication", type=click.IntRange(1, 9), default=3, show_default=True, help="Copies of each partition.")
def create_topics(partitions: int, replication: int) -> int:
    """Make the topics that are missing, and say what is wrong with those that exist. Exit 1 if anything is."""
    from consumers.topics import create_missing  # noqa: PLC0415
    from gatekeeper.config import read_settings  # noqa: PLC0415

    return create_missing(read_settings(os.environ), partitions, replication, click.echo)


@click.command("demo")
@click.option("--once", is_flag=True, help="End by itself when every message is answered and the books are compared.")
def demo(*, once: bool) -> int:
    """Show the gate at work: an embedded database, a mock broker, a sample registry, and messages that each tell a story.

    Then the distribution records' way to a simulated REMS, until all books agree. Nothing needs to be installed or set up, and each
    start is a fresh world. It stays until Ctrl-C; with --once it exits 1 if the books differ.
    """
    from consumers.demo.showing import show  # noqa: PLC0415
    from gatekeeper.config import read_settings  # noqa: PLC0415

    return show(read_settings(os.environ), once=once)


COMMANDS = (consume, relay, topics, demo)
