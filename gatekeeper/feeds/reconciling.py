"""Released, shipped, returned, recorded, submitted, acknowledged: the books of one program over some days, compared with each other."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType
from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.domain.acknowledgements import ACCEPTED, REJECTED
from gatekeeper.domain.program import Program
from gatekeeper.domain.runs import Runs
from gatekeeper.domain.sequences import Range
from gatekeeper.feeds import reports, returns, their_books
from gatekeeper.feeds.acknowledging import record_named
from gatekeeper.feeds.overdue import AT_ONCE
from gatekeeper.feeds.reports import Reports
from gatekeeper.goods.books import STANDING
from gatekeeper.rules import day_begins
from gatekeeper.storage import reconciling as storage
from gatekeeper.storage.acknowledgements import last_before, last_sequence
from gatekeeper.storage.bypasses import every
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.reconciling import Account, Told
from gatekeeper.storage.records import Place as Line

ONE_DAY: Final = timedelta(days=1)

NOT_RECORDED = "released and not recorded"
UNRECORDED = "shipped and not recorded"
NOT_RELEASED = "recorded as released, and not released"
NOT_SHIPPED = "recorded and not reported as shipped"
OTHERWISE = "recorded otherwise than reported as shipped"
WAITING = "reported and waiting for their order"
NOT_RETURNED = "returned and not recorded"
RETURN_UNREPORTED = "recorded as returned and not reported"
RETURNED_OTHERWISE = "recorded otherwise than reported as returned"
NOT_SUBMITTED = "recorded and in no file"
NOT_ACKNOWLEDGED = "not acknowledged"
NOT_CORRECTED = "rejected and not corrected"
GAP = "missing in the sequence of our records"
FILES_GAP = "not covered by our files, or by two of them"

FOR_TOPIC = "for the topic"
"""All that is recorded, where records go out at once: what really went out is known to the broker, and not to the ledger."""
IN_FILES = "in files"


class Reconciled(NamedTuple):
    first: int
    """The sequence of the first record of these days."""
    last: int
    counts: dict[str, int]
    """In their order: released, recorded, of what kind, shipped, returned, for the topic or in files, acknowledged; and theirs."""
    differences: dict[str, Runs]
    """By what differs, the sequences of the records; those of which there are none are left out."""
    orders: list[str]
    """Of what was released and not recorded: wholesaler, order, revision and line."""
    unrecorded: list[str]
    """Of what left past the gate and lacks its record: wholesaler, order, revision, line and event."""
    waiting: list[str]
    """Of what left or came back, of whatever product, while its order is waited for: the same."""
    returned: list[str]
    """Of what came back and no return record says: the same."""

    @property
    def agree(self) -> bool:
        return not (self.differences or self.orders or self.unrecorded or self.waiting or self.returned)


class _Line(Struct):
    line: int
    outcome: str | UnsetType = UNSET
    program: str | None = None
    record_ids: tuple[str, ...] = ()


class _Lines(Struct):
    lines: tuple[_Line, ...] = ()


class _Place(Struct):
    wholesaler_id: str
    order_id: str
    revision: int
    line: int
    outside_gate: bool = False


_lines = msgspec.json.Decoder(_Lines)
_place = msgspec.json.Decoder(_Place)


def reconcile(
    engine: Engine, program: Program, days: tuple[date, date], reporting: Collection[str], theirs: Iterator[Told] | None = None
) -> Reconciled:
    """Compares all that the ledger has of the records that were made on these days, both of them, by the program's time zone.

    That nothing was shipped is known of the wholesalers of ``reporting`` only. With ``theirs``, a list from the REMS, also what is in it.
    Needs memory for what differs, and not for what agrees.
    """
    with transaction(engine) as cursor:
        storage.begin(cursor)
        begin, end = day_begins(days[0], program.time_zone), day_begins(days[1] + ONE_DAY, program.time_zone)
        newest = last_sequence(cursor, program.name)
        first, last = last_before(cursor, program.name, begin, newest) + 1, last_before(cursor, program.name, end, newest)
        walk = _Walk(cursor, program, Range(first, last), frozenset(reporting))
        walk.records()
        walk.releases(storage.examination_before(cursor, begin) + 1, storage.examination_before(cursor, end))
        walk.bypasses(begin, end)
        walk.waiting(begin, end)
        walk.returns(storage.block_before(cursor, begin) + 1, storage.block_before(cursor, end))
        walk.files()
        if theirs is not None:
            walk.theirs(theirs)
        return walk.found()


class _Walk:
    def __init__(self, cursor: Cursor[Any], program: Program, span: Range, reporting: frozenset[str]) -> None:
        self._cursor, self._program, self._span, self._reporting = cursor, program, span, reporting
        self._submission = FOR_TOPIC if program.feed_cadence == AT_ONCE else IN_FILES
        self._counts: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._differences: dict[str, Runs] = {}
        self._orders: list[str] = []
        self._unrecorded: list[str] = []
        self._waiting: list[str] = []
        self._returned: list[str] = []

    def records(self) -> None:
        """Each record: is it where it must be, was it released, did it leave, is it acknowledged."""
        expected, submitted = self._span.first, self._submitted()
        for part in storage.accounts(self._cursor, self._program.name, *self._span):
            places = [_place.decode(account.body) for account in part]
            left = reports.of_orders(self._cursor, {place.order_id for place in places})
            stand: list[tuple[Account, Line]] = []
            back: list[tuple[Account, Line]] = []
            made = storage.released(self._cursor, {account.examination for account in part if account.kind == "original"})
            for account, place in zip(part, places, strict=True):
                for missing in range(expected, account.sequence):
                    self._differ(GAP, missing)
                expected = account.sequence + 1
                self._kinds[account.kind] += 1
                if account.kind == "original" and not place.outside_gate:
                    self._released(account, made.get(account.examination, b""))
                self._acknowledged(account, submitted=account.sequence <= submitted)
                line = Line(place.wholesaler_id, place.order_id, place.revision, place.line)
                if account.replaced:
                    continue
                if account.kind == "return":
                    back.append((account, line))
                elif account.kind in STANDING:
                    self._shipped(account, line, left)
                    stand.append((account, line))
            for sequence in reports.otherwise(self._cursor, self._program, stand, left):
                self._differ(OTHERWISE, sequence)
            self._came_back(back)
        for missing in range(expected, self._span.last + 1):
            self._differ(GAP, missing)

    def releases(self, first: int, last: int) -> None:
        """Each line that was released: does its record exist."""
        name = self._program.name
        for part in storage.examinations(self._cursor, first, last):
            named = {
                record: f"{row.wholesaler_id} {row.order_id} revision {row.revision} line {line.line}"
                for row in part
                for line in _lines.decode(row.released).lines
                if line.program == name and line.outcome == "released"
                for record in map(record_named, line.record_ids)
                if record is not None
            }
            self._counts["released"] += len(named)
            there = storage.known(self._cursor, name, list(named))
            self._orders += [where for record, where in named.items() if record not in there]

    def bypasses(self, begin: datetime, end: datetime) -> None:
        """What was found on these days to have left past the gate, of this program or of a product that nobody named: has it a record."""
        for bypass in every(self._cursor):
            if bypass.is_open and begin <= bypass.at < end and bypass.program in (None, self._program.name):
                of = bypass.place
                where = f"{of.wholesaler_id} {of.order_id} revision {of.revision} line {of.line}, event {bypass.event_id}"
                self._unrecorded.append(where)

    def returns(self, first: int, last: int) -> None:
        """What came back, as was reported by these blocks: has each a return record."""
        for part in storage.returned(self._cursor, first, last):
            self._returned += returns.unrecorded(self._cursor, self._program, part)

    def waiting(self, begin: datetime, end: datetime) -> None:
        """What left or came back, as was reported on these days, while its order is waited for: no record says it yet."""
        for wholesaler, order, revision, line, event in storage.waiting(self._cursor, begin, end):
            self._waiting.append(f"{wholesaler} {order} revision {revision} line {line}, event {event}")

    def files(self) -> None:
        """Sequence proves completeness: each file begins where the one before ended."""
        number, last = 0, 0
        for file, first, to in storage.files(self._cursor, self._program.name):
            if (file, first) != (number + 1, last + 1):
                for sequence in range(min(first, last + 1), max(first, last + 1)):
                    self._differ(FILES_GAP, sequence)
            number, last = file, to

    def theirs(self, rows: Iterator[Told]) -> None:
        """Each record against a list from the REMS."""
        their_books.compare(self._cursor, self._program.name, self._span, self._counted(rows), self._differ)

    def found(self) -> Reconciled:
        counts, recorded = self._counts, sum(self._kinds.values())
        ordered = {"released": counts["released"], "recorded": recorded}
        ordered |= {f"  of them {kind}": self._kinds[kind] for kind in ("original", "correction", "void", "return")}
        ordered |= {name: counts[name] for name in ("shipped", "returned", self._submission, "acknowledged")}
        ordered |= {name: counts[name] for name in ("in their list",) if name in counts}
        return Reconciled(*self._span, ordered, self._differences, self._orders, self._unrecorded, self._waiting, self._returned)

    def _submitted(self) -> int:
        """Up to which sequence records are for the topic, where a program sends them at once, or in files."""
        if self._program.feed_cadence == AT_ONCE:
            return self._span.last
        return max([last for _, _, last in storage.files(self._cursor, self._program.name)], default=0)

    def _released(self, account: Account, released: bytes) -> None:
        if str(account.record_id).encode() not in released:
            self._differ(NOT_RELEASED, account.sequence)

    def _shipped(self, account: Account, line: Line, left: Reports) -> None:
        if line in left:
            self._counts["shipped"] += 1
        elif line.wholesaler_id in self._reporting:
            self._differ(NOT_SHIPPED, account.sequence)

    def _came_back(self, back: list[tuple[Account, Line]]) -> None:
        """Return records: was it reported, and so."""
        found = returns.compared(self._cursor, self._program, back)
        self._counts["returned"] += found.reported
        for what, sequences in ((RETURN_UNREPORTED, found.unreported), (RETURNED_OTHERWISE, found.otherwise)):
            for sequence in sequences:
                self._differ(what, sequence)

    def _acknowledged(self, account: Account, *, submitted: bool) -> None:
        self._counts[self._submission] += submitted
        self._counts["acknowledged"] += account.status == ACCEPTED
        if not submitted:
            self._differ(NOT_SUBMITTED, account.sequence)
        elif account.status is None:
            self._differ(NOT_ACKNOWLEDGED, account.sequence)
        elif account.status == REJECTED and not account.replaced:
            self._differ(NOT_CORRECTED, account.sequence)

    def _counted(self, rows: Iterator[Told]) -> Iterator[Told]:
        self._counts["in their list"] = 0
        for row in rows:
            self._counts["in their list"] += 1
            yield row

    def _differ(self, what: str, sequence: int) -> None:
        self._differences.setdefault(what, Runs()).add(sequence)
