"""What must be right before anything runs: one check a line. Other packages add theirs by the entry-point group ``gatekeeper.checks``."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from gatekeeper import clock
from gatekeeper.config import Settings
from gatekeeper.errors import Halt, TryAgain, Unusable
from gatekeeper.opening import connected, engine_of
from gatekeeper.people.keys import count_keys
from gatekeeper.registry.lacking import lacking
from gatekeeper.rules import RuleBook
from gatekeeper.storage import tables
from gatekeeper.storage.engine import check_durable, check_server, check_version

OTHERS: Final = "gatekeeper.checks"
CLOCK_LIMIT_S: Final = 5.0
GUARDED: Final = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'only_added' AND tgenabled = 'A'"
MADE: Final = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"


class Heed(str):
    """What was found is not wrong, and somebody should know of it."""


class Check(NamedTuple):
    """Something that must be right. ``run`` says what it found, or raises ``Unusable``, ``TryAgain`` or ``Halt`` with what is wrong."""

    about: str
    run: Callable[[Settings], str]


class Found(NamedTuple):
    about: str
    good: bool
    sentence: str


def examine(settings: Settings) -> Iterator[Found]:
    """Runs every check, in order; one that fails keeps no other from running."""
    for check in [*CHECKS, *(check for entry_point in entry_points(group=OTHERS) for check in entry_point.load())]:
        try:
            yield Found(check.about, True, check.run(settings))  # noqa: FBT003 - named by the tuple
        except (Unusable, TryAgain, Halt) as wrong:
            yield Found(check.about, False, str(wrong))  # noqa: FBT003


def seconds_apart(before: datetime, there: datetime, after: datetime) -> float:
    """How far a clock that showed ``there`` at some moment between ``before`` and ``after`` of ours is off, at least."""
    return max((before - there).total_seconds(), (there - after).total_seconds(), 0.0)


def _of_database(check: Callable[[Connection], str]) -> Callable[[Settings], str]:
    def run(settings: Settings) -> str:
        engine = engine_of(settings)
        try:
            with connected(engine) as connection:
                return check(connection)
        finally:
            engine.dispose()

    return run


def _server(connection: Connection) -> str:
    return f"PostgreSQL {check_server(connection)} answers."


def _version(connection: Connection) -> str:
    check_version(connection)
    return "It is of this program's version."


def _durable(connection: Connection) -> str:
    check_durable(connection)
    return "What is committed stays."


def _guarded(connection: Connection) -> str:
    there = {row[0] for row in connection.exec_driver_sql(GUARDED)}
    made = {row[0] for row in connection.exec_driver_sql(MADE)}
    if not any(table.name in made for table in tables.ONLY_ADDED):
        raise Unusable("There is no evidence yet: run `gatekeeper migrate` first.")
    open_to_change = [table.name for table in tables.ONLY_ADDED if table.name not in there]
    if open_to_change:
        raise Unusable(f"The database does not refuse changes to {', '.join(open_to_change)}: enable the trigger only_added ALWAYS.")
    return "It refuses changes to what is only added."


def _clocks(connection: Connection) -> str:
    before = clock.now()
    there: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one().astimezone(UTC)
    apart = seconds_apart(before, there, clock.now())
    if apart > CLOCK_LIMIT_S:
        raise Unusable(f"The clocks of this machine and of the database are {apart:.1f} seconds apart: set both by NTP.")
    return f"This machine and the database are {apart:.1f} seconds apart."


def _programs(settings: Settings) -> str:
    at = clock.now()
    book = RuleBook.read(settings.programs, settings.programs_added)
    in_force = ", ".join(f"{program.name} {program.version}" for program in book.at(at).programs)
    said = f"Rules are in force for {in_force}." if in_force else "No rules are in force: nothing is restricted."
    if not_yet := book.not_yet(at):
        said += f" Of {', '.join(not_yet)} none hold yet: until they do, nothing restricts its products."
    return said if in_force and not not_yet else Heed(said)


def _registries(settings: Settings) -> str:
    programs = RuleBook.read(settings.programs, settings.programs_added).at(clock.now()).programs

    def ask(connection: Connection) -> str:
        check_version(connection)
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            sentences = lacking(cursor, programs)
        return Heed(" ".join(sentences)) if sentences else "Every program in force has a registry that is fresh and whole."

    return _of_database(ask)(settings)


def _keys(settings: Settings) -> str:
    if settings.jwks is None and settings.jwks_url is None:
        return Heed("None are named: no command acts for a person, and nothing is served over HTTP.")
    found = count_keys(settings)
    if not found:
        raise Unusable("The issuer's set of keys is empty: nobody can be recognized.")
    return f"The issuer has {found} for people's tokens."


CHECKS: Final = (
    Check("database", _of_database(_server)),
    Check("ledger", _of_database(_version)),
    Check("commits", _of_database(_durable)),
    Check("evidence", _of_database(_guarded)),
    Check("clock", _of_database(_clocks)),
    Check("programs", _programs),
    Check("registries", _registries),
    Check("keys", _keys),
)
