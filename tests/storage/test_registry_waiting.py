"""What everybody waits for, once a load has the ledger lock, is short."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.storage import registry
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.registry import begin, begin_comparing, lock_ledger, write_through
from tests.storage.snapshots import Wire, load, rows, site, snapshot

MUCH = """
INSERT INTO fact (id, load, kind, program, subject, sequence, effective_on, body)
SELECT nextval('fact_id'), 1, 'site', 'lemtrada', 'HF-' || n, n, '2025-06-01', repeat('x', 300)::bytea FROM generate_series(1, 20000) n
"""


def test_what_a_load_wrote_is_on_the_disk_before_the_others_wait_for_its_commit(engine: Engine) -> None:
    with transaction(engine) as cursor:
        begin(cursor)
        cursor.execute(MUCH)
        written = cursor.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
        with transaction(engine) as beside:
            write_through(beside)
        assert cursor.execute("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", written).fetchone() == (True,)


def test_under_the_ledger_lock_a_load_looks_things_up_by_index_whatever_the_statistics_say(engine: Engine) -> None:
    with transaction(engine) as cursor:
        begin(cursor)
        assert cursor.execute("SHOW enable_seqscan").fetchone() == ("on",)
        lock_ledger(cursor)
        assert cursor.execute("SHOW enable_seqscan").fetchone() == ("off",)


def test_a_load_and_a_comparison_leave_processors_to_the_orders(engine: Engine) -> None:
    plan = "EXPLAIN SELECT count(*) FROM generate_series(1, 10) n, fact f JOIN fact g ON g.body = f.body"
    for prepare in (begin, begin_comparing):
        with transaction(engine) as cursor:
            cursor.execute(
                "SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0"
            )
            cursor.execute("SET LOCAL enable_seqscan = on; SET LOCAL max_parallel_workers_per_gather = 2")
            assert "Gather" in str(cursor.execute(plan).fetchall()), "this proves nothing where it would be done by one process anyway"
        with transaction(engine) as cursor:
            prepare(cursor)
            cursor.execute(
                "SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0"
            )
            assert "Gather" not in str(cursor.execute(plan).fetchall())


def told(turn: int) -> list[Wire]:
    """Every third site says something new from turn to turn, every seventh is left out."""
    return [
        site(number, "suspended" if number % 3 == turn else "certified", sequence=number, name="N" * 200)
        for number in range(1, 400)
        if number % 7 != turn
    ]


def test_what_a_load_adds_is_brought_to_the_disk_piece_by_piece(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all of it waits for the commit of whoever comes next, who has the ledger lock. Of how many pieces changes nothing else."""
    flushed = []

    def counted(cursor: Cursor[Any]) -> None:
        write_through(cursor)
        flushed.append(1)

    monkeypatch.setattr(registry, "PIECE_PAGES", 1)
    monkeypatch.setattr(registry, "write_through", counted)
    known, holding = set(), set()
    for turn in range(3):
        facts = {json.dumps(fact) for fact in told(turn)}
        flushed.clear()
        loaded = load(engine, snapshot(tmp_path / "facts", told(turn), sequence=1000 + turn))
        assert loaded.difference == (len(facts - known), len(holding - facts), len((facts & known) - holding))
        assert len(flushed) > 10
        known, holding = known | facts, facts
    assert min(loaded.difference) > 20
    identifiers = {(value, kind, name, load) for name, load, kind, value in of_facts(engine)}
    assert set(rows(engine, "moving_site_identifier")) == identifiers


def of_facts(engine: Engine) -> Iterator[tuple[str, int, str, str]]:
    """Which identifiers the facts give."""
    for row in rows(engine, "fact"):
        for kind, values in json.loads(row[7])["identifiers"].items():
            yield from ((row[4], row[1], kind, value) for value in values)
