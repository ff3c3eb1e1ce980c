"""What the commands of ``gatekeeper feed`` have in common: whose records, which days, which ledger."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import click
from sqlalchemy import Engine

from gatekeeper.config import Settings
from gatekeeper.domain.program import Program
from gatekeeper.domain.sequences import Range
from gatekeeper.errors import Unusable
from gatekeeper.feeds import read_layouts
from gatekeeper.feeds.layout import Layout
from gatekeeper.opening import open_ledger
from gatekeeper.programs import load_programs
from schemas.text import is_day

PROGRAM = click.option("--program", required=True, metavar="NAME", help="Whose records.")
FOLDER = click.option("--folder", type=click.Path(path_type=Path), help="Where the files are; without it, GATEKEEPER_FEED_FOLDER.")


class Fed(NamedTuple):
    """A program with the layout of its files."""

    program: Program
    layout: Layout


def fed(settings: Settings, name: str, cadence: str | None) -> Fed:
    """Raises ``Unusable`` where the program has no rules, or no layout, or several and it was not said which."""
    program, layouts = program_named(settings, name), read_layouts(settings.feed_layouts)
    own = {of: layout for (named, of), layout in layouts.items() if named == name}
    if not own:
        there = ", ".join(sorted({named for named, _ in layouts}))
        raise Unusable(f"There is no layout of {name} in GATEKEEPER_FEED_LAYOUTS; there are of {there or 'none'}.")
    if cadence is None and len(own) > 1:
        raise Unusable(f"There are layouts of {name} for {', '.join(sorted(own))}: say with --cadence which.")
    if cadence is not None and cadence not in own:
        raise Unusable(f"There is no layout of {name} for {cadence} in GATEKEEPER_FEED_LAYOUTS; there are for {', '.join(sorted(own))}.")
    return Fed(program, own[cadence] if cadence is not None else next(iter(own.values())))


def program_named(settings: Settings, name: str) -> Program:
    """Raises ``Unusable`` where the program has no rules here."""
    programs = {program.name: program for program in load_programs(settings.programs, settings.programs_added)}
    if name not in programs:
        raise Unusable(f"There are no rules of {name} here; there are of {', '.join(sorted(programs))}.")
    return programs[name]


def range_of(text: str) -> Range:
    """One sequence or a range of them, as a person types it. Raises ``Unusable``."""
    found = re.fullmatch(r"([1-9][0-9]{0,9})(?:-([1-9][0-9]{0,9}))?", text, re.ASCII)
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise Unusable("A sequence must be a number from 1 on, a range of them two with a hyphen between, as 7-12.")
    return Range(int(found[1]), int(found[2] or found[1]))


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


@contextmanager
def opened(settings: Settings) -> Iterator[Engine]:
    """The ledger of the settings."""
    engine = open_ledger(settings)
    try:
        yield engine
    finally:
        engine.dispose()
