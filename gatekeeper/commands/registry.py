"""The registry's commands."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gatekeeper.commands.acting import acting
from gatekeeper.commands.registry_diff import show_compared
from gatekeeper.commands.registry_questions import history_command, show
from gatekeeper.config import read_settings
from gatekeeper.errors import TryAgain, Unusable
from gatekeeper.opening import open_ledger
from gatekeeper.people.access import person
from gatekeeper.people.permissions import Permission
from gatekeeper.registry.confirming import confirm
from gatekeeper.registry.importing import Loaded, Terms, compare_file, import_file
from gatekeeper.registry.refused_files import Offered
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.refused_files import refusals
from schemas.fact import Fact, SnapshotHeader
from schemas.reading import Unreadable, read_header

OPTIONS = {"snapshot": "--program", "sequence": "--sequence", "as_of": "--as-of", "facts": "--facts", "sha256": "--sha256"}
"""What a CSV file has no header line for, by the header's member."""


@click.group("registry")
def registry() -> None:
    """What a REMS says of its sites, patients, prescribers, authorizations and recalls."""


registry.add_command(show)
registry.add_command(history_command)


def told_by_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the file and the options that say for CSV what a header line says."""
    for decorate in reversed((
        click.option("--program", "snapshot", metavar="NAME", help="CSV only: whose sites these are."),
        click.option("--sequence", type=int, metavar="NUMBER", help="CSV only: the snapshot's sequence."),
        click.option("--as-of", metavar="INSTANT", help="CSV only: the instant of which the file speaks."),
        click.option("--facts", type=int, metavar="NUMBER", help="CSV only: how many sites the file has."),
        click.option("--sha256", metavar="DIGEST", help="CSV only: the SHA-256 of the file."),
        click.argument("file", type=click.Path(path_type=Path)),
    )):  # fmt: skip
        command = decorate(command)
    return command


@registry.command("import")
@told_by_options
def import_command(file: Path, **options: str | int | None) -> None:
    """Load a snapshot of a registry, whole or not at all, while the consumers go on.

    FILE is newline-delimited JSON with its header line, or CSV of sites if its name ends with .csv: then the options say what the
    header line would.
    """
    said = _said_of(file, options)
    settings = read_settings(os.environ)
    offering = None if settings.token is None else person(settings)
    offered = Offered(said, offering and offering.subject)
    terms = Terms.of(settings)
    engine = open_ledger(settings)
    try:
        with _Bar() as bar:
            loaded = import_file(engine, file, terms, bar, offered)
    except TryAgain as error:
        raise TryAgain(f"{error} Import the file again: if it was loaded after all, that changes nothing.") from None
    finally:
        engine.dispose()
    for line in _told(loaded, terms):
        click.echo(line)


@registry.command("diff")
@told_by_options
@click.option("--first", type=click.IntRange(0, 10_000), default=10, show_default=True, help="So many sites of each change are named.")
def diff_command(file: Path, first: int, **options: str | int | None) -> None:
    """Show what an import of FILE would change, and whether it would be refused, and change nothing.

    FILE and its options are as for `import`.
    """
    said = _said_of(file, options)
    settings = read_settings(os.environ)
    engine = open_ledger(settings)
    try:
        with _Bar() as bar:
            compared = compare_file(engine, file, said, Terms.of(settings), bar, first)
    finally:
        engine.dispose()
    show_compared(Console(), compared)


@registry.command("confirm")
@click.argument("digest")
@click.option("--reason", required=True, help="Why the sites are really lost, in words that an auditor understands. Name no patient.")
def confirm_command(digest: str, reason: str) -> None:
    """Load a file that was refused for the sites that it loses, on the word of a person: whom GATEKEEPER_TOKEN names.

    DIGEST is the SHA-256 that the refusal named. Whoever imported the file cannot confirm it. All other checks are made again, and
    what would be lost is counted again: if it is more by now, or another snapshot was loaded since, you are told and asked once more.
    """
    with acting(Permission.CONFIRM_SNAPSHOTS) as by, _Bar() as bar:
        with transaction(by.engine) as cursor:
            for refused in refusals(cursor, digest)[-1:]:
                by.must_act_for(refused.program)
        terms = Terms.of(by.settings)
        try:
            loaded = confirm(by.engine, digest, reason, by.person, terms, bar)
        except TryAgain as error:
            raise TryAgain(f"{error} Confirm the file again: if it was loaded after all, that changes nothing.") from None
    for line in _told(loaded, terms):
        click.echo(line)
    click.echo(f"Confirmed, on record with the name of {by.person.name}.")


def _said_of(file: Path, options: dict[str, str | int | None]) -> SnapshotHeader | None:
    """What the options say in place of the header line of a CSV file."""
    if file.suffix.lower() != ".csv":
        for member, value in options.items():
            if value is not None:
                raise Unusable(f"{OPTIONS[member]} is for CSV files only: in another the header line says it.")
        return None
    for member, value in options.items():
        if value is None:
            raise Unusable(f"{OPTIONS[member]} must be given: a CSV file has no header line to say it.")
    return _said(options)


def _said(options: dict[str, Any]) -> SnapshotHeader:
    try:
        header = read_header(msgspec.json.encode(options))
    except (OverflowError, UnicodeEncodeError):
        raise Unusable("An option holds what cannot be written in a header line.") from None
    if isinstance(header, Unreadable):
        pointer, sentences = next(iter(header.problems.items()))
        raise Unusable(f"{OPTIONS.get(pointer.removeprefix('/'), 'The options')}: {sentences[0]}")
    return header


class _Bar:
    """Shows on standard error how far the import is, where that is a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def reading(self, facts: Iterable[Fact], total: int) -> Iterable[Fact]:
        self.step("Reading")
        return self._progress.track(facts, total=total, task_id=self._task)

    def step(self, words: str) -> None:
        self._progress.update(self._task, description=words)


def _told(loaded: Loaded, terms: Terms) -> Iterator[str]:
    difference, certified = loaded.difference, loaded.certified
    as_of = f"{loaded.as_of:%Y-%m-%dT%H:%M:%SZ}"
    yield f"The registry has version {loaded.version}: {loaded.program}, sequence {loaded.sequence}, as of {as_of}."
    yield f"Facts: {loaded.facts:,} in the file, {difference.added:,} new, {difference.gone:,} gone, {difference.back:,} back again."
    yield f"Certified sites: {certified.before:,} before, {certified.after:,} now."
    if all(rules.name != loaded.program for rules in terms.programs):
        yield f"Heed: there are no rules of {loaded.program} here: this registry releases and stops nothing. Is that the program's name?"
