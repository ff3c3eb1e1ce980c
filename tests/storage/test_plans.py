"""What each batch asks is found by the index of what is asked, also in a ledger that grows fast and has no statistics yet."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from gatekeeper.storage import ledger, lookups, waiting, waiting_events, watches
from gatekeeper.storage.engine import transaction

EXAMINATIONS = """
INSERT INTO examination
    (id, wholesaler_id, order_id, revision, number, cause, digest, decided_at, registry_version, evidence, released, block)
SELECT n, 'WD-1', 'SO-' || n, 1, 1, 'message', sha256(n::text::bytea), now(), 1, repeat('x', 2000)::bytea, NULL, 1
FROM generate_series(1, 5000) n
"""
FACTS = """
INSERT INTO fact (id, load, kind, program, subject, sequence, effective_on, body)
SELECT nextval('fact_id'), 1, 'site', 'lemtrada', 'HF-' || n, n, '2025-06-01', repeat('x', 400)::bytea FROM generate_series(1, 5000) n
"""


@pytest.mark.parametrize(
    ("rows", "question", "index"),
    [
        (EXAMINATIONS, ledger.EARLIER, "examination_identity"),
        (EXAMINATIONS, f"SELECT {ledger.ON_RECORD}", "examination_identity"),
        (FACTS, lookups.ALL, "fact_subject"),
    ],
)
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_a_batch_is_looked_up_by_index_before_there_are_statistics(engine: Engine, rows: str, question: str, index: str, mode: str) -> None:
    with transaction(engine) as cursor:
        cursor.execute(f"SET LOCAL plan_cache_mode = {mode}".encode())
        cursor.execute(rows.encode())
        for asked in (3, 300):
            names = [f"SO-{number}" for number in range(asked)]
            prepared = f"PREPARE asked (text[]) AS {question.replace('%s', '$1')}"
            cursor.execute(prepared.encode())
            plan = "\n".join(row[0] for row in cursor.execute("EXPLAIN EXECUTE asked ('{" + ",".join(names) + "}')"))
            cursor.execute("DEALLOCATE asked")
            assert index in plan.partition("SubPlan")[0]
            assert "Gather" not in plan
            assert "outbox o" not in plan or "Index Cond: (examination = e.id)" in plan.partition("outbox o")[2]


WAITING = """
INSERT INTO moving_watched_line (examination, line, order_id, wholesaler_id, revision, next_at, until)
SELECT n, 1, 'SO-' || n, 'WD-1', 1, now() + interval '1 day', now() + interval '1 day' FROM generate_series(1, 5000) n;
INSERT INTO moving_open_line (examination, line, order_id, wholesaler_id, revision, next_at)
SELECT n, 2, 'SO-' || n, 'WD-1', 1, now() + interval '1 day' FROM generate_series(1, 5000) n;
INSERT INTO moving_waiting_event (event_id, wholesaler_id, line, order_id, revision, since, waits, ends)
SELECT 'E-' || n, 'WD-1', 1, 'SO-' || n, 1, now() + make_interval(secs => n / 1000.0), true, '{"topic_id": "T", "ends": {"0": 9}}'
FROM generate_series(1, 5000) n;
ANALYZE moving_watched_line, moving_open_line, moving_waiting_event
"""


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        (watches.END_OTHERS, (["WD-2"], 5000)),
        (watches.ANY_OVER, (["WD-1"],)),
        (watches.END, (["WD-1"], 5000)),
        (waiting.OF_THE_DAY, {"most": 50}),
        (waiting_events.READY, (50, 900)),
        (waiting_events.UNMARKED, ()),
        (waiting.EXAMINED, (list(range(1, 51)),)),
        (waiting.HANGING, {"questions": [1], "through": 5000, "cause": "fact"}),
    ],
)
def test_looking_for_what_is_due_does_not_read_all_that_waits(engine: Engine, question: str, asked: Any) -> None:
    with transaction(engine) as cursor:
        cursor.execute(WAITING)
        cursor.execute(EXAMINATIONS)
        cursor.execute("INSERT INTO moving_dependency (question, examination) SELECT 1, n FROM generate_series(1, 50) n")
        found = cursor.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + question.encode(), asked).fetchall()
    assert {name: most for name, most in _read(found[0][0][0]["Plan"]) if name.startswith("moving_") and most > 100} == {}


AUTHORIZED = """
INSERT INTO distribution_record (record_id, program, sequence, kind, units, examination, body, block)
SELECT gen_random_uuid(), 'lemtrada', n, 'original', 5, n, '{"line": 1}', 1 FROM generate_series(1, 5000) n;
INSERT INTO moving_dependency (question, examination) SELECT mod(n, 5000), n FROM generate_series(1, 35000) n;
INSERT INTO shipment_event (source, partition, "offset", event_id, wholesaler_id, order_id, revision, event, digest, body, block)
SELECT 1, 0, n, 'E-' || n, 'WD-1', 'SO-' || n, 1, 'shipped', '', '{}', 1 FROM generate_series(1, 5000) n
"""


def test_what_was_released_on_some_authorizations_is_found_by_index(engine: Engine) -> None:
    """Under the ledger lock, for each piece of a wave: no table is read whole, whatever is known of how large it is."""
    tables = {"moving_dependency", "distribution_record", "examination", "shipment_event"}
    with transaction(engine) as cursor:
        cursor.execute(EXAMINATIONS)
        cursor.execute(AUTHORIZED)
        found = cursor.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + waiting.RELEASED_ON.encode(), (list(range(1, 51)),)).fetchall()
    assert {name: most for name, most in _read(found[0][0][0]["Plan"]) if name in tables and most > 100} == {}


def _read(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """By table, how many rows each part of a plan went through at once."""
    yield node.get("Relation Name", ""), node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    for part in node.get("Plans", ()):
        yield from _read(part)
