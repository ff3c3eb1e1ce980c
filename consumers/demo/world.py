"""A fresh world: a database of its own on the embedded server, a broker in this process, a registry that was just imported."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

import psycopg
import sqlalchemy.exc
from sqlalchemy import Engine

from consumers.demo.answers import OUTPUTS
from consumers.demo.sample import Sample, Story, lines_of, sample, snapshots
from consumers.demo.screen import Screen
from consumers.kafka.mock import MockCluster
from consumers.kafka.place import TOPIC as OUTBOX_PLACE
from gatekeeper.config import Settings
from gatekeeper.domain.program import Program
from gatekeeper.errors import Unusable
from gatekeeper.opening import open_ledger
from gatekeeper.programs import load_programs
from gatekeeper.readers import Secret
from gatekeeper.registry import importing as registry
from gatekeeper.registry.lacking import lacking
from gatekeeper.rules import RuleBook
from gatekeeper.storage import embedded
from gatekeeper.storage.engine import migrate, open_engine, transaction
from gatekeeper.storage.registry import now
from schemas.fact import Fact
from schemas.topics import REMS_ACKNOWLEDGEMENTS, SHIPMENT_EVENTS, SHIPMENT_ORDERS

INPUTS: Final = (SHIPMENT_ORDERS, SHIPMENT_EVENTS, REMS_ACKNOWLEDGEMENTS)
DATABASE: Final = "gatekeeper_demo"
AGE: Final = timedelta(minutes=10)
"""How old the sample registry is."""


class World(NamedTuple):
    settings: Settings
    """Those of the product, as if a person had named this database and this broker."""
    engine: Engine
    cluster: MockCluster
    sample: Sample
    files: Path
    """The folder with the same registry and messages as files."""
    book: RuleBook
    program: Program
    """Whose records go to the REMS."""
    ids: dict[str, str]

    def topic_id(self, topic: str) -> str:
        """The mock cluster gives topics no id; in a database of its own any does that no other start has."""
        return self.ids.setdefault(topic, str(uuid4()))


@contextmanager
def fresh_world(home: Path, screen: Screen) -> Iterator[World]:
    """Everything that the demonstration needs, with its files in ``home``, told on ``screen`` as they are made.

    At the end the broker is gone; the database stays until the next start.
    """
    screen.waits("PostgreSQL starts; the first time its files are made")
    own = Settings(home=home, database_url=Secret(_database(home)))
    engine = open_ledger(own)
    try:
        screen.step("PostgreSQL, embedded: a new database")
        book = RuleBook.read(own.programs, own.programs_added)
        told, files = _registry(own, engine)
        screen.step(f"The sample registry: {sum(map(len, told.facts.values()))} facts imported")
        with transaction(engine) as cursor:
            in_force = book.at(now(cursor))
            for sentence in lacking(cursor, in_force.programs):
                screen.step(sentence)
        cluster = MockCluster([*(topic.name for topic in (*INPUTS, *OUTPUTS)), OUTBOX_PLACE])
        screen.step("Kafka: the client library's mock cluster (not for exactly-once)")
        try:
            found = replace(own, kafka_bootstrap_servers=cluster.bootstrap)
            yield World(found, engine, cluster, told, files, book, in_force.programs[0], {})
        finally:
            cluster.close()
    finally:
        engine.dispose()


def _database(home: Path) -> str:
    """The URL of a database of this version with nothing in it."""
    url = embedded.start(home)
    server = open_engine(url)
    try:
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {DATABASE}")
            connection.exec_driver_sql(f"CREATE DATABASE {DATABASE}")
    except sqlalchemy.exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.ObjectInUse):
            raise Unusable(f"Another demonstration runs with {home}: end it first, or set GATEKEEPER_HOME to another folder.") from None
        raise
    finally:
        server.dispose()
    fresh = sqlalchemy.make_url(url).set(database=DATABASE).render_as_string(hide_password=False)
    engine = open_engine(fresh)
    try:
        migrate(engine)
    finally:
        engine.dispose()
    return fresh


def _registry(settings: Settings, engine: Engine) -> tuple[Sample, Path]:
    programs = load_programs(settings.programs, settings.programs_added)
    with transaction(engine) as cursor:
        at = now(cursor)
    told = sample(at, programs[0])
    folder = settings.home / "demo"
    folder.mkdir(exist_ok=True)
    terms = registry.Terms(programs, settings.registry_loss_percent)
    for program, snapshot in snapshots(told.facts, at - AGE).items():
        path = folder / f"{program}.ndjson"
        path.write_bytes(snapshot)
        registry.import_file(engine, path, terms, _Unwatched())
    # For `gatekeeper decide`, which takes one file: without a header it may hold several programs.
    (folder / "registry.ndjson").write_bytes(lines_of(fact for facts in told.facts.values() for fact in facts))
    (folder / "orders.ndjson").write_bytes(b"".join(_line(story) for story in told.stories))
    return told, folder


def _line(story: Story) -> bytes:
    return story.message + b"\n"


class _Unwatched:
    """A load of some forty facts is over before anybody could look."""

    def reading(self, facts: Iterable[Fact], total: int) -> Iterable[Fact]:  # noqa: ARG002 - as whoever watches is asked
        return facts

    def step(self, words: str) -> None:
        """Nobody is told."""
