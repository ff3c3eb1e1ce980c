"""What must hold of a ledger whatever happened: told from its rows, in their order, by a plain reading of the contract."""

import json
from collections import defaultdict
from typing import Any

from gatekeeper.domain.case import Case, Question
from gatekeeper.domain.products import restricted_by
from gatekeeper.evidence import case_of, members
from gatekeeper.examinations.business_days import end_of_watch
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.events import event_of
from gatekeeper.storage.lookups import ask
from tests.gate.ledger import Ledger
from tests.gate.plain_books import PlainBooks

OF_REGISTRY = ("site", "alias", "identifier", "patient", "prescriber", "authorization", "recall", "mode")
SETTLED = {"order_superseded", "order_contradicts", "order_cancelled", "order_already_shipped"}
Place = tuple[str, int, int]
"""Order, revision, line."""


class Plainly:
    """The ledger once more, block by block."""

    def __init__(self) -> None:
        self.books = PlainBooks()
        self.first: dict[Place, int] = {}
        """By line, the sequence of its release, or of what it began with past the gate; without a record the next one then."""
        self.last = 0
        """Of the records."""
        self.highest: dict[str, int] = defaultdict(int)
        self.digests: dict[tuple[str, int], set[bytes]] = defaultdict(set)
        self.left: dict[Place, float] = defaultdict(float)
        self.cancelled: list[tuple[str, int, tuple[int, ...]]] = []
        self.state: dict[Place, tuple[str, Any]] = {}
        """``released`` with the ids of its records, ``not_covered``, ``withdrawn`` or ``stopped`` with the reasons."""
        self.named: dict[Place, int] = {}
        self.examinations: dict[tuple[str, int], int] = defaultdict(int)
        self.quantity: dict[Place, int] = {}
        self.until: dict[Place, Any] = {}
        self.hangs_on_a_mode: set[Place] = set()
        self.seen: set[str] = set()

    def held(self, place: Place) -> tuple[dict[str, Any] | None, int, set[str]]:
        return self.books.held(("WD-001", *place))

    def lines(self) -> list[Place]:
        return [(line[1], line[2], line[3]) for line in self.books.records]

    def units(self, authorization: str, place: Place) -> int:
        """That the line holds on the authorization."""
        return sum(many for use, many in self.books.everything(("WD-001", *place))[1].items() if use[2] == authorization)

    def places(self, serial: str, but: set[Place]) -> set[Place | None]:
        found: set[Place | None] = {place for place in self.lines() if place not in but and serial in self.held(place)[2]}
        return found or {None}

    def live(self, place: Place) -> list[Any]:
        record = self.held(place)[0]
        return [] if record is None else [record["record_id"]]

    def take_event(self, row: tuple[Any, ...]) -> None:
        told = event_of(row[9])
        self.books.tell(json.loads(row[9]))
        if told.event == "shipped":
            for line, (quantity, _) in zip(told.lines, told.amounts, strict=True):
                self.left[told.order_id, told.revision, line] += float("inf") if quantity is None else quantity
        elif told.event == "cancelled":
            self.cancelled.append((told.order_id, told.revision, told.lines))

    def take(self, row: tuple[Any, ...], records: list[tuple[Any, ...]]) -> None:
        _, _, order_id, revision, examination, cause, digest, at, _, evidence, released, stopped, _ = row
        said = [] if released is None else json.loads(released)["lines"]
        refused = [] if stopped is None else json.loads(stopped)["lines"]
        self.examinations[order_id, revision] += 1
        assert examination == self.examinations[order_id, revision], "examinations are counted without gaps"
        self.seen.add(f"{cause} {'released' if any(line['outcome'] == 'released' for line in said) else 'not'}")
        if cause == "message":
            self.highest[order_id] = max(self.highest[order_id], revision)
            self.books.highest["WD-001", order_id] = self.highest[order_id]
            self.digests[order_id, revision].add(digest)
            self.books.order(json.loads(bytes(members(evidence)["order"])), case_of(evidence).programs)
        if cause in ("message", "again", "withdrawn"):
            self._judged(order_id, revision, cause, at, evidence, refused)
        for record in records:
            self._recorded(record)
        contradiction = cause == "message" and len(self.digests[order_id, revision]) > 1
        for line in refused:
            place = (order_id, revision, line["line"])
            if not contradiction:
                before = self.state.get(place, ("", None))[0]
                taken_back = any(each["line"] == line["line"] for each in said)
                takes_back = cause in ("withdrawn", "superseded", "cancelled")
                assert not takes_back or before in ("released", "not_covered"), (row[:6], before)
                assert taken_back == takes_back
                self.state[place] = ("stopped", {reason["code"] for reason in line["reasons"]})
        for line in said:
            place = (order_id, revision, line["line"])
            assert not contradiction
            if line["outcome"] == "withdrawn":
                assert self.state[place][0] == "stopped", "a withdrawal is in both messages"
            else:
                assert self.state.get(place, ("", None))[0] not in ("released", "not_covered"), "nothing is released twice"
                assert self.highest[order_id] == revision, "nothing of a superseded revision is released"
                self.state[place] = (line["outcome"], line.get("record_ids"))
                if not self.books.records.get(("WD-001", *place)):
                    self.first[place] = self.last + 1
                if line["outcome"] == "released":
                    [record] = line["record_ids"]
                    assert [str(name) for name in self.live(place)] == [record], "one live record, the one named"

    def _judged(self, order_id: str, revision: int, cause: str, at: Any, evidence: bytes, refused: list[Any]) -> None:
        case = case_of(evidence)
        if cause == "message":
            for line in case.order.lines:
                if (order_id, revision, line.line) not in self.quantity:
                    self.quantity[order_id, revision, line.line] = line.quantity
                    self.until[order_id, revision, line.line] = end_of_watch(case.order.ship_on, 3, "America/New_York")
                    # What contradicts it says nothing of the line that may leave.
                    if restricted_by(line.ndc, line.gtin, case.programs):
                        self.hangs_on_a_mode.add((order_id, revision, line.line))
        for question, answer in case.answers.items():
            if question[0] == "units":
                assert answer == sum(self.units(question[2], place) for place in self.lines()), (order_id, revision, cause, question)
                self._not_against(case, question, cause)
            elif question[0] == "serial" and cause != "withdrawn":
                at_place = None if answer is None else (answer.split("/")[1], int(answer.split("/")[2]), int(answer.split("/")[3]))
                # A line's own do not stand in its way, but in that of every other.
                assert at_place in self.places(question[2], set()), (order_id, revision, cause, question, answer)
        codes = {reason["code"] for line in refused for reason in line["reasons"]}
        if cause == "withdrawn":
            assert not codes & {"registry_stale", "ship_date_passed"}
            for line in refused:
                assert at < self.until[order_id, revision, line["line"]], "nothing is withdrawn after the watch"
                assert any(reason["stops"] for reason in line["reasons"])

    def _not_against(self, case: Case, question: Question, cause: str) -> None:
        """What does not count against a line is what it holds itself; and, of one that was released, what was released after it."""
        for line in case.order.lines:
            if line.patient is not None and line.patient.authorization_id == question[2]:
                place = case.order.order_id, case.order.revision, line.line
                after = [each for each in self.lines() if each != place and self.first[each] > self.first.get(place, float("inf"))]
                later = sum(self.units(question[2], each) for each in after) if cause == "withdrawn" else 0
                said = [each[2:] for each in case.held if each[:2] == (line.line, question) and any(each[2:])]
                expected = (self.units(question[2], place), later)
                assert said == ([expected] if any(expected) else []), (place, cause, question)

    def _recorded(self, row: tuple[Any, ...]) -> None:
        said, kind = json.loads(row[7]), row[3]
        place = (said["order_id"], said["revision"], said["line"])
        before = self.held(place)[0]
        if kind == "void":
            assert before is not None
            assert before["record_id"] == said["replaces"] or said.get("outside_gate"), "voided at most once, and while it is live"
            assert self.left[place] == 0 or said.get("outside_gate"), "of what left the record stays"
        if kind == "original":
            assert before is None or before.get("outside_gate"), "at most one live record"
            self.first[place] = row[2]
        self.last = row[2]
        self.books.record(said)

    def is_cancelled(self, place: Place) -> bool:
        return any(order == place[0] and of >= place[1] and (not lines or place[2] in lines) for order, of, lines in self.cancelled)


def plainly(ledger: Ledger) -> Plainly:
    """The ledger's rows, read in their order; each step asserts what must hold then."""
    records: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in sorted(ledger.rows(tables.DISTRIBUTION_RECORD), key=lambda row: row[2]):
        records[row[5]].append(row)
    rows = [(row[-1], 0, row) for row in ledger.rows(tables.EXAMINATION)]
    rows += [(row[-1], 1, row) for row in ledger.rows(tables.SHIPMENT_EVENT)]
    plain = Plainly()
    blocks: dict[int, list[tuple[int, tuple[Any, ...]]]] = defaultdict(list)
    for block, kind, row in rows:
        blocks[block].append((kind, row))
    for block in sorted(blocks):
        for kind, row in sorted(blocks[block], key=lambda each: (-each[0], each[1][:4])):
            if kind:
                plain.take_event(row)
            else:
                plain.take(row, records[row[0]])
        twice = {serial for serial, times in plain.books.standing().items() if times > 1}
        assert not twice, f"{twice} in two live records"
    return plain


def assert_asked_rightly(ledger: Ledger, after: int) -> int:
    """Each examination after this one asked a registry as it is now; the number of the last."""
    new = [row for row in ledger.rows(tables.EXAMINATION) if row[0] > after]
    cases = [case_of(row[9]) for row in new if row[5] in ("message", "again", "withdrawn")]
    asked: set[Question] = {question for case in cases for question in case.answers if question[0] in OF_REGISTRY}
    with transaction(ledger.engine) as cursor:
        said = ask(cursor, asked)
    for case in cases:
        for question, answer in case.answers.items():
            if question[0] in OF_REGISTRY:
                assert answer == said[question].answer, question
    return max([after, *[int(row[0]) for row in new]])


def assert_all_holds(ledger: Ledger, plain: Plainly, now: Any) -> None:
    """When nothing is due any more."""
    sequences = sorted(row[2] for row in ledger.rows(tables.DISTRIBUTION_RECORD))
    assert sequences == list(range(1, len(sequences) + 1))

    stands = {place: state for place, state in plain.state.items() if plain.highest[place[0]] == place[1] and not plain.is_cancelled(place)}
    opened = {
        place for place, (state, codes) in stands.items()
        if state == "stopped" and not codes & SETTLED and len(plain.digests[place[:2]]) == 1
    }  # fmt: skip
    assert {(row[2], row[4], row[1]) for row in ledger.rows(tables.OPEN_LINE)} == opened
    watched = {
        place for place, (state, _) in stands.items()
        if state == "released" or (state == "not_covered" and place in plain.hangs_on_a_mode)
        if plain.left[place] < plain.quantity[place] and plain.until[place] > now
    }  # fmt: skip
    assert {(row[2], row[4], row[1]) for row in ledger.rows(tables.WATCHED_LINE)} == watched

    units, out = plain.books.uses()
    assert {(row[0], row[1]): row[2] for row in ledger.rows(tables.UNITS) if row[2]} == units
    # One of the lines that hold a serial has it.
    owned, claimed = ({row[:3] for row in ledger.rows(table)} for table in (tables.SERIAL, tables.CLAIMED_SERIAL))
    assert owned | claimed == out
    assert not owned & claimed
    assert {row[:2] for row in claimed} <= {row[:2] for row in owned}
    assert set(ledger.rows(tables.NAMED_SERIAL)) == plain.books.named()
    for place, (state, _) in plain.state.items():
        live = plain.live(place)
        if state == "released":
            assert len(live) == 1, place
