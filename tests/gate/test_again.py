"""Every stored verdict is decided again from its row alone: elsewhere, later, with nothing but the row."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from psycopg import Cursor

from gatekeeper.arrivals import Position, Stored
from gatekeeper.clock import now
from gatekeeper.evidence import case_of, rules_said
from gatekeeper.instants import read_instant
from gatekeeper.judging.again import Decided, ExaminationRow
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.gate.deciding_again import Exported
from tests.gate.ledger import NOON, WORLD, Ledger, authorization, judge_with, order, rows, two_programs, undone
from tests.gate.test_answers import CAMPATH, MIXED
from tests.gate.test_cases import DECIDED, tell
from tests.gate.test_revisions import SERIALS, STOPPED, revision
from tests.labelled import messages, registry_file

ROOT = Path(__file__).parents[2]


def decided_elsewhere(exported: Sequence[Exported]) -> list[Decided]:
    """What a fresh Python answers, that has no settings, no database and no registry."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.gate.deciding_again"], input=msgspec.msgpack.encode(exported), cwd=ROOT, env={},
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return msgspec.msgpack.decode(done.stdout, type=list[Decided])


def kept(cursor: Cursor[Any]) -> tuple[list[Exported], list[Decided]]:
    """The rows of a ledger as they are exported, and what the ledger has published of each."""
    records: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in sorted(rows(cursor, tables.DISTRIBUTION_RECORD), key=lambda row: row[1:3]):
        records[row[5]].append(row)
    exported, published = [], []
    for number, *identity, _, decided_at, version, evidence, released, stopped, _ in rows(cursor, tables.EXAMINATION):
        row = ExaminationRow._make((*identity, decided_at, version, evidence))
        exported.append(Exported(row, {str(record[0]): record[2] for record in records[number]}))
        published.append(Decided(released, stopped, tuple(Stored(str(record[0]), record[7]) for record in records[number])))
    return exported, published


def wrong(ledger: Ledger) -> list[tuple[str, int, int]]:
    with transaction(ledger.engine) as cursor:
        exported, published = kept(cursor)
    decided = decided_elsewhere(exported)
    return [each.row[1:4] for each, was, then in zip(exported, published, decided, strict=True) if then != was]


def test_verdicts_of_every_kind_are_decided_again(ledger: Ledger) -> None:
    """Released, mixed, stopped, contradicted, withdrawn, superseded, under discretion, after a new registry, of several batches."""
    ledger.load(authorization("AU-MANY", 1000))
    ledger.judge(
        order("SO-1", SERIALS), order("SO-2", MIXED), order("SO-3", STOPPED), order("SO-1", {"/lines/0/quantity": 4}), revision(2, MIXED),
        revision(1, {"/lines/0/quantity": 3}), revision(3, STOPPED), revision(4, SERIALS), batch=3,
    )  # fmt: skip
    discretion = {"fact": "program", "program": "lemtrada", "sequence": 90, "effective_on": "2026-01-01", "mode": "discretion"}
    ledger.set_clock(NOON.replace(hour=13))
    ledger.load(authorization("AU-MANY", 1000), discretion, world=[fact for fact in WORLD if fact.get("site_id") != "HF2"])
    ledger.judge(order("SO-5", {"/ship_to/rems_site_id": "HF2"}), revision(5, {"/ship_to/account": "20001"}), order("SO-6", MIXED))

    examined = ledger.rows(tables.EXAMINATION)
    assert {row[5] for row in examined} == {"message", "superseded"}
    assert {row[8] for row in examined} == {1, 2}
    assert any(b'"stops":false' in (row[10] or b"") for row in examined)
    assert any(b'"until"' in row[9] for row in examined), "a fact that a snapshot left out is part of a case"
    assert wrong(ledger) == []


def test_verdicts_of_several_programs_are_decided_again(ledger: Ledger, tmp_path: Path) -> None:
    """The rules that a verdict was made by are in its row, whichever are in force later."""
    ledger.rules = two_programs(tmp_path)
    ledger.load()
    ledger.load(next(fact for fact in WORLD if fact.get("site_id") == "HF1") | {"program": "alpha"}, world=[], program="alpha")
    other = {"line": 2, "product": {"ndc": "54321-0200-1"}, "quantity": 1, "expires_on": "2028-01-01"}
    ledger.judge(order("SO-1", {"/lines/1": other}), revision(2, {"/lines/1": other, "/lines/2": CAMPATH | {"line": 3}}))

    assert len(ledger.rows(tables.DISTRIBUTION_RECORD)) == 6
    assert wrong(ledger) == []


def test_a_row_keeps_whole_the_rules_that_its_order_touches_and_the_names_of_all(ledger: Ledger, tmp_path: Path) -> None:
    ledger.rules = two_programs(tmp_path)
    ledger.load()
    ledger.load(world=[], program="alpha")
    unreadable = {"/lines/0/product": {"ndc": "LEMTRADA"}}
    watched = {"/lines/0/product": {"ndc": "54321-0200-2"}}
    ledger.judge(
        order("SO-1"), order("SO-2", {"/lines/0/product": {"ndc": "00093-7180-56"}}), order("SO-3", unreadable), order("SO-4", watched)
    )

    rows = ledger.rows(tables.EXAMINATION)
    whole = [[program.name for program in case_of(row[9]).programs] for row in rows]
    assert whole == [["lemtrada"], [], ["alpha", "lemtrada"], ["alpha"]]
    assert {frozenset(rules_said(row[9])) for row in rows} == {frozenset({"alpha", "lemtrada"})}
    assert all(msgspec.json.decode(row[10] or row[11])["programs"].keys() == {"alpha", "lemtrada"} for row in rows)
    assert wrong(ledger) == []


def test_every_labelled_case_is_decided_again(ledger: Ledger) -> None:
    """Whatever the labelled cases ask and answer is in their rows."""
    exported: list[Exported] = []
    published: list[Decided] = []
    for book, case in DECIDED:
        at = now() if case["at"] == "now" else read_instant(case["at"], "--at")
        with undone(ledger.engine) as cursor:
            cursor.execute("UPDATE clock.stopped SET at = %s", (at,))
            cursor.execute("UPDATE moving_tail SET at = '1970-01-01T00:00:00Z'")
            tell(cursor, registry_file(book, case).splitlines(), at)
            judge_with(cursor, ledger.source, [(Position(0, offset), raw) for offset, raw in enumerate(messages(book, case))])
            more, answers = kept(cursor)
        exported += more
        published += answers

    assert len(exported) > len(DECIDED) / 2
    assert decided_elsewhere(exported) == published


def test_the_order_of_a_row_is_the_one_that_came(ledger: Ledger) -> None:
    """The digest by which repeats are known is that of the order in the evidence."""
    ledger.load()
    ledger.judge(order("SO-1", MIXED), b"rubbish", order("SO-2", STOPPED))
    for row in ledger.rows(tables.EXAMINATION):
        assert case_of(row[9]).order.digest == row[6].hex()


def test_a_row_that_was_altered_is_decided_otherwise(ledger: Ledger) -> None:
    """What is decided again hangs on every part of the row."""
    ledger.load()
    ledger.judge(order())
    with transaction(ledger.engine) as cursor:
        [exported], [published] = kept(cursor)
    evidence = exported.row.evidence
    for before, after in (
        (b'"status":"enrolled"', b'"status":"withdrawn"'),
        (b'"quantity":5', b'"quantity":4'),
        (b"2026-11-20T", b"2029-11-20T"),
    ):
        altered = Exported(exported.row._replace(evidence=evidence.replace(before, after)), exported.sequences)
        assert before in evidence
        assert decided_elsewhere([altered]) != [published]
