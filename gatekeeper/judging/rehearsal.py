"""What the gate would answer, by its own decoder and its own decision, on the registry of this moment. Nothing of it is written."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.arrivals import Arrival, Position, Source, read_arrival
from gatekeeper.domain.order import Order
from gatekeeper.domain.verdict import RELEASED
from gatekeeper.examinations.asking import registry_says
from gatekeeper.examinations.beginning import guarded
from gatekeeper.examinations.recording import Terms
from gatekeeper.examinations.withdrawal import record_of
from gatekeeper.goods.grounds import books_of, keep_books
from gatekeeper.judging.deciding import line_document
from gatekeeper.judging.fold import Fold
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage import ledger
from gatekeeper.storage.events import events_of
from gatekeeper.storage.ledger import EarlierExamination, Tail
from schemas.reading import Unreadable

NOT_TOLD: Final = "not_told"
"""In the place of an outcome: whether the line would be released hangs on its patient alone, of whom nothing is told."""
_NOWHERE: Final = Source(0, "rehearsal", "")
STORED: Final = "SELECT released, stopped FROM examination WHERE id = %s"
Line = dict[str, Any]


class Rehearsed(NamedTuple):
    """What would be answered to one message."""

    order: Order | Unreadable
    lines: list[Line]
    """As ``gatekeeper decide`` writes them; none of what could not be read."""
    repeat: bool = False
    """The order has come before with the same content, and is not decided again."""


class Rehearsal(NamedTuple):
    tail: Tail
    answers: list[Rehearsed]


def rehearse(cursor: Cursor[Any], messages: Sequence[bytes], book: RuleBook, terms: Terms, *, patients: bool) -> Rehearsal:
    """What the gate would answer to these messages, were they to arrive now in this order: what one releases counts for the later ones.

    Unless ``patients``, the cases are decided without anything that is known of patients, prescribers and authorizations, so that
    no answer hangs on it; a line that nothing else stops is then told as ``not_told``.
    """
    tail = ledger.read_tail(cursor)
    rules = book.at(tail.now)
    asking = {program.name for program in rules.programs if program.patient_rule != "none"}
    if not patients:
        rules = Rules.of(tuple(program._replace(patient_rule="none") for program in rules.programs))
    arrivals = [read_arrival(Position(0, number), message, rules.programs) for number, message in enumerate(messages)]
    orders = [(arrival.position, arrival.order) for arrival in arrivals if isinstance(arrival.order, Order)]
    earlier, lines = _folded(cursor, arrivals, orders, tail, rules, terms)
    answered: list[Rehearsed] = []
    first: dict[tuple[Any, ...], list[Line]] = {}
    for arrival, judged in zip(arrivals, lines, strict=True):
        order = arrival.order
        if not isinstance(order, Order):
            answered.append(Rehearsed(_refused(order), []))
        elif judged is None:
            told = first.get(_name(order))
            answered.append(Rehearsed(order, told if told is not None else _stored(cursor, order, earlier, patients=patients), repeat=True))
        else:
            told = first[_name(order)] = judged if patients else [_without_patients(line, asking) for line in judged]
            answered.append(Rehearsed(order, told))
    return Rehearsal(tail, answered)


def _folded(
    cursor: Cursor[Any],
    arrivals: Sequence[Arrival],
    orders: list[tuple[Position, Order]],
    tail: Tail,
    rules: Rules,
    terms: Terms,
) -> tuple[Sequence[EarlierExamination], list[list[Line] | None]]:
    """What came before of the orders; and of each message its lines, or None for a repeat."""
    known = registry_says(cursor, orders, rules.programs, partial(guarded, _NOWHERE))
    names = [order.order_id for _, order in orders]
    earlier, events = (ledger.earlier(cursor, names), events_of(cursor, names)) if names else ([], [])
    fold = Fold(_NOWHERE, tail, rules, terms, known.said, earlier, events)
    fold.voidable = ledger.records(cursor, fold.superseded_records([order for _, order in orders]))
    out = [serial for row in fold.voidable.values() for serial in record_of(row.body).serials or ()]
    keep_books(cursor, fold, books_of(cursor, events, earlier, out))
    for arrival in arrivals:
        guarded(_NOWHERE, arrival.position, fold.take, arrival)
    lines: list[list[Line] | None] = [
        None if answer.kind == "repeat" else [line_document(line) for line in answer.lines] for answer in fold.answers
    ]
    return earlier, lines


def _name(order: Order) -> tuple[Any, ...]:
    return order.wholesaler_id, order.order_id, order.revision, order.digest


def _refused(order: Any) -> Unreadable:
    """Nobody sets a rehearsal aside."""
    return order if isinstance(order, Unreadable) else Unreadable({"": ["Cannot be read."]})


def _without_patients(line: Line, asking: Iterable[str]) -> Line:
    return line | {"outcome": NOT_TOLD} if line["outcome"] == RELEASED and line["program"] in asking else line


def _stored(cursor: Cursor[Any], order: Order, earlier: Iterable[EarlierExamination], *, patients: bool) -> list[Line]:
    """How the ledger answered the order's message when it came; nothing where reasons about patients could be among it."""
    if not patients:
        return []
    digest = bytes.fromhex(order.digest)
    for examination in earlier:
        name = examination.wholesaler_id, examination.order_id, examination.revision, examination.digest
        if examination.cause == "message" and name == (order.wholesaler_id, order.order_id, order.revision, digest):
            said = cursor.execute(STORED, (examination.id,)).fetchone() or ()
            lines = [line for body in said if body is not None for line in msgspec.json.decode(body)["lines"]]
            return sorted([_as_decided(line) for line in lines], key=lambda line: int(line["line"]))
    return []


def _as_decided(line: Line) -> Line:
    return {name: line.get(name) for name in ("line", "outcome", "program", "site_id")} | {"reasons": line.get("reasons", [])}
