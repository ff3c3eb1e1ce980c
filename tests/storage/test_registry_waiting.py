"""What everybody waits for, once a load has the ledger lock, is short."""

from sqlalchemy import Engine

from gatekeeper.storage.engine import transaction
from gatekeeper.storage.registry import begin, begin_comparing, lock_ledger, write_through

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
