"""How long it takes to find sites by name and place among 350,000, to read them all, and to take them into the list that is searched."""

import gc
import random
import time
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from gatekeeper.registry.site_list import query_of, step
from gatekeeper.registry.site_search import Key, TooMany, Wanted, search
from gatekeeper.registry.zip_codes import FILE, around
from gatekeeper.serving import CONTAINERS_BETWEEN_COLLECTIONS
from gatekeeper.storage.engine import migrate, open_engine, transaction
from tests.bench.tables import table
from tests.real.database import Database

ON, KNOWN_AT = date(2026, 11, 20), datetime(2026, 11, 21, tzinfo=UTC)
CITIES: Final = ("10001", "90012", "60601")
"""A third of the sites lies within 20 miles of these."""
WORDS: Final = (
    "Harbor", "Saint", "Mary", "General", "Community", "Regional", "Pharmacy", "Infusion", "Center", "Clinic", "Hospital", "Valley",
    "North", "River", "Neurology",
)  # fmt: skip
PAGE: Final = 51
MUST: Final = "100 ms"
LOAD: Final = """
INSERT INTO registry_load VALUES (1, 1, 'p', 1, %(at)s, %(at)s::date, %(at)s, '{site}', 1, '', '', %(at)s, 1);
UPDATE moving_tail SET registry_version = 1, block = 1
"""
COPY: Final = "COPY fact (id, load, kind, program, subject, sequence, effective_on, body) FROM STDIN (FORMAT binary)"
SITE: Final = (
    '{"fact":"site","program":"p","sequence":%d,"effective_on":"2025-06-01","site_id":"HF-%06d","class":"pharmacy","status":"%s",'
    '"certified_on":"2025-06-01","valid_through":"2027-05-31","name":"%s","address":{"street":"%d %s St","city":"City %d","state":"MA",'
    '"postal_code":"%s"},"identifiers":{"npi":["1%09d"],"account":["WD-001:%d"]}}'
)
ASKED: Final[dict[str, dict[str, Any]]] = {
    "near 10001, 25 miles, certified": {"near": ("10001", 25), "certified": True},
    "near 10001, 250 miles, certified": {"near": ("10001", 250), "certified": True},
    "the same, from 19 miles on": {"near": ("10001", 250), "certified": True, "after": Key(190, "HF-0")},
    "near 99553 (Alaska), 250 miles": {"near": ("99553", 250)},
    "words that few have": {"words": "name1234"},
    "three words, two of which many have": {"words": "harbor pharmacy road12"},
    "the same, within 250 miles of 10001": {"words": "harbor pharmacy road12", "near": ("10001", 250)},
    "a word that thousands have, near 10001": {"words": "pharmacy", "near": ("10001", 25)},
    "a word that thousands have: refused": {"words": "pharmacy"},
    "certified, by their ids": {"certified": True},
}


class Asked(NamedTuple):
    sites: int = 350_000
    times: int = 40


QUICK: Final = Asked(1000, 2)


def measure(folder: Path, asked: Asked) -> str:
    """Makes the sites, takes them in, asks, and gives the table. Objects are collected as `gatekeeper serve` collects them."""
    database = Database(folder / "sites")
    database.start()
    try:
        url = database.fresh()
        engine = open_engine(url)
        migrate(engine)
        _make(url, asked.sites)
        gc.freeze()
        before = gc.get_threshold()
        gc.set_threshold(CONTAINERS_BETWEEN_COLLECTIONS)
        steps = [_timed(lambda: step(engine))]
        while steps[-1][1]:
            steps.append(_timed(lambda: step(engine)))
        rows = [
            ("taken into the list", f"{asked.sites / sum(took for took, _ in steps) * 1000:,.0f} a second", "", _ms(max(steps)[0]), ""),
            ("all of them read, as for an export", f"{_read(engine, asked.sites):,.0f} a second", "", "", ""),
        ]
        for name, question in ASKED.items():
            times = sorted(_timed(lambda: _page(engine, question))[0] for _ in range(asked.times))  # noqa: B023 - at once
            rows.append((name, *[_ms(times[int(len(times) * share)]) for share in (0.5, 0.95)], _ms(times[-1]), MUST))
        engine.dispose()
        gc.set_threshold(*before)
    finally:
        database.stop()
    return table((f"{asked.sites:,} sites; a first page of {PAGE - 1}", "p50", "p95", "max", "must"), rows)


def _page(engine: Any, question: dict[str, Any]) -> int:
    """How many of a page there are."""
    near, words = question.get("near"), question.get("words")
    wanted = Wanted("p", ON, KNOWN_AT, None, certified=question.get("certified", False), words=words and query_of(words))
    with transaction(engine) as cursor:
        wanted = wanted._replace(near=near and around(*near))
        found = search(cursor, wanted, question.get("after"), PAGE)
        try:
            return len([*islice((one for one in found if one.answer), PAGE)])
        except TooMany:
            return 0


def _read(engine: Any, sites: int) -> float:
    begun = time.perf_counter()
    with transaction(engine) as cursor:
        if sum(1 for _ in search(cursor, Wanted("p", ON, KNOWN_AT, None), None, 500)) != sites:
            raise RuntimeError("sites are missing")
    return sites / (time.perf_counter() - begun)


def _make(url: str, sites: int) -> None:
    chance = random.Random(7)  # noqa: S311 - the same sites each time
    codes = [line.split()[0] for line in FILE.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    dense = [code for city in CITIES for code in around(city, 20) or ()]
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for statement in LOAD.split(";"):
            connection.execute(statement.encode(), {"at": datetime(2026, 11, 20, tzinfo=UTC)} if "%(" in statement else None)
        with connection.cursor().copy(
            "COPY fact (id, load, kind, program, subject, sequence, effective_on, body) FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["int8", "int8", "text", "text", "text", "int8", "date", "bytea"])
            for n in range(sites):
                name = " ".join([*chance.sample(WORDS, 2), f"Name{chance.randrange(3000)}"])
                body = SITE % (
                    n + 1, n, "suspended" if n % 10 == 0 else "certified", name, n % 9999, f"Road{chance.randrange(2000)}",
                    n % 700, chance.choice(codes if n % 3 else dense), n, n,
                )  # fmt: skip
                copy.write_row((n + 1, 1, "site", "p", f"HF-{n:06d}", n + 1, date(2025, 6, 1), body.encode()))
        connection.commit()
        connection.execute("ANALYZE fact")


def _timed(step: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    given = step()
    return (time.perf_counter() - begun) * 1000, given


def _ms(took: float) -> str:
    return f"{took:.1f} ms"
