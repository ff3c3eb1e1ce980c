"""Lines are judged again: stopped ones, which may be released now, and released ones whose goods have not left, which may be withdrawn."""

from collections import ChainMap
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from msgspec.structs import replace
from psycopg import Cursor

from gatekeeper.domain.case import Case, Question
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
from gatekeeper.examinations.history import by_order, earlier_of
from gatekeeper.examinations.outlook import programs_of
from gatekeeper.examinations.recording import Terms
from gatekeeper.examinations.withdrawal import released_lines, take_back, uses_of, without_live
from gatekeeper.goods.bookkeeping import Bookkeeping
from gatekeeper.goods.grounds import books_of
from gatekeeper.goods.held import holding
from gatekeeper.messages import messages_for, new_records, record_message
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage import ledger, waiting
from gatekeeper.storage.events import events_of
from gatekeeper.storage.ledger import Outgoing, RecordRow, Tail
from gatekeeper.storage.lookups import NOTHING, Said, plain
from gatekeeper.storage.moving import question_key
from gatekeeper.storage.records import Place
from gatekeeper.storage.waiting import ExaminedRow, ReleasedOn, Waiting
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
    tail, _, _, counts, _ = ledger.read_end(cursor, 0)
    if not known.holds(tail.registry_version) or book.at(tail.now) is not rules:
        rules = book.at(tail.now)
        known = registry_says(cursor, orders, rules.programs, guarded)
    reexamination = _prepared(cursor, tail, rules, terms, known, groups)
    reexamination.counts = counts
    reexamination.dated = () if asked_for else book.known(tail.now)
    for group, lines in reexamination.waiting:
        guarded(group.row, reexamination.examine, group, lines)
    reexamination.write(cursor)
    waiting.done(cursor, examinations)


def _prepared(cursor: Cursor[Any], tail: Tail, rules: Rules, terms: Terms, known: Known, groups: list[Group]) -> "Reexamination":
    """With all that judging the groups may ask, as of this moment under the ledger lock."""
    names = [group.row.order_id for group in groups]
    events = events_of(cursor, names)
    reexamination = Reexamination(tail, rules, terms, known.said_now(cursor, tail.block), ledger.earlier(cursor, names), events)
    lines = waiting.lines(cursor, [group.row.id for group in groups])
    reexamination.books = books_of(cursor, events)
    reexamination.waiting = [(group, lines[group.row.id]) for group in groups]
    reexamination.records = ledger.records(cursor, reexamination.live_records())
    named = [_authorizations(group, each.watched, rules.programs) for group, each in reexamination.waiting]
    keys = sorted({question_key(question) for questions in named for question in questions})
    for released in _held(cursor, rules.programs, waiting.released_on(cursor, keys)):
        reexamination.released_on.setdefault(released.question, {})[released.record_id] = released
    return reexamination


def _held(cursor: Cursor[Any], programs: tuple[Program, ...], found: list[ReleasedOn]) -> list[ReleasedOn]:
    """Of lines of which anything was reported what they hold by now: less than was released, where the rest stays, or goods came back."""
    bodies = [_record.decode(released.body) for released in found]
    events = by_order(events_of(cursor, [body.order_id for body in bodies])) if found else {}
    if not events:
        return found
    books = books_of(cursor, [event for several in events.values() for event in several])
    history = by_order(ledger.earlier(cursor, [order_id for _, order_id in events]))
    held = []
    for released, body in zip(found, bodies, strict=True):
        name = body.wholesaler_id, body.order_id
        if name in events:
            place = Place(*name, body.revision, body.line)
            # A line that left past the gate before it was released has two originals, and the first is void.
            last = next(record.record_id for record in reversed(books.records(place)) if record.kind == "original")
            uses = holding(books.book(place, history[name], events[name], programs)) if released.record_id == last else {}
            released = released._replace(units=uses.get(("units", body.program, body.authorization_id or ""), 0) or 0)  # noqa: PLW2901
        held.append(released)
    return held


class Reexamination(Bookkeeping):
    """What judging lines again decides, until it is written."""

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self.waiting: list[tuple[Group, Waiting]] = []
        self.dated: tuple[Program, ...] = ()
        """Programs after whose limit of days nothing is released on its own."""
        self.records: dict[UUID, RecordRow] = {}
        """The live records of stopped lines."""
        self.released_on: dict[int, dict[UUID, ReleasedOn]] = {}
        """By the question about an authorization, what was released on it."""

    def live_records(self) -> list[UUID]:
        """The records that stopped lines have already, because they were released once, and then withdrawn."""
        return [record for group, lines in self.waiting if lines.open for record in self._live(group, lines.open).values()]

    def examine(self, group: Group, lines: Waiting) -> None:
        """Released lines first: what they no longer use is there for no other before the warehouse has said so."""
        watched = {line: until for line, until in lines.watched.items() if until > self._tail.now}
        if watched:
            self._watched(group, watched)
        if lines.open:
            self._open(group, lines.open)

    def write(self, cursor: Cursor[Any]) -> None:
        """Adds what was decided as the next block, if anything was, and moves what moves."""
        (self._add_block if self._rows else self._moves.write)(cursor)

    def _open(self, group: Group, numbers: tuple[int, ...]) -> None:
        row, order = group.row, with_lines(group.kept.order, numbers)
        live = self._live(group, numbers)
        asked = Asked(ChainMap(self._own(group, live), self._without_outside(order), self._said))
        case = Case(order, asked, self._rules.programs, self._tail.now)
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
        also = {"live": names} if live else {}
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
        asked = Asked(ChainMap(self._before(group, order, numbers), self._said))
        case = Case(order, asked, self._rules.programs, self._tail.now, watched=True)
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
        kept = self._kept(group, asked, numbers, watched=True, withdraws=withdraws, released=lines)
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

    def _own(self, group: Group, live: Mapping[int, UUID]) -> dict[Question, Said]:
        """What is answered to these lines alone: what came of the same order besides, and without the units that they hold themselves."""
        row = group.row
        name = row.wholesaler_id, row.order_id
        others = [
            each for each in self._history[name] if each.cause != "message" or (each.revision, each.digest) != (row.revision, row.digest)
        ]
        earlier = earlier_of(group.kept.order, others, self._events[name], reports=self._reports(group.kept.order))
        said: dict[Question, Said] = {("order", *name): plain(earlier) if earlier else NOTHING}
        for line, record in live.items():
            held, place = self.records[record], Place(*name, row.revision, line)
            uses = holding(self._book(place)) if self.books.records(place) else uses_of(_record.decode(held.body), held.units)
            for question, units in uses.items():
                if question in self._said and units is not None:
                    said[question] = plain(said.get(question, self._said[question]).answer - units)
        return said

    def _before(self, group: Group, order: Order, numbers: list[int]) -> dict[Question, Said]:
        """Of others only what was released before these lines counts against them, and nothing of their own."""
        row = group.row
        name = row.wholesaler_id, row.order_id
        # Of its past only what left of lower revisions matters now: a higher one, or a contradiction, would have ended the watch or not.
        earlier = earlier_of(order, (), self._events[name], reports=False)
        said: dict[Question, Said] = {("order", *name): plain(earlier) if earlier else NOTHING}
        if any(line.serials for line in order.lines):
            said |= {question: plain(None) for question in self._said if question[0] == "serial"}
        own = {UUID(record) for line in group.said if line.line in numbers for record in line.record_ids}
        for question in _authorizations(group, numbers, self._rules.programs):
            released = self.released_on.get(question_key(question), {})
            mine = [each.sequence for name, each in released.items() if name in own]
            # Of what passed because its program had ended there is no record.
            before = [each for each in released.values() if (each.sequence < min(mine) if mine else each.examination < row.id)]
            on_it = [each for each in before if (each.program, _record.decode(each.body).authorization_id) == question[1:]]
            said["units", *question[1:]] = plain(sum(each.units for each in on_it))
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


def _authorizations(group: Group, numbers: Container[int], programs: tuple[Program, ...]) -> set[Question]:
    """The questions about the authorizations of lines that may leave."""
    said = {line.line: line.program for line in group.said}
    return {
        ("authorization", program, line.patient.authorization_id)
        for line in group.kept.order.lines
        if line.line in numbers and line.patient is not None and line.patient.authorization_id is not None
        for program in {said[line.line] or each.name for each in restricted_by(line.ndc, line.gtin, programs)}
    }
