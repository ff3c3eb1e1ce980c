"""What follows from a change: whatever hangs on it is found, and judged again, piece by piece beside the live orders."""

from typing import Any, Final

from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.clock import now
from gatekeeper.examinations.dependencies import answered_by
from gatekeeper.examinations.recording import Terms
from gatekeeper.feeds.overdue import alert_overdue
from gatekeeper.following import look_back
from gatekeeper.following.reexamination import judge_due
from gatekeeper.goods.unreported import end_watches
from gatekeeper.goods.unused import alert_unused
from gatekeeper.goods.waits import settle_waiting
from gatekeeper.registry.hearing import alert_missing, alert_stale, limits_of
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger, moving, waiting
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.moving import question_key

ORDERS_AT_ONCE: Final = 50
FACTS_AT_ONCE: Final = 1000
LINES_AT_ONCE: Final = 5000
EVERYTHING_EVERY: Final = 8
"""In every so many-th turn all that is due has a piece done, so that none of it waits for a quiet moment that may not come."""


def step(engine: Engine, book: RuleBook, terms: Terms, turn: int = 1, *, orders: int = ORDERS_AT_ONCE, facts: int = FACTS_AT_ONCE) -> bool:
    """Does a bounded piece of what is due, and says whether there was any. Killed at any moment, it has done each part of it or nothing.

    In this order: changed rules are noticed; what hangs on a single fact is found, first where facts take something back, and on what a
    snapshot takes back; lines whose watch is over leave it; events that wait for their order no longer are settled; lines are judged
    again; what hangs on a snapshot or on new rules is found; an alert is raised where facts are missing for too long, a registry is too
    old, records were not acknowledged in time, or vials did not come back that are soon to be returned; decisions already made are looked
    at by what became known later.
    What raises alerts and looks back comes when nothing else is due, and in every ``EVERYTHING_EVERY``-th ``turn``.
    """
    with transaction(engine) as cursor:
        at_once = notice_rules(cursor, book) or expand(cursor, book, facts, at_once=True)
        found = at_once or end_watches(cursor, terms.reports_shipments, LINES_AT_ONCE) or settle_waiting(cursor, book, terms)
    with transaction(engine) as cursor:
        # However many facts still come, what is due does not wait for them.
        done = judge_due(cursor, book, terms, orders) or found or expand(cursor, book, facts)
    if done and turn % EVERYTHING_EVERY:
        return True
    alerted = _alert(engine, book, terms)
    return look_back.step(engine, book.at(now()).programs) or alerted or done


def _alert(engine: Engine, book: RuleBook, terms: Terms) -> bool:
    known = {program.name for program in book.newest}
    if alert_missing(engine, known, terms.missing_facts_s) or alert_stale(engine, limits_of(book.at(now()).programs)):
        return True
    return alert_overdue(engine, book.newest, terms.acknowledged_h) or alert_unused(engine, book.newest, terms.unused_business_days)


def notice_rules(cursor: Cursor[Any], book: RuleBook) -> bool:
    """Where the rules in force are others than those by which lines were judged: everything that waits is judged again."""
    if moving.rules(cursor) == _digests(book, cursor):
        return False
    ledger.take_lock(cursor)
    tail = ledger.read_tail(cursor)
    moving.keep_rules(cursor, {name: said.sha256 for name, said in book.at(tail.now).said.items()})
    moving.follow(cursor, "rules", tail.examination)
    return True


def expand(cursor: Cursor[Any], book: RuleBook, facts: int, *, at_once: bool = False) -> bool:
    """Finds a part of what hangs on one change: what waits, and decisions already made. ``at_once``: of a single fact or event."""
    follow_up = waiting.next_follow_up(cursor, at_once=at_once)
    if follow_up is None:
        return False
    place = None
    if follow_up.load is not None:
        told = waiting.facts_after(cursor, follow_up, facts)
        if waiting.anything_waits(cursor, follow_up.through):
            questions = {question for fact in told for question in answered_by(fact.kind, fact.program, fact.subject, fact.body)}
            # Every order that a program touches asks for its mode: so many are gone through part by part.
            modes = {question for question in questions if question[0] == "mode"}
            for question in sorted(modes):
                moving.follow(cursor, "fact" if follow_up.cause == "stop" else follow_up.cause, follow_up.through, question=question)
            waiting.make_due(cursor, follow_up, map(question_key, questions - modes))
        programs = (*book.newest, *book.at(ledger.now(cursor)).programs)
        look_back.begin(cursor, programs, follow_up.load, follow_up.through, told)
        place = told[-1].id if len(told) == facts else None
    elif follow_up.question is not None:
        place = waiting.make_next_due(cursor, follow_up, LINES_AT_ONCE)
    elif follow_up.questions is not None:
        waiting.make_due(cursor, follow_up, follow_up.questions)
    else:
        place = waiting.make_everything_due(cursor, follow_up, LINES_AT_ONCE)
    waiting.go_on(cursor, follow_up, place)
    return True


def _digests(book: RuleBook, cursor: Cursor[Any]) -> dict[str, str]:
    return {name: said.sha256 for name, said in book.at(ledger.now(cursor)).said.items()}
