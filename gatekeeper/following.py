"""What follows from a change: whatever hangs on it is found, and judged again, piece by piece beside the live orders."""

from typing import Any, Final

from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.dependencies import answered_by
from gatekeeper.recording import Terms
from gatekeeper.reexamination import judge_due
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger, moving, waiting
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.moving import question_key

ORDERS_AT_ONCE: Final = 50
FACTS_AT_ONCE: Final = 1000
LINES_AT_ONCE: Final = 5000


def step(engine: Engine, book: RuleBook, terms: Terms, *, orders: int = ORDERS_AT_ONCE, facts: int = FACTS_AT_ONCE) -> bool:
    """Does one bounded piece of what is due, and says whether there was any. Killed at any moment, it has done the piece or nothing.

    In this order: changed rules are noticed; what hangs on a change is found; lines whose watch is over leave it; lines are judged again.
    """
    with transaction(engine) as cursor:
        found = notice_rules(cursor, book) or expand(cursor, facts) or waiting.unwatch(cursor, LINES_AT_ONCE) > 0
    if found:
        return True
    with transaction(engine) as cursor:
        return judge_due(cursor, book, terms, orders)


def notice_rules(cursor: Cursor[Any], book: RuleBook) -> bool:
    """Where the rules in force are others than those by which lines were judged: everything that waits is judged again."""
    if moving.rules(cursor) == _digests(book, cursor):
        return False
    ledger.take_lock(cursor)
    tail = ledger.read_tail(cursor)
    moving.keep_rules(cursor, {name: said.sha256 for name, said in book.at(tail.now).said.items()})
    moving.follow(cursor, "rules", tail.examination)
    return True


def expand(cursor: Cursor[Any], facts: int) -> bool:
    """Finds a part of what hangs on one change."""
    follow_up = waiting.next_follow_up(cursor)
    if follow_up is None:
        return False
    place = None
    if follow_up.load is not None:
        told = waiting.facts_after(cursor, follow_up, facts)
        if waiting.anything_waits(cursor, follow_up.through):
            waiting.make_due(
                cursor,
                follow_up,
                {question_key(question) for fact in told for question in answered_by(fact.kind, fact.program, fact.subject, fact.body)},
            )
        place = told[-1].id if len(told) == facts else None
    elif follow_up.question is not None:
        waiting.make_due(cursor, follow_up, [follow_up.question])
    else:
        place = waiting.make_everything_due(cursor, follow_up, LINES_AT_ONCE)
    waiting.go_on(cursor, follow_up, place)
    return True


def _digests(book: RuleBook, cursor: Cursor[Any]) -> dict[str, str]:
    return {name: said.sha256 for name, said in book.at(ledger.now(cursor)).said.items()}
