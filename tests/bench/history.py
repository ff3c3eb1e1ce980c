"""How long a both-times question about one subject takes among many facts, asked as the command and HTTP ask it."""

import random
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from gatekeeper.registry.both_times import Subject, answer, history
from gatekeeper.storage.engine import migrate, open_engine, transaction
from tests.bench.tables import table
from tests.real.database import Database

FACTS_OF_A_SITE: Final = 10
LOADS: Final = 1000
FIRST_DAY: Final = date(2020, 1, 1)
FIRST: Final = datetime(2020, 1, 1, tzinfo=UTC)
MUST: Final = "20 ms"

MADE_LOADS: Final = """
INSERT INTO registry_load
SELECT n, n, 'p' || mod(n, 5), n, at, %(day)s + n, at, '{site}', 1, '', '', at, n
FROM generate_series(1, %(loads)s) n, LATERAL (SELECT %(first)s + n * interval '1 day') l(at) WHERE mod(n, 2) = 0
"""
MADE_BATCHES: Final = """
INSERT INTO registry_batch SELECT n, n, 'topic', 1, '', %(first)s + n * interval '1 day', n
FROM generate_series(1, %(loads)s) n WHERE mod(n, 2) = 1
"""
MADE_FACTS: Final = """
INSERT INTO fact
SELECT n, 1 + mod(n, %(loads)s), 'site', 'p' || mod(s, 5), 'HF-' || s, n, day, convert_to(format(
    '{"fact":"site","program":"p%%s","sequence":%%s,"effective_on":"%%s","site_id":"HF-%%s","class":"healthcare_facility","status":"%%s",'
    '"certified_on":"2025-06-01","valid_through":"2027-05-31","name":"Harbor Infusion Center","address":{"street":"%%s Main St",'
    '"city":"Boston","state":"MA","postal_code":"02110"},"identifiers":{"npi":["1%%s"],"account":["WD-001:%%s"]}}',
    mod(s, 5), n, day, s, (ARRAY['certified', 'suspended'])[1 + mod(n, 2)], s, lpad(s::text, 9, '0'), s), 'UTF8')
FROM (
    SELECT n, mod(n, %(sites)s) AS s, %(day)s + mod(n, 1500) AS day FROM generate_series(%(begin)s::int, %(end)s::int) n
) numbered
"""
MADE_PRESENCES: Final = """
INSERT INTO fact_presence SELECT n, 1 + mod(n / 7, %(loads)s), %(day)s + mod(n, 1500), false
FROM generate_series(%(begin)s::int, %(end)s::int) n WHERE mod(n, 10) = 0
"""
SLICE: Final = 1_000_000


class Asked(NamedTuple):
    """How many facts there are, and how many questions are asked."""

    facts: int = 10_000_000
    questions: int = 3000


QUICK: Final = Asked(2000, 20)


def measure(folder: Path, asked: Asked) -> str:
    """Makes the facts, asks, and gives the table."""
    database = Database(folder / "history")
    database.start()
    try:
        url = database.fresh()
        engine = open_engine(url)
        migrate(engine)
        _make(url, asked)
        chosen = random.Random(7)  # noqa: S311 - the same questions each time
        took: dict[str, list[float]] = {"what held on a day, as known at an instant": [], "every fact, with when it came and went": []}
        for _ in range(asked.questions):
            site = chosen.randrange(asked.facts // FACTS_OF_A_SITE)
            subject = Subject(f"p{site % 5}", "site", f"HF-{site}")
            on, known_at = FIRST_DAY + timedelta(days=chosen.randrange(1500)), FIRST + timedelta(days=chosen.randrange(LOADS))
            for name, times in took.items():
                begun = time.perf_counter()
                with transaction(engine) as cursor:
                    if name.startswith("what"):
                        answer(cursor, subject, on, known_at)
                    elif len(history(cursor, subject)) < FACTS_OF_A_SITE - 1:
                        raise RuntimeError("a site lacks facts")
                times.append((time.perf_counter() - begun) * 1000)
        engine.dispose()
    finally:
        database.stop()
    rows = [(name, *_figures(several), MUST) for name, several in took.items()]
    return table((f"one site of {asked.facts // FACTS_OF_A_SITE:,}, {asked.facts:,} facts", "p50", "p99", "max", "must"), rows)


def _make(url: str, asked: Asked) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        named = {"loads": LOADS, "first": FIRST, "day": FIRST_DAY, "sites": asked.facts // FACTS_OF_A_SITE}
        for statement in (MADE_LOADS, MADE_BATCHES):
            connection.execute(statement, named)
        for begin in range(1, asked.facts + 1, SLICE):
            part = named | {"begin": begin, "end": min(begin + SLICE - 1, asked.facts)}
            connection.execute(MADE_FACTS, part)
            connection.execute(MADE_PRESENCES, part)
            connection.commit()
        connection.execute("ANALYZE fact, fact_presence, registry_load, registry_batch")


def _figures(times: list[float]) -> tuple[str, str, str]:
    ordered = sorted(times)
    return tuple([f"{ordered[int(len(ordered) * part)]:.1f} ms" for part in (0.5, 0.99)] + [f"{ordered[-1]:.1f} ms"])  # type: ignore[return-value]
