"""``gatekeeper feed``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import click
from sqlalchemy import Engine

from gatekeeper.config import Settings, read_settings
from gatekeeper.domain.program import Program
from gatekeeper.errors import Unusable
from gatekeeper.feeds import read_layouts
from gatekeeper.feeds.layout import Layout
from gatekeeper.feeds.writing import Written, write
from gatekeeper.opening import open_ledger
from gatekeeper.programs import load_programs
from schemas.text import is_day

PROGRAM = click.option("--program", required=True, metavar="NAME", help="Whose records.")
FOLDER = click.option("--folder", type=click.Path(path_type=Path), help="Where the files are; without it, GATEKEEPER_FEED_FOLDER.")


@click.group("feed")
def feed() -> None:
    """The distribution records on their way to a REMS: files, what the REMS says of them, and whether all books agree."""


@feed.command("write")
@PROGRAM
@click.option("--through", required=True, metavar="YYYY-MM-DD", help="The last day whose records are written.")
@FOLDER
def write_command(program: str, through: str, folder: Path | None) -> None:
    """Write the records up to a day that are in no file yet, by the program's layout; first what was interrupted is made whole.

    A file is made once and for all: typed again, the same files have the same numbers and the same bytes.
    """
    settings = read_settings(os.environ)
    day, of = day_of(through, "--through"), fed(settings, program)
    with opened(settings) as engine:
        count = 0
        for written in write(engine, folder_of(settings, folder), of.layout, of.program.time_zone, day):
            click.echo(told(written))
            count += 1
    if not count:
        click.echo(f"There are no records of {program} up to {day} that are in no file yet.")


class Fed(NamedTuple):
    """A program with the layout of its files."""

    program: Program
    layout: Layout


def fed(settings: Settings, name: str) -> Fed:
    """Raises ``Unusable`` where the program has no rules, or no layout."""
    program, layouts = program_named(settings, name), read_layouts(settings.feed_layouts)
    if name not in layouts:
        raise Unusable(f"There is no layout of {name} in GATEKEEPER_FEED_LAYOUTS; there are of {', '.join(sorted(layouts)) or 'none'}.")
    return Fed(program, layouts[name])


def program_named(settings: Settings, name: str) -> Program:
    """Raises ``Unusable`` where the program has no rules here."""
    programs = {program.name: program for program in load_programs(settings.programs, settings.programs_added)}
    if name not in programs:
        raise Unusable(f"There are no rules of {name} here; there are of {', '.join(sorted(programs))}.")
    return programs[name]


def folder_of(settings: Settings, given: Path | None) -> Path:
    return given or settings.feed_folder or settings.home / "feed"


def day_of(text: str, option: str) -> date:
    """A day as a person types it. Raises ``Unusable``."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Unusable(f"{option} must be a day, written YYYY-MM-DD.") from None
    if day.isoformat() != text or not is_day(day):
        raise Unusable(f"{option} must be a day, written YYYY-MM-DD.")
    return day


def told(written: Written) -> str:
    """A file in one line."""
    file = written.file
    about = f"records {file.first} to {file.last} ({file.last - file.first + 1:,}, quantity {file.quantity:,})"
    return f"{written.path}: {written.what}; {about}, sha256 {file.sha256.hex()}."


@contextmanager
def opened(settings: Settings) -> Iterator[Engine]:
    engine = open_ledger(settings)
    try:
        yield engine
    finally:
        engine.dispose()
