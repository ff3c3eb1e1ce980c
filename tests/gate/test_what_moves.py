"""What moves can be made anew from the evidence: made here a second time, from the evidence alone, and compared."""

import json
from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from gatekeeper.evidence import case_of
from gatekeeper.storage import tables
from gatekeeper.storage.moving import question_key
from tests.gate.ledger import NOON, WORLD, Ledger, Wire, authorization, order
from tests.gate.test_answers import CAMPATH, MIXED
from tests.gate.test_revisions import SERIALS, STOPPED, revision

Rows = set[tuple[Any, ...]]
SETTLED = {"order_superseded", "order_contradicts", "order_cancelled", "order_already_shipped"}


class Anew:
    """The tables of what moves, from those of the evidence."""

    def __init__(self, ledger: Ledger) -> None:
        self._rows = {
            table: [dict(zip(table.columns.keys(), row, strict=True)) for row in ledger.rows(table)] for table in tables.ONLY_ADDED
        }

    def heads(self) -> Rows:
        heads: dict[tuple[int, int], int] = {}
        for row in self._rows[tables.ARRIVAL]:
            heads[row["source"], row["partition"]] = row["offset"] + 1
        return {(*place, offset) for place, offset in heads.items()}

    def tail(self) -> Rows:
        last = self._rows[tables.BLOCK][-1]
        examination = max((row["id"] for row in self._rows[tables.EXAMINATION]), default=0)
        return {(True, last["number"], last["hash"], last["at"], examination, last["registry_version"], len(self._rows[tables.OUTBOX]))}

    def record_counts(self) -> Rows:
        counts: dict[str, int] = defaultdict(int)
        for row in self._rows[tables.DISTRIBUTION_RECORD]:
            counts[row["program"]] = max(counts[row["program"]], row["sequence"])
        return set(counts.items())

    def units(self) -> Rows:
        """Originals less voids, by authorization."""
        units: dict[tuple[str, str], int] = defaultdict(int)
        for row in self._rows[tables.DISTRIBUTION_RECORD]:
            if name := json.loads(row["body"]).get("authorization_id"):
                units[name, row["program"]] += row["units"] if row["kind"] == "original" else -row["units"]
        return {(*name, count) for name, count in units.items() if count}

    def serials(self) -> Rows:
        """Of the records that no other record voids."""
        voided = {row["replaces"] for row in self._rows[tables.DISTRIBUTION_RECORD]}
        out = set()
        for row in self._rows[tables.DISTRIBUTION_RECORD]:
            if row["kind"] == "original" and row["record_id"] not in voided:
                body = json.loads(row["body"])
                place = "/".join(str(body[member]) for member in ("wholesaler_id", "order_id", "revision", "line"))
                out |= {(serial, body["product"]["gtin"], place) for serial in body.get("serials", ())}
        return out

    def open_lines(self) -> tuple[Rows, Rows]:
        """The stopped lines of each order's highest revision that no message settled, and what their cases looked up."""
        highest: dict[tuple[str, str], int] = defaultdict(int)
        for row in self._rows[tables.EXAMINATION]:
            name = row["order_id"], row["wholesaler_id"]
            highest[name] = max(highest[name], row["revision"])
        lines, hangs = set(), set()
        for row in self._rows[tables.EXAMINATION]:
            identity = row["order_id"], row["wholesaler_id"], row["revision"]
            if row["cause"] != "message" or row["stopped"] is None or row["revision"] < highest[identity[:2]]:
                continue
            stopped = [
                line["line"]
                for line in json.loads(row["stopped"])["lines"]
                if not SETTLED & {reason["code"] for reason in line["reasons"]}
            ]  # fmt: skip
            lines |= {(row["id"], line, *identity) for line in stopped}
            if stopped:
                hangs |= {(question_key(question), row["id"]) for question in case_of(row["evidence"]).answers}
        return lines, hangs

    def site_identifiers(self) -> Rows:
        """What any fact gives any site, also a fact that counts no longer."""
        bodies = [json.loads(row["body"]) for row in self._rows[tables.FACT] if row["kind"] == "site"]
        return {
            (value, kind, body["site_id"]) for body in bodies for kind, values in body.get("identifiers", {}).items() for value in values
        }

    def freshness(self) -> Rows:
        fresh: dict[str, Any] = {}
        for row in self._rows[tables.REGISTRY_LOAD]:
            fresh[row["program"]] = max(row["fresh_as_of"], fresh.get(row["program"], row["fresh_as_of"]))
        return set(fresh.items())


@pytest.fixture
def varied(ledger: Ledger) -> Ledger:
    """Everything that a gate does, over several batches, partitions, registries and topics."""
    many: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
    ledger.load(authorization("AU-MANY", 1000))
    ledger.judge(order("SO-1", SERIALS), order("SO-2", MIXED), order("SO-3", STOPPED), b"rubbish", order("SO-1", SERIALS))
    ledger.judge(order("SO-1", {"/lines/0/quantity": 4}), revision(2, MIXED), revision(3, SERIALS), revision(1, MIXED), partition=2)
    ledger.set_clock(NOON + timedelta(hours=1))
    ledger.load(authorization("AU-MANY", 10), world=[fact for fact in WORLD if fact.get("site_id") != "HF4"])
    ledger.judge(
        order("SO-4", many), order("SO-5", many | SERIALS), order("SO-6", many), revision(2, STOPPED, "SO-3"), order("SO-7", STOPPED),
        revision(2, {"/lines/0": CAMPATH | {"line": 1}}, "SO-7"), order("SO-8", many | {"/lines/0/serials": list("FGHIJ")}),
        revision(2, STOPPED, "SO-8"), order("SO-9", {"/ship_to/rems_site_id": "HF4"} | STOPPED), batch=3,
    )  # fmt: skip
    ledger.source_of("made again")
    return ledger


def test_what_moves_is_what_the_evidence_says(varied: Ledger) -> None:
    """Heads, tail, counters, units, serials, open lines, dependencies and the registry's tables: made anew, they are the same."""
    anew = Anew(varied)
    lines, hangs = anew.open_lines()
    units = {row for row in varied.rows(tables.UNITS) if row[2]}

    assert set(varied.rows(tables.HEAD)) == anew.heads()
    assert set(varied.rows(tables.TAIL)) == anew.tail()
    assert set(varied.rows(tables.RECORD_COUNT)) == anew.record_counts()
    assert units == anew.units()
    assert set(varied.rows(tables.SERIAL)) == anew.serials()
    assert {row[:5] for row in varied.rows(tables.OPEN_LINE)} == lines
    assert set(varied.rows(tables.DEPENDENCY)) == hangs
    assert set(varied.rows(tables.SITE_IDENTIFIER)) == anew.site_identifiers()
    assert set(varied.rows(tables.FRESHNESS)) == anew.freshness()
    assert all((anew.units(), anew.serials(), lines, hangs)), "a run without these proves nothing"


def test_every_table_that_moves_is_made_anew() -> None:
    """A table that is neither evidence nor made anew here would be one that nobody can restore."""
    made = {tables.HEAD, tables.TAIL, tables.RECORD_COUNT, tables.FRESHNESS, tables.UNITS, tables.SERIAL, tables.SITE_IDENTIFIER}
    assert set(tables.METADATA.tables.values()) == set(tables.ONLY_ADDED) | made | {tables.OPEN_LINE, tables.DEPENDENCY}


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        ({"/ship_on": "2026-11-23", "/lines/0/patient": None}, "2026-11-23"),
        ({"/ship_on": "2026-11-20", "/lines/0/patient": None}, "2026-11-20"),
        ({"/ship_on": "2026-11-19", "/lines/0/patient": None, "/lines/0/expires_on": "2026-12-05"}, "2026-11-20"),
        ({"/ship_on": "2026-11-16", "/ship_to/rems_site_id": "HF5"}, "2026-12-01"),
    ],
)
def test_an_open_line_knows_the_next_day_that_could_change_its_answer(ledger: Ledger, changes: Wire, day: str) -> None:
    """A day on which anything that was seen begins or ends is not passed over."""
    ledger.load()
    ledger.judge(order("SO-1", changes))
    [row] = ledger.rows(tables.OPEN_LINE)
    assert row[5] is not None
    assert row[5].isoformat() <= day
