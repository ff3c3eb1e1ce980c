"""The gate: a batch of arrivals goes in, what the ledger has for each comes out, in one database transaction."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from psycopg import Cursor

from gatekeeper.arrivals import Answer, Arrival, Position, Source
from gatekeeper.domain.case import Question
from gatekeeper.domain.order import Order
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.examinations.asking import registry_says
from gatekeeper.examinations.beginning import begin, guarded
from gatekeeper.examinations.drafting import Drafts, Moment, draft
from gatekeeper.examinations.recording import TERMS, Terms
from gatekeeper.examinations.withdrawal import record_of
from gatekeeper.goods.grounds import books_of, keep_books
from gatekeeper.judging.fold import Fold
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage import ledger
from gatekeeper.storage.events import events_of
from gatekeeper.storage.lookups import NOTHING, Said, Stood


def judge(
    cursor: Cursor[Any], source: Source, arrivals: Sequence[Arrival], rules: Rules, terms: Terms = TERMS, book: RuleBook | None = None
) -> list[Answer]:
    """What the ledger has for each arrival, in their order. What was judged before is read back; nothing is decided twice.

    The caller commits, and publishes only then. ``rules`` are those by which the arrivals were read, of ``book`` where they have one.
    Raises ``Halt`` where going on could be wrong, ``TryAgain`` where the database's clock ran back, or other rules hold by now.
    """
    asking = partial(registry_says, cursor, programs=rules.programs, guarded=partial(guarded, source))
    ordered, known, drafts = _orders(arrivals), None, None
    try:
        # Before the lock, so that others do not wait for it.
        known = asking(ordered)
        drafts = None if known.stood is None else _drafts(source, arrivals, known.said, known.stood, rules, terms)
    except Halt:
        # By what may have been judged already, and is read back then: that is known under the lock.
        pass
    names = [order.order_id for _, order in ordered]
    (tail, _, _, counts, on_record, named), fresh, answers = begin(cursor, source, arrivals, names)
    if book is not None and book.at(tail.now) is not rules:
        raise TryAgain("Other rules hold than when the messages were read: they are read again.")
    if fresh:
        if known is None or not known.holds(tail.registry_version):
            # The registry changed while this waited for the lock: what it said before counts no longer.
            known, drafts = asking(_orders(fresh)), None
        said = known.said_now(cursor, tail.block)
        if drafts is not None and not drafts.may_count(tail, rules, book):
            drafts = None
        earlier, events = (ledger.earlier(cursor, names), events_of(cursor, names)) if on_record else ([], [])
        fold = Fold(source, tail if drafts is None else tail._replace(now=drafts.stood.at), rules, terms, said, earlier, events)
        fold.counts, fold.drafts = counts, {} if drafts is None else drafts.answers
        fold.voidable = ledger.records(cursor, fold.superseded_records([order for _, order in _orders(fresh)]))
        out = [serial for row in fold.voidable.values() for serial in record_of(row.body).serials or ()]
        if named:
            out += [serial for _, order in _orders(fresh) for line in order.lines for serial in line.serials]
        keep_books(cursor, fold, books_of(cursor, events, earlier, out))
        for arrival in fresh:
            guarded(source, arrival.position, fold.take, arrival)
        answers |= {answer.position: answer for answer in fold.write(cursor)}
    return [answers[arrival.position] for arrival in arrivals]


def _drafts(source: Source, arrivals: Iterable[Arrival], said: dict[Question, Said], stood: Stood, rules: Rules, terms: Terms) -> Drafts:
    """Each order judged as if nothing had come of it before, and nothing of the others."""
    moment = Moment(stood.at, stood.registry_version, rules, terms.watch_business_days, terms.reports_shipments)
    answers = {}
    for arrival in arrivals:
        order = arrival.order
        if isinstance(order, Order):
            said["order", order.wholesaler_id, order.order_id] = NOTHING
            answers[arrival.position] = guarded(source, arrival.position, draft, moment, source.number, arrival, order, said)
    return Drafts(stood, answers)


def _orders(arrivals: Iterable[Arrival]) -> list[tuple[Position, Order]]:
    return [(arrival.position, arrival.order) for arrival in arrivals if isinstance(arrival.order, Order)]
