"""A look-back over a ledger of many released lines, for a site that has a part of them, and live orders beside it.

The site's lines are judged by the gate. Of the others only what a look-back could stumble over is there: rows of `examination` with a
short case, and of `moving_dependency`; they are in no block. The site's are spread evenly among them.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

import click
import msgspec
from sqlalchemy import Engine

from gatekeeper.arrivals import Position, Source, read_arrival
from gatekeeper.following import look_back
from gatekeeper.following.steps import expand
from gatekeeper.gate import judge
from gatekeeper.registry.hearing import limits_of
from gatekeeper.registry.learning import learn, read_fact_arrival
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import open_engine, transaction
from tests.bench.latency import QUICK, Pace, one_round
from tests.bench.live import ledger_of_its_own
from tests.bench.pipelines import GATE
from tests.bench.place import Place, say
from tests.bench.tables import table
from tests.bench.world import AUTHORIZATION, LONG_AGO, SITE, TODAY, Sizes, orders
from tests.real.broker import ROOT

SITE_NUMBER = 1
SLICES = 100
OTHERS = """
WITH added AS (
    INSERT INTO examination
        (id, wholesaler_id, order_id, revision, number, cause, digest, decided_at, registry_version, evidence, released, block)
    SELECT t.examination + n, 'WD-002', 'OTHER-' || (t.examination + n), 1, 1, 'message', sha256(n::text::bytea), t.at, t.registry_version,
           repeat('x', 300)::bytea, repeat('y', 200)::bytea, t.block
    FROM moving_tail t, generate_series(1, %(count)s) n RETURNING id
), hanging AS (
    INSERT INTO moving_dependency (question, examination)
    SELECT ('x' || substr(md5(id || '-' || k), 1, 16))::bit(64)::bigint, id FROM added, generate_series(1, 7) k
)
UPDATE moving_tail SET examination = examination + %(count)s
"""


class Load(NamedTuple):
    """Released lines in all, and those of the site; how often and how long live orders are watched beside it."""

    sizes: Sizes = Sizes()
    lines: int = 1_000_000
    of_the_site: int = 10_000
    pace: Pace = Pace(rounds=2, warm_s=3, measured_s=15)
    facts: int = 8
    """Look-backs that run one after another beside the live orders, each over all of the site's lines."""


FEW = Load(Sizes(500, 500, 200, 50), 1_000, 100, QUICK, 1)


def measure(place: Place, load: Load) -> str:
    """Two tables: the look-back by itself, and what live orders notice of one. The site is suspended, so the ledger is no one else's."""
    with ledger_of_its_own(place, load.sizes) as own:
        return _measured(own, load)


def _measured(place: Place, load: Load) -> str:
    engine = open_engine(place.url)
    topics = _Topics(engine)
    _make(engine, topics, load, place.sizes)
    topics.suspend(1)
    seconds, steps = _alone(engine)
    with transaction(engine) as cursor:
        [(lines, findings)] = cursor.execute("SELECT lines, findings FROM look_back").fetchall()
    if (lines, findings) != (load.of_the_site, load.of_the_site):
        raise RuntimeError(f"{findings} of {lines} lines were found: nothing was measured")
    rows = [(f"{load.of_the_site:,} of {load.lines:,} released lines", f"{seconds:.1f} s", f"{max(steps) * 1000:.0f} ms", "30 s")]
    alone = table(("one look-back by itself", "measured", "longest piece", "must"), rows)
    found: dict[str, list[tuple[float, float, float]]] = {"without": [], "with a look-back": []}
    for turn in range(load.pace.rounds):
        found["without"].append(one_round(place, GATE, f"without-{turn}", load.pace))
        topics.suspend(load.facts)
        with _beside(place) as worker:
            found["with a look-back"].append(one_round(place, GATE, f"beside-{turn}", load.pace))
            say(f"look-backs still under way: {_under_way(engine)}")
            worker.terminate()
        _alone(engine)
    engine.dispose()
    told = [
        (name, *(f"{median(each):.1f} ({min(each):.1f} to {max(each):.1f})" for each in zip(*times, strict=True)))
        for name, times in found.items()
    ]
    ratio = median(each[2] for each in found["with a look-back"]) / median(each[2] for each in found["without"])
    return alone + "\n\n" + table(("live orders, ms", "p50", "p95", "p99"), [*told, ("**ratio** of p99 (must 2)", "", "", f"{ratio:.2f}")])


class _Topics:
    """The gate's own steps for messages, without a broker."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._offset, self._sequence = engine, 0, 1_000_000_000
        with transaction(engine) as cursor:
            self._orders = Source(ledger.source_of(cursor, "shipment-orders", "look-back orders"), "shipment-orders", "look-back orders")
            self._facts = Source(ledger.source_of(cursor, "registry-facts", "look-back facts"), "registry-facts", "look-back facts")
        self._book = RuleBook.read()

    def tell(self, *facts: bytes) -> None:
        for fact in facts:
            with transaction(self._engine) as cursor:
                learn(cursor, self._facts, [read_fact_arrival(self._next(), fact)], limits_of(self._book.newest))

    def suspend(self, times: int) -> None:
        """The site has been suspended since yesterday, as so many facts say, one after another; their look-backs begin."""
        for _ in range(times):
            fact = SITE % (self.sequence(), SITE_NUMBER, "suspended", SITE_NUMBER, SITE_NUMBER, SITE_NUMBER)
            self.tell(fact.replace(f'"effective_on":"{LONG_AGO}"', f'"effective_on":"{TODAY}"').encode())
        found = True
        while found:
            with transaction(self._engine) as cursor:
                found = expand(cursor, self._book, 1000, at_once=True) or expand(cursor, self._book, 1000)

    def sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def judge(self, messages: list[bytes]) -> None:
        rules = self._book.at(time_of(self._engine))
        with transaction(self._engine) as cursor:
            judge(cursor, self._orders, [read_arrival(self._next(), message, rules.programs) for message in messages], rules)

    def _next(self) -> Position:
        self._offset += 1
        return Position(0, self._offset)


def time_of(engine: Engine) -> Any:
    """The database's instant."""
    with transaction(engine) as cursor:
        return ledger.now(cursor)


def _make(engine: Engine, topics: _Topics, load: Load, sizes: Sizes) -> None:
    """The ledger that is looked through."""
    with transaction(engine) as cursor:
        # What follows from the import itself is another matter.
        cursor.execute("DELETE FROM moving_follow_up")
    site, patient, prescriber = SITE_NUMBER, SITE_NUMBER % sizes.patients, SITE_NUMBER % sizes.prescribers
    fact = AUTHORIZATION % (topics.sequence(), site, patient, prescriber, site)
    topics.tell(fact.replace(f'"AU-{site:07d}"', '"AU-LOOK"').replace('"units":9999', '"units":99999').encode())
    model: dict[str, Any] = next(
        said
        for sent in orders("look", 1000, sizes, covered=1)
        if sent.stopped is False and len((said := msgspec.json.decode(sent.value))["lines"]) == 1
    )
    address = {"street": f"{site} Main Street", "street2": "Suite 4", "city": "Boston", "state": "MA", "postal_code": "02110"}
    ship_to = {"rems_site_id": f"HF-{site:07d}", "account": str(site), "address": address}
    person = {"patient_id": f"P-{patient:07d}", "authorization_id": "AU-LOOK", "prescriber_id": f"PR-{prescriber:05d}"}
    slices = min(SLICES, load.of_the_site)
    for number in range(slices):
        names = [f"LOOK-{number}-{each}" for each in range(load.of_the_site // slices)]
        topics.judge(
            [
                msgspec.json.encode(
                    model | {"order_id": name, "ship_to": ship_to, "lines": [model["lines"][0] | {"serials": [name], "patient": person}]}
                )
                for name in names
            ]
        )
        with transaction(engine) as cursor:
            cursor.execute(OTHERS.encode(), {"count": (load.lines - load.of_the_site) // slices})
        if number % 10 == 9:
            say(f"{(number + 1) * load.lines // slices:,} lines of the ledger are made")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE examination")
        connection.exec_driver_sql("VACUUM ANALYZE moving_dependency")


def _alone(engine: Engine) -> tuple[float, list[float]]:
    """Looks back until nothing is left: seconds, and those of each piece."""
    begun, steps = time.monotonic(), [0.0]
    while True:
        at = time.monotonic()
        if not look_back.step(engine, ()):
            return time.monotonic() - begun, steps
        steps.append(time.monotonic() - at)


def _under_way(engine: Engine) -> int:
    with transaction(engine) as cursor:
        return len(look_back.progress(cursor))


@contextmanager
def _beside(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """A program of its own that looks back, as the relay does."""
    command = (sys.executable, "-W", "ignore", "-m", "tests.bench.look_back")
    with place.running(command, "look-back", os.environ | {"PYTHONPATH": str(ROOT), "LOOK_BACK_URL": place.url}) as worker:
        yield worker


if __name__ == "__main__":
    taken, pieces = _alone(open_engine(os.environ["LOOK_BACK_URL"]))
    click.echo(f"{len(pieces) - 1} pieces in {taken:.1f} s")
