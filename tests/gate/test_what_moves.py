"""What moves can be made anew from the evidence: made here a second time, from the evidence alone, and compared."""

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Cursor

from gatekeeper import order_desk
from gatekeeper.domain.case import Case
from gatekeeper.domain.days import next_day
from gatekeeper.domain.verdict import Verdict, decide
from gatekeeper.evidence import case_of
from gatekeeper.examinations.business_days import end_of_watch
from gatekeeper.examinations.dependencies import hangs_on, open_lines
from gatekeeper.examinations.outlook import programs_of
from gatekeeper.examinations.recording import Terms
from gatekeeper.order_desk import Standing, standing
from gatekeeper.people.access import Person
from gatekeeper.storage import ledger as kept
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.moving import question_key
from tests.gate.following import Always, follow
from tests.gate.ledger import NOON, WORLD, Ledger, Wire, authorization, order
from tests.gate.test_answers import CAMPATH, MIXED
from tests.gate.test_revisions import SERIALS, STOPPED, revision

Rows = set[tuple[Any, ...]]
PERSON = Person("u-1", "U")


class Waiting:
    """Lines, by order and number, with what is known of each."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str, int], bytes] = {}
        self._highest: dict[tuple[str, str], int] = defaultdict(int)
        self._contradicted: set[tuple[str, str, int]] = set()
        self._open: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._watched: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def take(self, row: dict[str, Any], case: Case, verdict: Verdict) -> None:
        name = row["order_id"], row["wholesaler_id"], row["revision"]
        if self._first.setdefault(name, row["digest"]) != row["digest"]:
            self._contradicted.add(name)
            return
        self._highest[name[:2]] = max(self._highest[name[:2]], row["revision"])
        programs = programs_of(case, verdict)
        settled = set(range(1, 201)) if row["cause"] == "withdrawn" and name in self._contradicted else set()
        for line in verdict.lines:
            where = (row["id"], line.line, *name)
            stays = case.watched and line.outcome == "released"
            if not stays:
                self._open.pop((*name, line.line), None)
                self._watched.pop((*name, line.line), None)
            if line.line in set(open_lines(verdict)) - settled:
                self._open[*name, line.line] = (*where, next_day(case._replace(watched=False), case.answers, programs))
            elif line.outcome == "released" and not stays:
                [zone] = {program.time_zone for program in programs if program.name == line.program}
                self._watched[*name, line.line] = (*where, end_of_watch(case.order.ship_on, 3, zone))

    def rows(self, now: datetime) -> tuple[Rows, Rows]:
        def last(row: tuple[Any, ...]) -> bool:
            return self._highest[row[2:4]] == row[4]

        opened = {row for row in self._open.values() if last(row) and row[2:5] not in self._contradicted}
        return opened, {row for row in self._watched.values() if last(row) and row[5] > now}


class Anew:
    """The tables of what moves, from those of the evidence."""

    def __init__(self, ledger: Ledger) -> None:
        self._rows = {
            table: [dict(zip(table.columns.keys(), row, strict=True)) for row in ledger.rows(table)] for table in tables.ONLY_ADDED
        }
        with transaction(ledger.engine) as cursor:
            self.now = kept.now(cursor)

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

    def waiting(self) -> tuple[Rows, Rows, Rows]:
        """The open lines, the watched ones, each as the last examination left it that named it; and what every case looked up."""
        waiting, hangs = Waiting(), set()
        for row in self._rows[tables.EXAMINATION]:
            if row["cause"] not in ("message", "again", "withdrawn"):
                continue
            case = case_of(row["evidence"])
            verdict = decide(case)
            hangs |= {(question_key(question), row["id"]) for question in hangs_on(case.answers, verdict)}
            waiting.take(row, case, verdict)
        return *waiting.rows(self.now), hangs

    def settled(self) -> Rows:
        """Examination and line of what people settled: as that it is open no more."""
        return {tuple(line) for row in self._rows[tables.DESK_ENTRY] if row["kind"] == "settled" for line in json.loads(row["body"])}

    def site_identifiers(self) -> Rows:
        """What any fact gives any site, also a fact that counts no longer; an alias gives it an account."""
        bodies = [(json.loads(row["body"]), row["load"], row["kind"]) for row in self._rows[tables.FACT]]
        aliases = {
            (f"{body['wholesaler_id']}:{body['account']}", "account", body["site_id"], load)
            for body, load, fact in bodies
            if fact == "site_alias" and "account" in body
        }
        return aliases | {
            (value, kind, body["site_id"], load)
            for body, load, fact in bodies
            if fact == "site"
            for kind, values in body.get("identifiers", {}).items()
            for value in values
        }

    def freshness(self) -> Rows:
        fresh: dict[str, Any] = {}
        for row in self._rows[tables.REGISTRY_LOAD]:
            fresh[row["program"]] = max(row["fresh_as_of"], fresh.get(row["program"], row["fresh_as_of"]))
        return set(fresh.items())


def work(ledger: Ledger, order_id: str, step: Callable[[Cursor[Any], Standing], None]) -> None:
    """What a person does about an order."""
    with transaction(ledger.engine) as cursor:
        kept.take_lock(cursor)
        order = standing(cursor, "WD-001", order_id)
        assert order is not None
        assert order.open or order_desk.settlements(order.entries, order.revision)
        step(cursor, order)


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
    follow(ledger)
    suspended = {"sequence": 990, "status": "suspended", "effective_on": "2026-11-20"}
    later = NOON + timedelta(hours=2)
    ledger.set_clock(later)
    ledger.load(authorization("AU-MANY", 10), next(fact for fact in WORLD if fact.get("site_id") == "HF1") | suspended, as_of=later)
    follow(ledger)
    ledger.load(authorization("AU-MANY", 10), as_of=later, world=[fact for fact in WORLD if fact.get("site_id") != "HF3"])
    ledger.judge(revision(2, STOPPED, "SO-4"), revision(2, STOPPED, "SO-9"))
    follow(ledger, orders=2)
    work(ledger, "SO-4", lambda cursor, order: order_desk.settle(cursor, order, "They do not want it.", PERSON))
    work(ledger, "SO-9", lambda cursor, order: order_desk.settle(cursor, order, "They do not want it.", PERSON))
    work(ledger, "SO-9", lambda cursor, order: order_desk.examine(cursor, order, None, PERSON, Always(ledger.rules), Terms()))
    return ledger


def test_what_moves_is_what_the_evidence_says(varied: Ledger) -> None:
    """Heads, tail, counters, units, serials, open lines, dependencies and the registry's tables: made anew, they are the same."""
    anew = Anew(varied)
    opened, watched, hangs = anew.waiting()
    opened = {row for row in opened if row[:2] not in anew.settled()}
    units = {row for row in varied.rows(tables.UNITS) if row[2]}

    assert set(varied.rows(tables.HEAD)) == anew.heads()
    assert set(varied.rows(tables.TAIL)) == anew.tail()
    assert set(varied.rows(tables.RECORD_COUNT)) == anew.record_counts()
    assert units == anew.units()
    assert set(varied.rows(tables.SERIAL)) == anew.serials()
    assert {row[:6] for row in varied.rows(tables.OPEN_LINE)} == opened
    assert {(*row[:5], row[6]) for row in varied.rows(tables.WATCHED_LINE)} == watched
    assert all(row[5] <= row[6] for row in varied.rows(tables.WATCHED_LINE))
    assert set(varied.rows(tables.DEPENDENCY)) == hangs
    assert set(varied.rows(tables.SITE_IDENTIFIER)) == anew.site_identifiers()
    assert set(varied.rows(tables.FRESHNESS)) == anew.freshness()
    assert {row[5] for row in varied.rows(tables.EXAMINATION)} == {"message", "superseded", "again", "withdrawn"}
    assert all((anew.units(), anew.serials(), opened, watched, hangs, anew.settled())), "a run without these proves nothing"


IN_HAND = {tables.FOLLOW_UP, tables.DUE, tables.LOOKING_BACK}
"""Work that was begun: where it is lost, a row without load and question has everything judged again that waits, and one of each load whose
look-backs have not ended begins them anew (`tests/gate/test_look_back_lost.py`)."""
OF_THE_REGISTRY = {tables.SEQUENCE, tables.PENDING_HEARTBEAT}
"""Made anew in `tests/registry/test_what_facts_move.py`."""


def test_every_table_that_moves_is_made_anew() -> None:
    """A table that is neither evidence nor made anew here would be one that nobody can restore."""
    made = {
        tables.HEAD, tables.TAIL, tables.RECORD_COUNT, tables.FRESHNESS, tables.UNITS, tables.SERIAL, tables.CLAIMED_SERIAL,
        tables.NAMED_SERIAL, tables.SITE_IDENTIFIER,
    }  # fmt: skip
    waiting = {tables.OPEN_LINE, tables.WATCHED_LINE, tables.DEPENDENCY, tables.WAITING_EVENT}
    # Empty, it is looked again from the first record on, and nothing is said twice (`tests/feed/test_overdue.py`, `test_unused.py`).
    looked = {tables.AWAITED, tables.UNUSED}
    answers = {tables.ANSWERED_CALL}  # empty, a call that is sent once more is another call, and is told what stands on record
    keys = {tables.CURSOR_KEY}  # empty, another is made, and whoever is paging begins anew
    rules = {tables.RULES}  # empty, it is as if other rules had held: everything that waits is judged again
    asked = {tables.WITHDRAWN_LINE}  # made anew of all that was ever withdrawn: what was heard of is passed over
    listed = {*tables.LISTED, *tables.LISTED_SITES}  # empty, the list follows the ledger from its beginning (`tests/gate/test_listing.py`)
    once_more = {tables.UNSETTLED_LINE}  # made anew of all lines with shipments: where the record says it already, nothing is written
    others = made | once_more | waiting | looked | rules | answers | keys | asked | listed | IN_HAND | OF_THE_REGISTRY
    assert set(tables.METADATA.tables.values()) == set(tables.ONLY_ADDED) | others


def test_work_that_was_lost_is_found_again(varied: Ledger) -> None:
    """One row that names nothing has everything judged again that waits."""
    examined, waits = len(varied.rows(tables.EXAMINATION)), len({row[2:5] for row in varied.rows(tables.OPEN_LINE)})
    with transaction(varied.engine) as cursor:
        cursor.execute("DELETE FROM moving_rules")
    assert follow(varied) >= waits
    assert len(varied.rows(tables.EXAMINATION)) > examined


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"/ship_on": "2026-11-23", "/lines/0/patient": None}, "2026-12-01T05:00:00+00:00"),
        ({"/ship_on": "2026-11-12", "/lines/0/patient": None}, "2027-06-01T04:00:00+00:00"),
        ({"/ship_on": "2026-11-23", "/lines/0/patient": None, "/lines/0/expires_on": "2026-11-28"}, "2026-11-29T05:00:00+00:00"),
    ],
)
def test_an_open_line_knows_the_next_day_that_could_change_its_answer(ledger: Ledger, changes: Wire, at: str) -> None:
    """The ship date's limit, an expiry; days of what was looked up are the domain's to test."""
    ledger.load()
    ledger.judge(order("SO-1", changes))
    [row] = ledger.rows(tables.OPEN_LINE)
    assert row[5] is not None
    assert row[5].isoformat() == at
