"""What a fact means for decisions already made: released lines are decided again by it, and what would have been stopped is found.

Findings never rewrite a verdict. A look-back goes on piece by piece beside the live orders; reading and deciding hold no lock.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from threading import Event
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper import clock
from gatekeeper.domain.calendar import day_in
from gatekeeper.domain.case import Case, Question
from gatekeeper.domain.days import begin_of
from gatekeeper.domain.facts import RecallFact, holding
from gatekeeper.domain.order import Line
from gatekeeper.domain.program import Program
from gatekeeper.domain.questions import more_questions, questions
from gatekeeper.domain.verdict import NOT_COVERED, RELEASED, LineVerdict, decide
from gatekeeper.errors import Halt
from gatekeeper.evidence import Asked, case_of, with_lines
from gatekeeper.examinations.dependencies import answered_by
from gatekeeper.examinations.history import lots_gone
from gatekeeper.following.findings import KnownThen, found, state_of
from gatekeeper.following.look_back_alert import alert_about
from gatekeeper.following.recipients import past_the_gate
from gatekeeper.goods.recalls import is_of_product
from gatekeeper.storage import bypasses, ledger
from gatekeeper.storage import look_back as storage
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.events import OrderEvent, events_of
from gatekeeper.storage.look_back import Beginning, DecidedRow, LookingBack, Progress
from gatekeeper.storage.lookups import KIND_OF_FACT, MOVING, Said, ask
from gatekeeper.storage.moving import question_key
from gatekeeper.storage.waiting import FactRow
from gatekeeper.translate import kept_fact
from schemas.released import Released, ReleasedLine

EXAMINATIONS_AT_ONCE: Final = 100
REST: Final = 2.0
"""Times as long as a piece took."""
LONGEST_REST_S: Final = 0.1
RECALL: Final = "recall"
EARLIEST_ZONE: Final = "Etc/GMT-14"
"""Where a day begins first: that of a program without rules."""
T = TypeVar("T")
Name = tuple[str, str]
"""Wholesaler and order."""
_released = msgspec.json.Decoder(Released)
_QUESTION_OF = {kind: question for question, kind in KIND_OF_FACT.items()}


def begin(cursor: Cursor[Any], programs: Iterable[Program], load: int, through: int, facts: Sequence[FactRow]) -> int:
    """Begins a look-back for each of the facts that a load told, or changed whether they count, that matters to decisions already made:

    those up to the examination ``through`` that looked it up, on a day from which it counts; for a recall, on whatever day. Says how many.
    """
    zones = {program.name: program.time_zone for program in programs}
    days = storage.days_of(cursor, load, {fact.id: fact.effective_on for fact in facts})
    return storage.begin(cursor, through, [_beginning(fact, days[fact.id], zones) for fact in facts if fact.id in days])


def _beginning(fact: FactRow, day: date, zones: Mapping[str, str]) -> Beginning:
    asked = tuple(question_key(question) for question in answered_by(fact.kind, fact.program, fact.subject, fact.body))
    told = kept_fact(fact.body) if fact.kind == "recall" else None
    if isinstance(told, RecallFact) and told.status == "recalled" and day == fact.effective_on:
        return Beginning(fact.id, RECALL, None, asked)
    return Beginning(fact.id, "look_back", begin_of(day, zones.get(fact.program, EARLIEST_ZONE)), asked)


def step(engine: Engine, programs: tuple[Program, ...], *, examinations: int = EXAMINATIONS_AT_ONCE) -> bool:
    """Does one bounded piece of one look-back, and says whether there was any. Killed at any moment, it has done the piece or nothing.

    ``programs`` are the rules of now: by their packages it is read what left past the gate.
    Then it rests for a while, longer than the piece took: a look-back is in no hurry, and live orders need processor, disk and lock.
    """
    begun = clock.seconds()
    done = _step(engine, programs, examinations)
    if done:
        Event().wait(min(LONGEST_REST_S, REST * (clock.seconds() - begun)))
    return done


def _step(engine: Engine, programs: tuple[Program, ...], examinations: int) -> bool:
    with transaction(engine) as cursor:
        version = storage.still(cursor)
        looking = storage.next_one(cursor)
        if looking is None:
            return False
        piece = _look(cursor, looking, version, examinations) if looking.place < looking.through else None
    if piece is None:
        _conclude(engine, looking, programs)
        return True
    with transaction(engine) as cursor:
        lines = looking.lines + piece.lines
        nothing = looking.kind != RECALL and not looking.findings + len(piece.found)
        over = nothing and piece.place == looking.through
        if piece.found or (over and lines):
            ledger.take_lock(cursor)
        if not storage.move(cursor, looking, piece.place, piece.lines, len(piece.found)):
            return True
        if piece.found:
            storage.add_findings(cursor, ledger.read_tail(cursor), looking, piece.found)
        elif over:
            # Most find nothing, and end at once; a recall is not over before it is known who received the lot past the gate.
            _end(cursor, looking._replace(place=piece.place, lines=lines), None)
    return True


def progress(cursor: Cursor[Any]) -> list[Progress]:
    """How far each look-back is that has not ended."""
    return storage.under_way(cursor)


class _Piece(NamedTuple):
    """What looking at the next examinations gave."""

    place: int
    lines: int
    found: list[tuple[int, int, bytes]]


class _Decided(NamedTuple):
    """An examination that released lines, with those that count here."""

    row: DecidedRow
    case: Case
    said: dict[int, ReleasedLine]


class _Then(dict[Question, Any]):
    """Of the registry what it says now; what moved with every verdict as it was then, where it was asked, else as nothing used.

    Its age is ignored: that a lapse was not heard of then excuses nothing.
    """

    def __init__(self, now: Mapping[Question, Said], case: Case) -> None:
        super().__init__({question: answer for question, answer in case.answers.items() if question[0] in _HISTORY})
        self.update({("as_of", program.name): case.at for program in case.programs})
        self._now = now

    def __missing__(self, question: Question) -> Any:
        answer = self[question] = MOVING[question[0]] if question[0] in _HISTORY else self._now[question].answer
        return answer


_HISTORY = frozenset({"order", *MOVING})


def _look(cursor: Cursor[Any], looking: LookingBack, version: int, most: int) -> _Piece:
    told = answered_by(looking.fact_kind, looking.program, looking.subject, looking.body)
    rows = storage.piece(cursor, looking, map(question_key, told), most)
    place = rows[-1].id if len(rows) == most else looking.through
    events = _events_of_recall(cursor, looking, rows)
    counts = _counting(looking, events)
    decided = [each for row in rows if row.released is not None and (each := _guarded(row, _decided, row, counts)).said]
    now = _registry_says(cursor, decided)
    stopped = [(each, line, judged) for each in decided for line, judged in _guarded(each.row, _stopped, each, now, looking.kind)]
    names = list({each.row.order_id for each, _, _ in stopped})
    history, events = _by_order(ledger.earlier(cursor, names)), _by_order(events_of(cursor, names))
    elsewhere = {each.told for each in bypasses.of_orders(cursor, names) if each.is_elsewhere}
    findings = []
    for each, line, judged in stopped:
        name = each.row.wholesaler_id, each.row.order_id
        state = state_of(each.row, line, history[name], events[name], elsewhere)
        known = _known(looking, each)
        if looking.kind == RECALL:
            line = line._replace(lot=looking.subject)  # noqa: PLW2901 - of another lot, if any, the recall says nothing
        body = found(each.row, each.case, line, each.said[line.line], judged, state, version, known)
        findings.append((each.row.id, line.line, body))
    return _Piece(place, sum(len(each.said) for each in decided), findings)


def _events_of_recall(cursor: Cursor[Any], looking: LookingBack, rows: Iterable[DecidedRow]) -> Mapping[Name, list[OrderEvent]]:
    """What the warehouse said of the orders, where it matters which lot it was that left."""
    return _by_order(events_of(cursor, {row.order_id for row in rows}) if looking.kind == RECALL else ())


def _decided(row: DecidedRow, counts: Callable[[DecidedRow, Line, Case], bool]) -> _Decided:
    """The lines that the examination released, or found nobody to restrict, of those that count."""
    case = case_of(row.evidence or b"")
    said = {line.line: line for line in _released.decode(row.released or b"").lines if line.outcome in (RELEASED, NOT_COVERED)}
    order = with_lines(case.order, said)
    kept = {line.line: said[line.line] for line in order.lines if counts(row, line, case)}
    return _Decided(row, case._replace(order=order), kept)


def _counting(looking: LookingBack, events: Mapping[Name, list[OrderEvent]]) -> Callable[[DecidedRow, Line, Case], bool]:
    """Of a recall only the lines of its lot and product count, as ordered or as they left; else all."""
    recall = kept_fact(looking.body)
    if looking.kind != RECALL or not isinstance(recall, RecallFact):
        return lambda _row, _line, _case: True

    def is_of_the_lot(row: DecidedRow, line: Line, case: Case) -> bool:
        left = lots_gone(row.revision, events[row.wholesaler_id, row.order_id])
        if recall.lot not in (line.lot, *left.get(line.line, ())):
            return False
        return is_of_product(recall, line.ndc, line.gtin, case.programs)

    return is_of_the_lot


def _registry_says(cursor: Cursor[Any], decided: Sequence[_Decided]) -> dict[Question, Said]:
    """What the registry says now to all that deciding again may ask, in two rounds."""
    asked: set[Question] = set()
    for each in decided:
        asked |= questions(each.case.order, each.case.programs)
    said = ask(cursor, {question for question in asked if question[0] not in _HISTORY})
    more: set[Question] = set()
    answers = Asked(said)
    for each in decided:
        more |= more_questions(each.case.order, each.case.programs, answers)
    return said | ask(cursor, more - said.keys())


def _stopped(decided: _Decided, now: Mapping[Question, Said], kind: str) -> list[tuple[Line, LineVerdict]]:
    """The lines that would have been stopped on the day on which they were decided; of a recall, every line."""
    # The age of the registry is not judged of a line that was released.
    case = decided.case._replace(answers=_Then(now, decided.case), watched=True)
    judged = decide(case).lines
    return [
        (line, each)
        for line, each in zip(case.order.lines, judged, strict=True)
        if line.line in decided.said and (kind == RECALL or each.outcome not in (RELEASED, NOT_COVERED))
    ]


def _known(looking: LookingBack, decided: _Decided) -> KnownThen:
    """What was known about the fact's subject when the line was decided."""
    kind, version = _QUESTION_OF[looking.fact_kind], decided.row.registry_version
    question = {"site": (kind, looking.subject), "alias": (kind, looking.subject), "mode": (kind, looking.program)}.get(
        kind, (kind, looking.program, looking.subject)
    )
    facts = [fact for fact in decided.case.answers.get(question, ()) if fact.program == looking.program]
    zone = next((program.time_zone for program in decided.case.programs if program.name == looking.program), None)
    if kind == "alias" or zone is None:
        return KnownThen(version)
    about = kept_fact(looking.body)
    if isinstance(about, RecallFact):
        facts = [fact for fact in facts if fact.ndc == about.ndc]
    fact = holding(facts, day_in(decided.case.at, zone))
    if fact is None:
        return KnownThen(version)
    return KnownThen(version, fact.mode if kind == "mode" else fact.status, fact.effective_on.isoformat(), fact.sequence)


def _conclude(engine: Engine, looking: LookingBack, programs: tuple[Program, ...]) -> None:
    """Ends a look-back that has looked at everything and may have found something; the alert is made before the lock."""
    with transaction(engine) as cursor:
        version = storage.still(cursor)
        outside = past_the_gate(cursor, looking, programs, version) if looking.kind == RECALL else []
        count = len(outside)
        ended = looking._replace(lines=looking.lines + count, findings=looking.findings + count)
        bodies = partial(_bodies, cursor, looking, outside)
        alert = alert_about(ended, ledger.now(cursor), version, bodies) if ended.findings else None
    with transaction(engine) as cursor:
        if ended.lines:
            ledger.take_lock(cursor)
        _end(cursor, ended, alert, outside)


def _bodies(cursor: Cursor[Any], looking: LookingBack, outside: Iterable[tuple[UUID, bytes]]) -> Iterator[bytes]:
    """Of whom only the warehouse knew first: no book of released lines shows them."""
    yield from (body for _, body in outside)
    yield from storage.findings(cursor, looking.id)


def _end(
    cursor: Cursor[Any], looking: LookingBack, alert: tuple[UUID, str, bytes] | None, outside: Sequence[tuple[UUID, bytes]] = ()
) -> None:
    """It is under way no more. One that looked at a line is on record, and ends under the ledger lock."""
    if storage.end(cursor, looking) and looking.lines:
        storage.conclude(cursor, ledger.read_tail(cursor), looking, alert, outside)


def _by_order(rows: Iterable[T]) -> defaultdict[Name, list[T]]:
    found_of: defaultdict[Name, list[T]] = defaultdict(list)
    for row in rows:
        found_of[row.wholesaler_id, row.order_id].append(row)  # type: ignore[attr-defined]
    return found_of


def _guarded(row: DecidedRow, look: Callable[..., T], *arguments: Any) -> T:
    """Runs one step for an examination. A fault of our own in it halts whoever looks back; nothing was found."""
    try:
        return look(*arguments)
    except Exception as fault:  # noqa: BLE001 - whatever our own code does wrong must be seen, not passed over
        place = f"{row.wholesaler_id}/{row.order_id}/{row.revision}"
        raise Halt(
            f"A fault of the gatekeeper ({type(fault).__name__}) as a look-back decided order {place} again: nothing was found. "
            "Install a mended version."
        ) from None
