"""``gatekeeper set-aside``."""

import os

import click

from gatekeeper import desk
from gatekeeper.access import person
from gatekeeper.config import read_settings
from gatekeeper.opening import open_ledger


@click.command("set-aside")
@click.argument("topic")
@click.argument("partition", type=click.IntRange(0, 2**31 - 1))
@click.argument("offset", type=click.IntRange(0, 2**63 - 1))
@click.option("--reason", required=True, help="Why, in words that an auditor understands. Name no patient.")
def set_aside(topic: str, partition: int, offset: int, reason: str) -> None:
    """Take a message that halts a consumer out of its way, on record: it is refused when it is read.

    TOPIC may be named with or without the prefix. Who does it is the person of GATEKEEPER_TOKEN.
    """
    settings = read_settings(os.environ)
    acting = person(settings)
    engine = open_ledger(settings)
    place = desk.Place(topic, partition, offset)
    try:
        block = desk.set_aside(engine, place, reason, acting, settings.topic_prefix)
    finally:
        engine.dispose()
    click.echo(
        f"{place} is set aside, on record in block {block} with the name of {acting.name}. Start the consumer that halted there again."
    )
