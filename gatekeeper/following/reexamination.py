"""Lines are judged again: stopped ones, which may be released now, and released ones whose goods have not left, which may be withdrawn."""

from collections import ChainMap
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from msgspec.structs import replace
from psycopg import Cursor

from gatekeeper.domain.case import Case, Held, Question
from gatekeeper.domain.days import next_day
from gatekeeper.domain.order import Order
from gatekeeper.domain.products import restricted_by
from gatekeeper.domain.program import Program
from gatekeeper.domain.reasons import BLOCKED, HELD
from gatekeeper.domain.records import DistributionRecord as Record
from gatekeeper.domain.records import records_for
from gatekeeper.domain.verdict import decide
from gatekeeper.errors import Halt
from gatekeeper.evidence import Asked, Kept, evidence, kept_of, with_lines
from gatekeeper.examinations.asking import Known, registry_says
from gatekeeper.examinations.dependencies import hangs_on, open_lines, postponed, wanted_long_ago
from gatekeeper.examinations.history import earlier_of
from gatekeeper.examinations.outlook import programs_of
from gatekeeper.examinations.recording import Terms
from gatekeeper.examinations.withdrawal import released_lines, take_back, uses_of, without_live
from gatekeeper.following.on_authorization import Holder, holders, not_against
from gatekeeper.goods.bookkeeping import Bookkeeping
from gatekeeper.goods.grounds import books_of, keep_books
from gatekeeper.goods.held import holding, units_held
from gatekeeper.messages import messages_for, new_records, record_message
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage import ledger, waiting
from gatekeeper.storage.events import events_of
from gatekeeper.storage.ledger import End, Outgoing, RecordRow
from gatekeeper.storage.lookups import NOTHING, Said, plain
from gatekeeper.storage.records import Place
from gatekeeper.storage.waiting import ExaminedRow, Waiting
from schemas.record import DistributionRecord
from schemas.released import Released, ReleasedLine

T = TypeVar("T")
_released = msgspec.json.Decoder(Released)
_record = msgspec.json.Decoder(DistributionRecord)


class Group(NamedTuple):
    """Lines of an order that were judged together, and are so again."""

    row: ExaminedRow
    kept: Kept
    said: tuple[ReleasedLine, ...]
    """As which the examination released lines."""

    @classmethod
    def of(cls, row: ExaminedRow) -> "Group":
        return cls(row, kept_of(row.evidence), () if row.released is None else _released.decode(row.released).lines)


def judge_due(cursor: Cursor[Any], book: RuleBook, terms: Terms, most: int) -> bool:
    """Judges lines again that are due, of at most so many examinations, in one transaction; says whether any were."""
    due = waiting.due(cursor, most)
    if due:
        judge_again(cursor, book, terms, due)
    return bool(due)


def judge_again(cursor: Cursor[Any], book: RuleBook, terms: Terms, examinations: Sequence[int], *, asked_for: bool = False) -> None:
    """Judges again what is open or watched of these examinations, in the transaction of the caller; what comes of it is in the outbox.

    Unless a person ``asked_for`` it, what was wanted long ago stays stopped, also where no rules hold it any more.
    """
    groups = [guarded(row, Group.of, row) for row in waiting.examined(cursor, examinations)]
    orders = [(group.row, group.kept.order) for group in groups]
    rules = book.at(ledger.now(cursor))
    known = registry_says(cursor, orders, rules.programs, guarded)
    ledger.take_lock(cursor)
    end = ledger.read_end(cursor, 0)
    now = end.tail.now
    if not known.holds(end.tail.registry_version) or book.at(now) is not rules:
        rules = book.at(now)
        known = registry_says(cursor, orders, rules.programs, guarded)
    reexamination = _prepared(cursor, end, rules, terms, known, groups)
    reexamination.dated = () if asked_for else book.known(now)
    for group, lines in reexamination.waiting:
        guarded(group.row, reexamination.take_back, group, lines.watched)
    for group, lines in reexamination.waiting:
        guarded(group.row, reexamination.release, group, lines.open)
    reexamination.write(cursor)
    waiting.done(cursor, examinations)


def _prepared(cursor: Cursor[Any], end: End, rules: Rules, terms: Terms, known: Known, groups: list[Group]) -> "Reexamination":
    """With all that judging the groups may ask, as of this moment under the ledger lock."""
    names = [group.row.order_id for group in groups]
    events = events_of(cursor, names)
    earlier = ledger.earlier(cursor, names)
    reexamination = Reexamination(end.tail, rules, terms, known.said_now(cursor, end.tail.block), earlier, events)
    reexamination.counts = end.counts
    lines = waiting.lines(cursor, [group.row.id for group in groups])
    serials = [serial for group in groups for line in group.kept.order.lines for serial in line.serials] if end.named else ()
    keep_books(cursor, reexamination, books_of(cursor, events, earlier, serials))
    reexamination.waiting = [(group, lines[group.row.id]) for group in groups]
    reexamination.records = ledger.records(cursor, reexamination.live_records())
    named = [_authorizations(group, each.watched, rules.programs) for group, each in reexamination.waiting]
    reexamination.holders = holders(cursor, rules.programs, {question for several in named for _, question in several})
    return reexamination


class Reexamination(Bookkeeping):
    """What judging lines again decides, until it is written."""

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self.waiting: list[tuple[Group, Waiting]] = []
        self.dated: tuple[Program, ...] = ()
        """Programs after whose limit of days nothing is released on its own."""
        self.records: dict[UUID, RecordRow] = {}
        """The live records of stopped lines."""
        self.holders: Mapping[Question, list[Holder]] = {}
        """By question about the units of an authorization on which lines may leave, who holds some."""

    def live_records(self) -> list[UUID]:
        """The records that stopped lines have already, because they were released once, and then withdrawn."""
        return [record for group, lines in self.waiting if lines.open for record in self._live(group, lines.open).values()]

    def take_back(self, group: Group, lines: Mapping[int, datetime]) -> None:
        """Of all groups before anything is released: the answers count who holds what as of now."""
        watched = {line: until for line, until in lines.items() if until > self._tail.now}
        if watched:
            self._watched(group, watched)

    def release(self, group: Group, lines: tuple[int, ...]) -> None:
        """What may leave now."""
        if lines:
            self._open(group, lines)

    def write(self, cursor: Cursor[Any]) -> None:
        """Adds what was decided as the next block, if anything was, and moves what moves."""
        (self._add_block if self._rows else self._moves.write)(cursor)

    def _open(self, group: Group, numbers: tuple[int, ...]) -> None:
        row, order = group.row, with_lines(group.kept.order, numbers)
        live = self._live(group, numbers)
        held = (*self._held(order, live), *self._held_outside(order))
        asked = Asked(ChainMap(self._came_before(group), self._said))
        case = Case(order, asked, self._rules.programs, self._tail.now, held=held)
        verdict = decide(case)
        if staying := wanted_long_ago(case, verdict, self.dated):
            self._moves.open_for_good(row.id, staying)
            if rest := tuple(number for number in numbers if number not in staying):
                self._open(group, rest)
            return
        envelope = self._envelope(row.wholesaler_id, row.order_id, row.revision)
        wanted = records_for(order, verdict, envelope.verdict_id, envelope.examination)
        records = [record for record in wanted if record.line not in live]
        names = {line: str(record) for line, record in live.items()}
        said = messages_for(envelope, verdict.lines, records, names)
        self._last += 1
        also = {name: value for name, value in (("live", names), ("held", held)) if value}
        self._examined(envelope, "again", row.digest, self._kept(group, asked, numbers, **also), said, relayed=True)
        self._originals(new_records(records, verdict, self._at))
        if other := [record.line for record in wanted if record.line in live and self._says_otherwise(record, live[record.line])]:
            self._alert("live_record_differs", envelope, {"lines": other})
        self._moves.open_no_more(row.id, numbers)
        self._wait(order, verdict, self._outlook(case, asked, verdict))
        self._outbox.append(Outgoing(self._last, after=group.kept.arrived))
        new = without_live(order, verdict, live)
        self._released_after(*new, group.kept.arrived)
        self._use(*new)

    def _watched(self, group: Group, watched: Mapping[int, datetime]) -> None:
        row, numbers = group.row, list(watched)
        order = with_lines(group.kept.order, numbers)
        held = tuple([
            not_against(Place(row.wholesaler_id, row.order_id, row.revision, line), question, self.holders.get(question, ()), row.id)
            for line, question in _authorizations(group, numbers, self._rules.programs)
        ])  # fmt: skip
        asked = Asked(ChainMap(self._left_before(order), self._said))
        case = Case(order, asked, self._rules.programs, self._tail.now, watched=True, held=held)
        verdict = decide(case)
        stopped = [line.line for line in verdict.lines if line.outcome in (HELD, BLOCKED)]
        staying = [number for number in numbers if number not in stopped]
        programs = programs_of(case, verdict)
        if staying:
            self._moves.watched_on(row.id, staying, next_day(case, asked, programs))
            self._moves.hang_more(row.id, (*hangs_on(asked, verdict), *postponed(asked)))
        if not stopped:
            return
        envelope = self._envelope(row.wholesaler_id, row.order_id, row.revision)
        withdraws = str(_released.decode(row.released or b"").verdict_id)
        lines = tuple(line for line in group.said if line.line in numbers)
        said = take_back(envelope, verdict, withdraws, lines)
        self._last += 1
        also = {"held": held} if held else {}
        kept = self._kept(group, asked, numbers, watched=True, withdraws=withdraws, released=lines, **also)
        self._examined(envelope, "withdrawn", row.digest, kept, said, relayed=True)
        self._alert("released_line_withdrawn", envelope, {"lines": stopped})
        self._moves.watched_no_more(row.id, {number: watched[number] for number in stopped}, reported=self._reports(order))
        if not self._contradicted(row):
            self._moves.open(self._last, order, open_lines(verdict), next_day(case._replace(watched=False), asked, programs))
            self._moves.hang(self._last, hangs_on(asked, verdict))
        self._outbox.append(Outgoing(self._last, after=group.kept.arrived))

    def _live(self, group: Group, numbers: Iterable[int]) -> dict[int, UUID]:
        """By line, the record that it has already."""
        row = group.row
        released = released_lines(self._history[row.wholesaler_id, row.order_id])
        found = {number: released.get((row.revision, number)) for number in numbers}
        return {number: line.records[0] for number, line in found.items() if line is not None and line.records}

    def _says_otherwise(self, record: Record, live: UUID) -> bool:
        """Whether a line that is released again has a record that another site, or another person, stands in."""
        held, now = _record.decode(self.records[live].body), _record.decode(record_message(record, 1, self._at))
        return now != replace(held, record_id=now.record_id, sequence=1, verdict_id=now.verdict_id, recorded_at=now.recorded_at)

    def _held(self, order: Order, live: Mapping[int, UUID]) -> list[Held]:
        """The units that stopped lines hold because they were released once, and their record is live."""
        found = []
        for line in order.lines:
            if record := live.get(line.line):
                row, place = self.records[record], Place(order.wholesaler_id, order.order_id, order.revision, line.line)
                uses = holding(self._book(place)) if self.books.records(place) else uses_of(_record.decode(row.body), row.units)
                found += units_held(line, uses)
        return found

    def _came_before(self, group: Group) -> dict[Question, Said]:
        """What came of the same order besides."""
        row = group.row
        name = row.wholesaler_id, row.order_id
        others = [
            each for each in self._history[name] if each.cause != "message" or (each.revision, each.digest) != (row.revision, row.digest)
        ]
        earlier = earlier_of(group.kept.order, others, self._events[name], reports=self._reports(group.kept.order))
        return {("order", *name): plain(earlier) if earlier else NOTHING}

    def _left_before(self, order: Order) -> dict[Question, Said]:
        """Of its serials none stands in the way of a line that was released."""
        name = order.wholesaler_id, order.order_id
        # Of its past only what left of lower revisions matters now: a higher one, or a contradiction, would have ended the watch or not.
        earlier = earlier_of(order, (), self._events[name], reports=False)
        said: dict[Question, Said] = {("order", *name): plain(earlier) if earlier else NOTHING}
        if any(line.serials for line in order.lines):
            said |= {question: plain(None) for question in self._said if question[0] == "serial"}
        return said

    def _contradicted(self, row: ExaminedRow) -> bool:
        return any(
            examination.cause == "message" and examination.revision == row.revision and examination.digest != row.digest
            for examination in self._history[row.wholesaler_id, row.order_id]
        )

    def _kept(self, group: Group, asked: Asked, numbers: Iterable[int], **also: Any) -> bytes:
        if group.kept.arrived is not None:
            also["arrived"] = group.kept.arrived
        return evidence(self._at, group.kept.content, self._rules.kept_for(group.kept.order), asked.asked, lines=sorted(numbers), **also)


def guarded(row: ExaminedRow, step: Callable[..., T], *arguments: Any) -> T:
    """Runs one step for an examination. A fault of our own in it halts whoever follows up; nothing was decided."""
    try:
        return step(*arguments)
    except Exception as fault:  # noqa: BLE001 - whatever our own code does wrong must stop the gate, never open it
        place = f"{row.wholesaler_id}/{row.order_id}/{row.revision}"
        raise Halt(
            f"A fault of the gatekeeper ({type(fault).__name__}) as order {place} was judged again: nothing was decided. "
            "Install a mended version."
        ) from None


def _authorizations(group: Group, numbers: Container[int], programs: tuple[Program, ...]) -> list[tuple[int, Question]]:
    """Of lines that may leave, the questions about the units of their authorizations."""
    said = {line.line: line.program for line in group.said}
    return [
        (line.line, ("units", program, line.patient.authorization_id))
        for line in group.kept.order.lines
        if line.line in numbers and line.patient is not None and line.patient.authorization_id is not None
        for program in sorted({said[line.line] or each.name for each in restricted_by(line.ndc, line.gtin, programs)})
    ]
