"""``gatekeeper programs``: the rules as the gate reads them."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import click

from gatekeeper.clock import now
from gatekeeper.config import Settings, read_settings
from gatekeeper.domain.products import ndc_of_record
from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.errors import TryAgain, Unusable
from gatekeeper.opening import open_ledger
from gatekeeper.programs import files_of, to_be_added
from gatekeeper.programs.reading import Version, read_version
from gatekeeper.registry.lacking import lacking
from gatekeeper.rules import RuleBook, day_begins
from gatekeeper.storage.engine import transaction

PATIENT_RULES = {
    "none": "no patient is asked for",
    "present": "each line must name its patient, of whom nothing is looked up",
    "authorized": "each line's patient must be enrolled and authorized, by the registry",
}
_DAY = timedelta(days=1)


@click.group("programs")
def programs() -> None:
    """The rules of the REMS programs."""


@programs.command("check")
@click.argument("places", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(places: tuple[Path, ...]) -> None:
    """Read files of rules as the gate would, and say what was understood. A folder stands for every .toml file in it.

    What is wrong with a file is one sentence that names the place, and exit status 2. Several files are also compared with each other, as
    those of one folder are.
    """
    read = [_read_each(place) for place in places]
    if wrong := [each for several in read for each in several if isinstance(each, Unusable)]:
        for each in wrong[:-1]:
            click.echo(str(each), err=True)
        raise wrong[-1]
    versions = [each for several in read for each in several if isinstance(each, Version)]
    RuleBook.of(versions)
    at = now()
    for number, version in enumerate(versions):
        for line in (*([""] if number else []), *_understood(version), *_from_when(version, at)):
            click.echo(line)


@programs.command("list")
def list_command() -> None:
    """Say which rules are in force now, since when and from which file, what is prepared, and what the registries lack."""
    settings = read_settings(os.environ)
    book = RuleBook.read(settings.programs, settings.programs_added)
    at = now()
    in_force = book.in_force(at)
    click.echo("In force now:" if in_force else "No rules are in force now: nothing is restricted.")
    for version in in_force:
        click.echo(_listed(version))
    for title, listed in (("Prepared:", _prepared(book, at)), ("Over:", _over(book, at))):
        if listed:
            click.echo(title)
        for version in listed:
            click.echo(_listed(version))
    for name in book.not_yet(at):
        click.echo(f"No rules of {name} hold yet: until its first ones do, nothing restricts its products.")
    if settings.programs is None:
        names = {version.program.name for version in book.versions}
        for name in to_be_added():
            if name not in names:
                click.echo(f"Not in force, for GATEKEEPER_PROGRAMS_ADDED does not name it: {name}. Its products are not restricted.")
    for sentence in _lacking(settings, tuple(version.program for version in in_force)):
        click.echo(sentence)


def _read_each(place: Path) -> list[Version | Unusable]:
    """Each file, or what is wrong with it: who checks several wants to hear of all of them."""
    read: list[Version | Unusable] = []
    try:
        for file in files_of(place) if place.is_dir() else (place,):
            try:
                read.append(read_version(file))
            except Unusable as wrong:
                read.append(wrong)
    except Unusable as wrong:
        read.append(wrong)
    return read


def _understood(version: Version) -> Iterator[str]:
    program = version.program
    yield f"{version.file.name} can be used: {program.name}, version {program.version}."
    yield f"Digest: {program.sha256}"
    yield f"Time zone: {program.time_zone}"
    for package in program.packages:
        yield f"Covered: {ndc_of_record(package.ndc)}, GTIN {package.gtin}, {package.name}, in {_units(package)}"
    yield f"Watched: {', '.join(_product(key) for key in program.watched) or 'nothing'}"
    yield f"May receive: {', '.join(name.replace('_', ' ') for name in program.classes)}"
    yield f"Patients: {PATIENT_RULES[program.patient_rule]} ({program.patient_rule})"
    yield f"Whole orders: {'yes' if program.whole_order else 'no'}"
    yield f"A certificate without a last day counts for {_counted(program.certification_years, 'year')}."
    yield f"A registry older than {_counted(program.registry_age_limit_hours, 'hour')} holds every line."
    yield f"An order more than {_counted(program.ship_date_limit_days, 'day')} past its day of shipment is held."
    yield f"An order without a day of delivery is delivered {_counted(program.transit_days, 'day')} after its shipment."
    yield f"Distribution records are submitted: {program.feed_cadence}"
    window = program.return_window_business_days
    yield f"Returns: within {_counted(window, 'business day')}" if window else "Returns: no days are counted."


def _from_when(version: Version, at: datetime) -> Iterator[str]:
    program = version.program
    since, through = version.in_force_from, version.in_force_through
    begins = day_begins(since, program.time_zone)
    yield f"In force: from {since}{f' through {through}' if through else ''}, the day in {program.time_zone}."
    if begins > at:
        yield f"Not yet: until {since} nothing is restricted by this file; another version of {program.name} must hold until then."
    elif through is not None and day_begins(through + _DAY, program.time_zone) <= at:
        yield f"No longer: since {through + _DAY} nothing is restricted by this file."
    if uncovered := [_product(key) for key in {package.ndc[:10]: None for package in program.packages} if key not in program.watched]:
        yield f"Heed: {', '.join(uncovered)} is covered, but not watched: another package of it is not restricted."


def _listed(version: Version) -> str:
    program = version.program
    through = f" through {version.in_force_through}" if version.in_force_through else ""
    return f"  {program.name} {program.version}, from {version.in_force_from}{through}, {version.file}, {program.sha256}"


def _prepared(book: RuleBook, at: datetime) -> list[Version]:
    return [version for version in book.versions if day_begins(version.in_force_from, version.program.time_zone) > at]


def _over(book: RuleBook, at: datetime) -> list[Version]:
    """Those that hold no longer, where no version of the program holds."""
    holding = {version.program.name for version in book.in_force(at)}
    prepared = _prepared(book, at)
    return [version for version in book.versions if version.program.name not in holding and version not in prepared]


def _lacking(settings: Settings, in_force: tuple[Program, ...]) -> list[str]:
    if settings.database_url is None and not settings.home.exists():
        return ["There is no ledger yet, so that no registry has been loaded: every line of their products is held."]
    try:
        engine = open_ledger(settings)
    except (TryAgain, Unusable) as away:
        return [f"What the registries hold is not known: {away}"]
    try:
        with transaction(engine) as cursor:
            return lacking(cursor, in_force)
    finally:
        engine.dispose()


def _units(package: CoveredPackage) -> str:
    return ", ".join(unit if factor == 1 else f"{unit} of {factor}" for unit, factor in package.units)


def _product(key: str) -> str:
    return ndc_of_record(key + "00")[:-3]


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
