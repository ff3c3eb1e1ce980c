"""Goods that left past the gate and of which no record could be made: one person completes what is known of them, another approves it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET
from msgspec.structs import replace
from psycopg import Cursor

from gatekeeper.desk import read_reason
from gatekeeper.errors import Unusable
from gatekeeper.examinations.recording import Terms
from gatekeeper.goods.waits import Late, guarded, prepared
from gatekeeper.people.access import Person
from gatekeeper.people.approvals import BYPASS, approval_row, refuse_own
from gatekeeper.rules import RuleBook
from gatekeeper.storage import bypasses as kept
from gatekeeper.storage import ledger
from gatekeeper.storage.bypasses import Bypass
from gatekeeper.storage.engine import Database, transaction
from schemas.bypass import Completion
from schemas.canonical import canonical
from schemas.event import ShipmentEvent, event_holds
from schemas.text import ID

MOST_OF_A_FILE: Final = 65_536
_completion = msgspec.json.Decoder(Completion)


def listed(engine: Database, *, every: bool) -> list[Bypass]:
    """Those of which there is no record yet, oldest first; or all."""
    with transaction(engine) as cursor:
        return [bypass for bypass in kept.every(cursor) if every or bypass.is_open]


def read_completion(raw: bytes) -> Completion:
    """What a person's file says. Raises ``Unusable`` with one sentence that repeats nothing of it."""
    if len(raw) > MOST_OF_A_FILE:
        raise Unusable(f"The file is longer than {MOST_OF_A_FILE} bytes.")
    try:
        said = _completion.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        where = str(problem).partition(" - at ")[2] or "`$`"
        sentence = f"The file cannot be read: see what stands at {where}. It holds one JSON object, as docs/bypass.md shows it."
        raise Unusable(sentence) from None
    if said == Completion():
        raise Unusable("The file completes nothing.")
    return said


def complete(engine: Database, name: str, said: Completion, reason: str, person: Person, book: RuleBook, terms: Terms) -> Bypass:
    """Puts on record what a person adds; until another approves it, it counts for nothing. Raises ``Unusable`` where it is not enough."""
    with _step(engine, name, book, terms) as step:
        if not step.bypass.is_open:
            raise Unusable(f"Bypass {step.bypass.bypass_id} is {step.bypass.state} already: there is nothing to complete.")
        step.try_with(said)
        step.add("proposed", canonical(said), read_reason(reason), person)
    return step.bypass


def approve(engine: Database, name: str, reason: str, person: Person, book: RuleBook, terms: Terms) -> Bypass:
    """Makes the record of what was completed. Raises ``Unusable`` where nothing is proposed, or ``person`` proposed it."""
    with _step(engine, name, book, terms) as step:
        proposed = step.proposed()
        refuse_own(proposed.person, person)
        late = step.try_with(_completion.decode(proposed.body or b"{}"))
        step.add("approved", None, read_reason(reason), person, late)
    return step.bypass


def refuse(engine: Database, name: str, reason: str, person: Person, book: RuleBook, terms: Terms) -> Bypass:
    """What was proposed comes to nothing; whoever proposed it may take it back so too. The bypass stays open."""
    with _step(engine, name, book, terms) as step:
        step.proposed()
        step.add("refused", None, read_reason(reason), person)
    return step.bypass


class _Step:
    """One transaction of a person."""

    def __init__(self, cursor: Cursor[Any], bypass: Bypass, book: RuleBook, terms: Terms) -> None:
        self.cursor, self.bypass, self._terms = cursor, bypass, terms
        self.tail, _, _, self._counts, *_ = ledger.read_end(cursor, 0)
        self._rules = book.at(self.tail.now)

    def proposed(self) -> kept.Step:
        """What waits for a decision."""
        if self.bypass.state != "proposed":
            raise Unusable(f"Bypass {self.bypass.bypass_id} is {self.bypass.state}: nothing is proposed that could be decided.")
        return self.bypass.steps[-1]

    def try_with(self, said: Completion) -> Late:
        """Settles the line with what was added. Raises ``Unusable`` where a record could not be made all the same."""
        order_id = self.bypass.place.order_id
        late = prepared(self.cursor, self._rules, self._terms, self.tail, [order_id], {self.bypass.told}, {self.bypass.told: said})
        late.counts = self._counts
        [(event, line)] = late.waiting
        _refuse_unreadable(event, said)
        if lacks := guarded(event, late.settle_late, event, line):
            raise Unusable(f"A record of these goods would still lack or contradict: {', '.join(lacks)}.")
        return late

    def add(self, step: str, body: bytes | None, reason: str, person: Person, late: Late | None = None) -> None:
        """Records one step, and with it what was settled."""
        if late is None:
            late = Late(self.tail, self._rules, self._terms, {}, (), ())
        at = self.tail.now
        if step == "approved":
            late.approve(approval_row(BYPASS, self.bypass.bypass_id, person, at, self.tail.block + 1))
        late.note((self.bypass.bypass_id, len(self.bypass.steps) + 1, step, body, reason, person.subject, at))
        late.write(self.cursor)
        self.bypass = self.bypass._replace(steps=(*self.bypass.steps, kept.Step(step, body, reason, person.subject, at)))


@contextmanager
def _step(engine: Database, name: str, book: RuleBook, terms: Terms) -> Iterator[_Step]:
    try:
        wanted = UUID(name)
    except ValueError:
        raise Unusable("The bypass must be named by its id, as `gatekeeper bypass list` shows it.") from None
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        bypass = kept.one(cursor, wanted)
        if bypass is None:
            raise Unusable(f"There is no bypass {wanted}.")
        yield _Step(cursor, bypass, book, terms)


def _refuse_unreadable(event: ShipmentEvent, said: Completion) -> None:
    """What the contract lets no event say, a completion may not say either."""
    lines = () if event.lines is UNSET else event.lines
    names = ("product", "quantity", "unit", "lot", "expires_on", "serials", "patient")
    # That no serials are named is no serial that may not be named.
    given = {name: value for name in names if (value := getattr(said, name)) not in (UNSET, ())}
    whole = replace(event, lines=(replace(lines[0], **given),), ship_to=event.ship_to if said.ship_to is UNSET else said.ship_to)
    wrong_origin = said.ship_from is not UNSET and not re.fullmatch(ID, said.ship_from.site_id)
    if wrong_origin or not event_holds(whole):
        raise Unusable("The file says something that no event may say: see the limits of docs/bypass.md.")
