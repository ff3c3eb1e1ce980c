"""``gatekeeper set-aside``."""

import click

from gatekeeper import desk
from gatekeeper.commands.acting import acting
from gatekeeper.people.permissions import Permission


@click.command("set-aside")
@click.argument("topic")
@click.argument("partition", type=click.IntRange(0, 2**31 - 1))
@click.argument("offset", type=click.IntRange(0, 2**63 - 1))
@click.option("--reason", required=True, help="Why, in words that an auditor understands. Name no patient.")
def set_aside(topic: str, partition: int, offset: int, reason: str) -> None:
    """Take a message that halts a consumer out of its way, on record: it is refused when it is read.

    TOPIC may be named with or without the prefix. Who does it is the person of GATEKEEPER_TOKEN.
    """
    place = desk.Place(topic, partition, offset)
    with acting(Permission.SET_MESSAGES_ASIDE) as by:
        by.must_act_for(None)
        block = desk.set_aside(by.engine, place, reason, by.person, by.settings.topic_prefix)
    click.echo(
        f"{place} is set aside, on record in block {block} with the name of {by.person.name}. Start the consumer that halted there again."
    )
