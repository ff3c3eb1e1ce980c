"""What compliance staff do about one order: each step on record with who, when and why. The caller holds the ledger lock, and commits."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from operator import eq
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.domain.ids import desk_entry_id
from gatekeeper.errors import Unusable
from gatekeeper.examinations.dependencies import SETTLED as CLOSED
from gatekeeper.examinations.recording import Terms
from gatekeeper.following.reexamination import judge_again
from gatekeeper.people.access import Person
from gatekeeper.rules import RuleBook
from gatekeeper.storage import desk as kept
from gatekeeper.storage import ledger, tables
from gatekeeper.storage.desk import Entry

TAKEN, GIVEN_BACK, NOTED, SETTLED, EXAMINED, SENT_AGAIN = "taken", "given_back", "noted", "settled", "examined", "sent_again"
KINDS: Final = (TAKEN, GIVEN_BACK, NOTED, SETTLED, EXAMINED, SENT_AGAIN)
_STOPPED: Final = frozenset({"held", "blocked", "withdrawn"})


class Said(msgspec.Struct):
    """What a message says of one line."""

    line: int
    outcome: str
    program: str | None
    site_id: str | None = None
    reasons: list[dict[str, Any]] = []


class _Lines(msgspec.Struct):
    lines: list[Said]


_message = msgspec.json.Decoder(_Lines)


class Line(NamedTuple):
    """What holds of a line: the last examination that names it, and what that said."""

    examination: int
    said: Said


class Standing(NamedTuple):
    """How an order stands, at its highest revision."""

    wholesaler_id: str
    order_id: str
    revision: int
    lines: dict[int, Line]
    last: int
    """The last examination of any revision."""
    judged: int
    """How many examinations there are, of all revisions."""
    open: tuple[tuple[int, int], ...]
    entries: tuple[Entry, ...]
    programs: frozenset[str | None]
    """Of all lines of all revisions: what was written about it may speak of any of them."""

    @property
    def version(self) -> str:
        """Changes with whatever is decided or done about the order."""
        return version_of(self.entries, self.judged)

    @property
    def taken(self) -> Entry | None:
        return taken_by(self.entries)


def version_of(entries: Sequence[Entry], judged: int) -> str:
    """Of the order alone: a number of the whole ledger would tell how much is decided for others."""
    return f"{len(entries)}.{judged}"


def taken_by(entries: Iterable[Entry]) -> Entry | None:
    """Who has the order in hand, if anybody has."""
    last = [entry for entry in entries if entry.kind in (TAKEN, GIVEN_BACK, SETTLED)][-1:]
    return last[0] if last and last[0].kind == TAKEN else None


def settlements(entries: Iterable[Entry], revision: int) -> list[Entry]:
    """By whom this revision was settled, since a person last had it examined: more than once where more of it was stopped since."""
    found: list[Entry] = []
    for entry in entries:
        if entry.kind == EXAMINED:
            found.clear()
        elif entry.kind == SETTLED and entry.revision == revision:
            found.append(entry)
    return found


def standing(cursor: Cursor[Any], wholesaler_id: str, order_id: str) -> Standing | None:
    """How the order stands at this moment; None where the ledger does not know it."""
    found = kept.examinations(cursor, wholesaler_id, order_id)
    if not found:
        return None
    revision = max(each.revision for each in found)
    lines: dict[int, Line] = {}
    programs: set[str | None] = set()
    for each in found:
        said = lines_said(each.stopped, each.released)
        programs.update(line.program for line in said)
        if each.revision == revision:
            lines |= {line.line: Line(each.id, line) for line in said}
    opened, entries = kept.open_lines(cursor, wholesaler_id, order_id), kept.entries(cursor, wholesaler_id, order_id)
    return Standing(wholesaler_id, order_id, revision, lines, found[-1].id, len(found), opened, entries, frozenset(programs))


def lines_said(stopped: bytes | None, released: bytes | None) -> list[Said]:
    """What an examination says of each line. A withdrawn line stands in both messages, with its reasons in the first."""
    said: dict[int, Said] = {}
    for body in (stopped, released):
        for line in () if body is None else _message.decode(body).lines:
            before = said.get(line.line)
            said[line.line] = line if before is None else msgspec.structs.replace(line, reasons=before.reasons)
    return [said[number] for number in sorted(said)]


class Judged(NamedTuple):
    """What an examination said, and when."""

    at: datetime
    revision: int
    said: list[Said]


class Cancelled(NamedTuple):
    """The warehouse's word that nothing of a revision leaves, and when it came."""

    at: datetime
    revision: int


def open_since(happened: Iterable[Judged | Entry | Cancelled], lines: Iterable[int]) -> datetime:
    """Since when the order is open without a break: a line that clears while others wait, or a revision that is stopped at once, is none.

    ``happened`` is all that was of it; ``lines`` are those that are open now, of the highest revision.
    """
    return _since(happened, frozenset(lines), lambda _: True)


def open_by_program(happened: Sequence[Judged | Entry | Cancelled], lines: Iterable[Said]) -> dict[str | None, datetime]:
    """The same by program, as if the order had no lines of others; ``lines`` are those that are open now."""
    opened: dict[str | None, set[int]] = {}
    for line in lines:
        opened.setdefault(line.program, set()).add(line.line)
    return {program: _since(happened, frozenset(of_it), partial(eq, program)) for program, of_it in opened.items()}


def _since(happened: Iterable[Judged | Entry | Cancelled], now: frozenset[int], counts: Callable[[str | None], bool]) -> datetime:
    several = sorted(happened, key=lambda each: (each.at, not isinstance(each, Judged)))
    highest = max(each.revision for each in several if isinstance(each, Judged))
    found, waiting = _walk(several, highest, frozenset(), counts)
    # What is open no more though nothing was judged left past the gate, nobody knows here when: it counts for nothing.
    if gone := waiting - now:
        found, _ = _walk(several, highest, gone, counts)
    return found or several[-1].at


def _walk(
    happened: Iterable[Judged | Entry | Cancelled], highest: int, without: frozenset[int], counts: Callable[[str | None], bool]
) -> tuple[datetime | None, frozenset[int]]:
    """Since when it is open, and what of it, by what happened; ``counts`` says of which programs."""
    since, revision = None, 0
    waiting, stopped = set[int](), set[int]()
    for each in happened:
        if each.revision < revision:
            continue
        if isinstance(each, Judged):
            if each.revision > revision:
                revision, waiting, stopped = each.revision, set(), set()
            judged = {line.line: counts(line.program) and line.outcome in _STOPPED and _may_clear(line) for line in each.said}
            stopped = {line for line in stopped | judged.keys() if judged.get(line, True)} - (without if revision == highest else set())
            waiting = {line for line in waiting | judged.keys() if judged.get(line, True)} & stopped
        elif isinstance(each, Cancelled) or each.kind == SETTLED:
            waiting = set()
        elif each.kind == EXAMINED:
            waiting = set(stopped)
        since = None if not waiting else since or each.at
    return since, frozenset(waiting)


def _may_clear(line: Said) -> bool:
    return not any(reason["code"] in CLOSED for reason in line.reasons)


def take(cursor: Cursor[Any], order: Standing, person: Person) -> None:
    """The order is in this person's hands. Raises ``Unusable`` where it is in another's, or in his already."""
    if order.taken is not None:
        raise Unusable(f"It is taken already, by {order.taken.name}.")
    _add(cursor, order, person, _Step(TAKEN))


def give_back(cursor: Cursor[Any], order: Standing, person: Person, *, of_others: bool) -> None:
    """The order is in nobody's hands. Only who has it gives it back, or who may do so for others."""
    if order.taken is None:
        raise Unusable("Nobody has taken it.")
    if order.taken.person != person.subject and not of_others:
        raise Unusable(f"It is taken by {order.taken.name}: only who has it gives it back, or who may reassign orders.")
    _add(cursor, order, person, _Step(GIVEN_BACK))


def note(cursor: Cursor[Any], order: Standing, text: str, person: Person) -> None:
    """One more note."""
    _add(cursor, order, person, _Step(NOTED, text))


def settle(cursor: Cursor[Any], order: Standing, reason: str, person: Person) -> None:
    """What is open of the order is closed: it is not judged again unless a person asks for it. Nothing is released by that."""
    if order.taken is not None and order.taken.person != person.subject:
        raise Unusable(f"It is taken by {order.taken.name}: only who has it settles it.")
    if not order.open:
        raise Unusable("Nothing of it is open.")
    kept.close(cursor, order.open)
    _add(cursor, order, person, _Step(SETTLED, reason, body=msgspec.json.encode(order.open)))


def examine(cursor: Cursor[Any], order: Standing, reason: str | None, person: Person, book: RuleBook, terms: Terms) -> None:
    """What is open or watched of the order is judged again now, and what was settled, as if it had stayed open."""
    settled = [each for entry in settlements(order.entries, order.revision) for each in kept.lines_of(entry)]
    reopened = [(examination, line) for examination, line in settled if order.lines[line].examination == examination]
    wanted = {number for number, _ in (*order.open, *reopened)} | kept.watched(cursor, order.wholesaler_id, order.order_id)
    if not wanted:
        raise Unusable("Nothing of it is stopped and may still be released as it is, or released and may still be withdrawn.")
    kept.open_again(cursor, order.wholesaler_id, order.order_id, order.revision, reopened)
    judge_again(cursor, book, terms, sorted(wanted), asked_for=True)
    tail = ledger.read_tail(cursor)
    came = tail.examination if tail.examination > order.last else None
    _add(cursor, order, person, _Step(EXAMINED, reason, came))


def send_again(cursor: Cursor[Any], order: Standing, reason: str, person: Person) -> None:
    """The answers that hold go out once more by the relay, the same bytes, each after the answer to the order's message."""
    numbers = sorted({line.examination for line in order.lines.values()})
    after = kept.arrived(cursor, order.wholesaler_id, order.order_id, order.revision)
    _add(cursor, order, person, *[_Step(SENT_AGAIN, reason, number) for number in numbers], after=after)


class _Step(NamedTuple):
    kind: str
    text: str | None = None
    examination: int | None = None
    body: bytes | None = None


def _add(cursor: Cursor[Any], order: Standing, person: Person, *steps: _Step, after: tuple[int, int, int] | None = None) -> None:
    """As a block of its own; what is sent again is in the outbox with it."""
    tail, rows, outbox = ledger.read_tail(cursor), [], []
    for number, step in enumerate(steps, len(order.entries) + 1):
        name = desk_entry_id(order.wholesaler_id, order.order_id, number)
        about = (name, order.wholesaler_id, order.order_id, number, order.revision)
        rows.append((*about, step.kind, step.examination, step.body, step.text, person.subject, person.name, tail.now, tail.block + 1))
        if step.kind == SENT_AGAIN:
            outbox.append(ledger.Outgoing(alert_id=name, after=after))
    ledger.add_block(cursor, tail, {tables.DESK_ENTRY: rows}, outbox=outbox)
