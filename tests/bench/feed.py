"""The feed of a million records: a file of them, the books compared, and acknowledgements a second, on a real database."""

import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import psycopg

from gatekeeper.arrivals import Position, Source
from gatekeeper.feeds.acknowledging import read_acknowledgement_arrival, take_acknowledgements
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import migrate, open_engine, transaction
from tests.bench.tables import table
from tests.real.database import Database

GATEKEEPER: Final = (sys.executable, "-W", "ignore", "-c", "from gatekeeper.cli import main; main()")
LAYOUTS: Final = Path(__file__).parents[1] / "feed" / "layouts"
BATCH: Final = 2000
AT: Final = datetime.now(UTC).replace(hour=17, minute=0, second=0, microsecond=0) - timedelta(days=2)
DAY: Final = AT.date().isoformat()
MUST: Final = "60 s"

MADE_RECORDS: Final = """
INSERT INTO distribution_record
SELECT md5(n::text)::uuid, 'lemtrada', n, 'original', NULL, (n + 2) / 3, 5, convert_to(format(
    '{"record_id":"%%s","program":"lemtrada","sequence":%%s,"kind":"original","replaces":null,"wholesaler_id":"WD-001","order_id":"SO-%%s",'
    '"revision":1,"line":%%s,"verdict_id":"%%s","recorded_at":"%%s","ship_on":"%%s","ship_from":{"site_id":"DC-07"},"ship_to":{"site_id":'
    '"HF-%%s","class":"healthcare_facility","name":"Harbor Infusion Center %%s","address":{"street":"%%s Main St","street2":"Ste 4",'
    '"city":"Boston","state":"MA","postal_code":"02110"}},"patient_id":"P-%%s","prescriber_id":"PR-%%s","authorization_id":"AU-%%s",'
    '"administering_site_id":"HF-%%s","product":{"ndc":"58468-0200-01","gtin":"00358468020017","name":"LEMTRADA 12 mg/1.2 mL"},'
    '"quantity":5,"unit":"vial","lot":"A1234","expires_on":"2199-05-31","serials":["S%%s-1","S%%s-2","S%%s-3","S%%s-4","S%%s-5"]}',
    md5(n::text)::uuid, n, (n + 2) / 3, 1 + mod(n - 1, 3), md5('v' || n)::uuid, %(instant)s::text, %(day)s::text, mod(n, 9999),
    mod(n, 9999), n,
    n, mod(n, 999), n, mod(n, 9999), n, n, n, n, n), 'UTF8'), 1
FROM generate_series(%(begin)s::int, %(end)s::int) n
"""
MADE_EXAMINATIONS: Final = """
INSERT INTO examination
SELECT e, 'WD-001', 'SO-' || e, 1, 1, 'message', '', %(at)s, 0, '', convert_to(format(
    '{"verdict_id":"%%s","lines":[%%s]}', md5('v' || e)::uuid, (
        SELECT string_agg(format('{"line":%%s,"outcome":"released","program":"lemtrada","site_id":"HF-1","record_ids":["%%s"]}',
            1 + mod(n - 1, 3), md5(n::text)::uuid), ',') FROM generate_series(e * 3 - 2, least(e * 3, %(end)s::int)) n)), 'UTF8'), NULL, 1
FROM generate_series((%(begin)s::int + 2) / 3, (%(end)s::int + 2) / 3) e
"""
MADE_EVENTS: Final = """
INSERT INTO shipment_event
SELECT 1, 0, e, 'EV-' || e, 'WD-001', 'SO-' || e, 1, 'shipped', '', '{"lines":[{"line":1},{"line":2},{"line":3}]}', 1
FROM generate_series((%(begin)s::int + 2) / 3, (%(end)s::int + 2) / 3) e
"""
MADE_ACKNOWLEDGEMENTS: Final = """
INSERT INTO acknowledgement
SELECT 'lemtrada', n, 1, md5(n::text)::uuid, 'accepted', '', '', 1 FROM generate_series(%(begin)s::int, %(end)s::int) n
"""
ENDS: Final = """
INSERT INTO block VALUES (1, %(at)s, 0, 0, '', '', '');
UPDATE moving_tail SET block = 1, at = %(at)s, hash = sha256('x'), examination = (SELECT max(id) FROM examination);
INSERT INTO moving_record_count VALUES ('lemtrada', %(count)s)
"""
FORGOTTEN: Final = """
ALTER TABLE feed_file DISABLE TRIGGER only_added;
ALTER TABLE feed_file_written DISABLE TRIGGER only_added;
DELETE FROM feed_file;
DELETE FROM feed_file_written
"""
SLICE: Final = 99_999


class Asked(NamedTuple):
    """How many records there are, and how many are acknowledged one by one."""

    records: int = 1_000_000
    acknowledgements: int = 100_000


QUICK: Final = Asked(3000, 600)


def measure(folder: Path, asked: Asked) -> str:
    """Makes the records, writes them, acknowledges them, compares the books, and gives the table."""
    database = Database(folder / "feed")
    database.start()
    try:
        url = database.fresh()
        engine = open_engine(url)
        migrate(engine)
        engine.dispose()
        make(url, asked.records)
        rows = [
            _command(
                folder, url, f"a file of {asked.records:,} records: {form}", form, "write", "--through", DAY, "--folder", folder / form
            )
            for form in ("csv", "json_lines", "x12")
        ]
        rate = acknowledge(url, asked.acknowledgements)
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(MADE_ACKNOWLEDGEMENTS, {"begin": asked.acknowledgements + 1, "end": asked.records})
            connection.execute("ANALYZE acknowledgement")
        days = ("reconcile", "--from", DAY, "--to", DAY)
        rows.append(_command(folder, url, f"{asked.records:,} records reconciled, our own books", "csv", *days))
        theirs = next((folder / "csv").glob("*.csv"))
        rows.append(_command(folder, url, f"{asked.records:,} records reconciled, with a list of theirs", "csv", *days, theirs))
        rows.append(("acknowledgements a second, with the database", f"{rate:,.0f}/s", "", "5,000/s"))
        return table(("what", "measured", "the program's peak", "must"), rows)
    finally:
        database.stop()


def make(url: str, count: int) -> None:
    """So many records of one day, three an order, each released and shipped."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for begin in range(1, count + 1, SLICE):
            named: dict[str, Any] = {"begin": begin, "end": min(count, begin + SLICE - 1), "at": AT, "day": DAY}
            named["instant"] = f"{AT:%Y-%m-%dT%H:%M:%S}.000Z"
            for statement in (MADE_RECORDS, MADE_EXAMINATIONS, MADE_EVENTS):
                connection.execute(statement, named)
        for statement in ENDS.split(";"):
            connection.execute(statement.encode(), {"at": AT, "count": count} if "%" in statement else None)
        connection.execute("VACUUM ANALYZE")


def acknowledge(url: str, count: int) -> float:
    """Acknowledgements a second, read and taken in batches as a consumer takes them; the median of the batches."""
    engine = open_engine(url)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        names = [
            name for (name,) in connection.execute("SELECT record_id::text FROM distribution_record ORDER BY sequence LIMIT %s", (count,))
        ]
    with transaction(engine) as cursor:
        source = Source(ledger.source_of(cursor, "rems-acknowledgements", "bench"), "rems-acknowledgements", "bench")
    rates = []
    for first in range(0, count, BATCH):
        raws = [
            f'{{"record_id":"{name}","status":"accepted","receipt":"R-{first}","at":"2026-11-21T04:12:09Z"}}'.encode()
            for name in names[first : first + BATCH]
        ]
        begun = time.perf_counter()
        arrivals = [read_acknowledgement_arrival(Position(0, first + place), raw) for place, raw in enumerate(raws)]
        with transaction(engine) as cursor:
            answers = take_acknowledgements(cursor, source, arrivals)
        rates.append(len(raws) / (time.perf_counter() - begun))
        if {answer.kind for answer in answers} != {"acknowledgement"}:
            raise RuntimeError("an acknowledgement did not count: nothing was measured")
    engine.dispose()
    return median(rates)


def _command(folder: Path, url: str, what: str, form: str, *words: object) -> tuple[str, str, str, str]:
    """One `gatekeeper feed` in a program of its own: how long it takes, Python's start included, and its peak of memory."""
    settings = {"DATABASE_URL": url, "FEED_LAYOUTS": str(_layouts(folder, form)), "REPORTING_WHOLESALERS": "WD-001"}
    environment = os.environ | {f"GATEKEEPER_{name}": text for name, text in settings.items()}
    if words[0] == "write" and form != "csv":
        _forget_files(url)
    command = [*GATEKEEPER, "feed", str(words[0]), "--program", "lemtrada", *map(str, words[1:])]
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", PEAK, *command], env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{what}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return what, f"{took:.1f} s", f"{int(done.stderr.split()[-1]) // 1024} MB", MUST


PEAK: Final = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""
"""Runs a command and says the most kilobytes that it had."""


def _layouts(folder: Path, form: str) -> Path:
    """A test's layout, of one file a day, with a set for a thousand records."""
    made = folder / f"layout-{form}"
    made.mkdir(exist_ok=True)
    text = (LAYOUTS / form / "lemtrada.toml").read_text()
    text = re.sub('cadence = "[a-z]*"', 'cadence = "daily"', text)
    (made / "lemtrada.toml").write_text(text.replace("records_a_set = 4", "records_a_set = 1000"))
    return made


def _forget_files(url: str) -> None:
    """The same records are written once more, by another layout: no ledger would do that."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(FORGOTTEN)
