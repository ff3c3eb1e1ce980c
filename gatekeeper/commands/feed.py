"""``gatekeeper feed``."""

import os
from pathlib import Path

import click

from gatekeeper.commands.acting import acting
from gatekeeper.commands.feed_corrections import correct, rejected_command, show_command
from gatekeeper.commands.feed_options import FOLDER, PROGRAM, day_of, fed, folder_of, opened, program_named, range_of
from gatekeeper.commands.feed_voids import void
from gatekeeper.config import read_settings
from gatekeeper.errors import Unusable
from gatekeeper.feeds.layout import CADENCES
from gatekeeper.feeds.receiving import receive
from gatekeeper.feeds.reconciling import NOT_RECORDED, NOT_RETURNED, UNRECORDED, WAITING, reconcile
from gatekeeper.feeds.resending import resend, resend_file
from gatekeeper.feeds.their_list import their_list
from gatekeeper.feeds.writing import Written, write
from gatekeeper.people.permissions import Permission


@click.group("feed")
def feed() -> None:
    """The distribution records on their way to a REMS: files, what the REMS says of them, and whether all books agree."""


@feed.command("write")
@PROGRAM
@click.option("--through", required=True, metavar="YYYY-MM-DD", help="The last day whose records are written.")
@click.option("--cadence", type=click.Choice(CADENCES), help="By which layout, where the program has several.")
@FOLDER
def write_command(program: str, through: str, cadence: str | None, folder: Path | None) -> None:
    """Write the records up to a day that are in no file yet, by the program's layout; first what was interrupted is made whole.

    A file is made once and for all: typed again, the same files have the same numbers and the same bytes.
    """
    settings = read_settings(os.environ)
    day, of = day_of(through, "--through"), fed(settings, program, cadence)
    with opened(settings) as engine:
        count = 0
        for written in write(engine, folder_of(settings, folder), of.layout, of.program.time_zone, day):
            click.echo(told(written))
            count += 1
    if not count:
        click.echo(f"There are no records of {program} up to {day} that are in no file yet.")


@feed.command("acknowledge")
@PROGRAM
@click.argument("file", type=click.Path(path_type=Path))
def acknowledge_command(program: str, file: Path) -> None:
    """Take a file in which the REMS says what became of what it was sent: a 997 or 999, or a CSV of receipts by record.

    A 997 or 999 says that a file of ours could be read. It accepts no record, unless the layout says that it does.
    """
    settings = read_settings(os.environ)
    program_named(settings, program)
    with opened(settings) as engine:
        came = receive(engine, file, program)
    about = ", ".join(f"{WORDS[what]} {count:,}" for what, count in sorted(came.counts.items()))
    click.echo(f"{file} is file {came.number} of those that came ({came.kind}): {about or 'nothing stands in it'}.")
    if came.accepted:
        click.echo(f"With their file {came.accepted:,} records were accepted, as the layout of {program} says.")


@feed.command("resend")
@PROGRAM
@click.argument("sequences", nargs=-1)
@click.option("--file", "number", type=click.IntRange(1, 999_999_999), help="Instead: a file, to the folder.")
@FOLDER
@click.option("--reason", required=True, help="Why, in words that an auditor understands. Name no patient.")
def resend_command(program: str, sequences: tuple[str, ...], number: int | None, folder: Path | None, reason: str) -> None:
    """Send records once more that were lost on the other side, on the topic: by sequence (7) or by a range of them (7-12).

    They are the same records, under the same ids. Who does it is the person of GATEKEEPER_TOKEN.
    """
    ranges = [range_of(text) for text in sequences]
    with acting(Permission.PUBLISH_ORDERS) as by:
        program_named(by.settings, program)
        if (number is None) == (not ranges):
            raise Unusable("Name sequences, or a file with --file, and not both.")
        by.must_act_for(program)
        if number is None:
            count = resend(by.engine, program, ranges, reason, by.person)
            click.echo(f"{count:,} records of {program} go out once more, on record with the name of {by.person.name}.")
        else:
            click.echo(told(resend_file(by.engine, folder_of(by.settings, folder), program, number, reason, by.person)))


@feed.command("reconcile")
@PROGRAM
@click.option("--from", "since", required=True, metavar="YYYY-MM-DD", help="The first day whose records are compared.")
@click.option("--to", "until", required=True, metavar="YYYY-MM-DD", help="The last one.")
@click.argument("their_file", type=click.Path(path_type=Path), required=False)
def reconcile_command(program: str, since: str, until: str, their_file: Path | None) -> int:
    """Compare what was released, shipped, recorded, submitted and acknowledged, and with THEIR_FILE, a CSV list, what the REMS has.

    Exit 1 if anything differs. What differs is listed by the sequences of the records.
    """
    settings = read_settings(os.environ)
    of, days = program_named(settings, program), (day_of(since, "--from"), day_of(until, "--to"))
    if days[1] < days[0]:
        raise Unusable("--to must not be before --from.")
    with opened(settings) as engine:
        theirs = None if their_file is None else their_list(their_file)
        found = reconcile(engine, of, days, settings.reporting_wholesalers, theirs)
    if found.last < found.first:
        click.echo(f"There are no records of {program} from {since} to {until}.")
    else:
        click.echo(f"Records {found.first} to {found.last} of {program}, made from {since} to {until}:")
    for name, count in found.counts.items():
        click.echo(f"{name:<16}{count:>12,}")
    for what, runs in found.differences.items():
        shown = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs.ranges[:MOST_RANGES_SHOWN])
        more = len(runs.ranges) - MOST_RANGES_SHOWN
        click.echo(f"Differs: {what}: {runs.count:,}: {shown}{f', and {more:,} more ranges' if more > 0 else ''}")
    listed = ((NOT_RECORDED, found.orders), (UNRECORDED, found.unrecorded), (WAITING, found.waiting), (NOT_RETURNED, found.returned))
    for what, places in listed:
        for where in places:
            click.echo(f"Differs: {what}: {where}")
    click.echo("The books agree." if found.agree else "The books differ.")
    return int(not found.agree)


MOST_RANGES_SHOWN = 1000
WORDS = {"acknowledgement": "counted", "repeat": "repeated", "aside": "set aside with an alert"}


def told(written: Written) -> str:
    """A file in one line."""
    file = written.file
    about = f"records {file.first} to {file.last} ({file.last - file.first + 1:,}, quantity {file.quantity:,})"
    return f"{written.path}: {written.what}; {about}, sha256 {file.sha256.hex()}."


for command in (rejected_command, show_command, correct, void):
    feed.add_command(command)
