"""The answer to an order, after the orders before it."""

from datetime import datetime
from typing import Any

from tests.oracle.case import Case
from tests.oracle.conditions import REASONS
from tests.oracle.history import History, LineAnswer, Order, Release, content, release_of, without_empty
from tests.oracle.products import product_of
from tests.oracle.registry import LEMTRADA, Fact, Known, Program, mode_on


def does_not_stop(code: str, mode: str) -> bool:
    """'Under mode `discretion` the site rules (`site_*`, `certification_*`, `recipient_class_not_allowed`,
    `administering_site_not_certified`, `identifier_invalid`) are evaluated and reported with `"stops": false`, and do not stop; all others
    do.'"""
    named = ("recipient_class_not_allowed", "administering_site_not_certified", "identifier_invalid")
    return mode == "discretion" and (code.startswith(("site_", "certification_")) or code in named)


def outcome_of(outcomes: list[str]) -> str:
    """'A line is blocked if any reason blocks, else held if any holds.'"""
    return "blocked" if "blocked" in outcomes else "held" if outcomes else "released"


def order_reasons(order: Order, history: History) -> list[str]:
    """'`order_superseded`, … `order_contradicts` … end the examination: every line, also of products that nobody restricts, gets those
    of them that apply, and no other reason.'"""
    earlier = [message for message, _ in history.of_order(order)]
    contradicts = any(message["revision"] == order["revision"] and message != order for message in earlier)
    superseded = any(message["revision"] > order["revision"] for message in earlier)
    return ["order_contradicts"] * contradicts + ["order_superseded"] * superseded


def answer_line(order: Order, line: dict[str, Any], known: Known, history: History) -> tuple[LineAnswer, Release | None]:
    """What becomes of a line, and the units and serials that it holds if it is released."""
    program, mode = known.program, mode_on(known)
    if mode == "ended":
        # 'Under `ended` nothing of the program applies, its watch included.' 'Where no program is in force, no product rule applies.'
        return LineAnswer("not_covered", [], None), None
    product = product_of(line["product"], program.rows, program.watched)
    if product.row is None:
        return LineAnswer("held" if product.codes else "not_covered", list(product.codes), None), None
    case = Case(order, line, known, history, product.row, product.codes)
    codes = [code for code, (_, holds) in REASONS.items() if holds(case)]
    outcome = outcome_of([REASONS[code][0] for code in codes if not does_not_stop(code, mode)])
    told_codes = [f"({code})" if does_not_stop(code, mode) else code for code in codes]
    release = release_of(order, line, program) if outcome == "released" else None
    return LineAnswer(outcome, told_codes, case.site["site_id"] if case.site else None), release


def answer(order: Order, facts: list[Fact], at: datetime, history: History, program: Program = LEMTRADA) -> list[LineAnswer]:
    """The lines of the answer to an order, one for each line in its order; the history then holds it, unless it is a repeat."""
    known, order = Known(without_empty(facts), at, program), content(order, program)
    for earlier, lines in history.of_order(order):
        if earlier == order:
            return lines  # 'the same content is a repeat, answered as that one was'
    codes = order_reasons(order, history)
    if codes:
        outcome = "blocked" if "order_superseded" in codes else "held"
        answered = [LineAnswer(outcome, codes, None) for _ in order["lines"]]
    else:
        answered = []
        for line in order["lines"]:
            line_answer, release = answer_line(order, line, known, history)
            answered.append(line_answer)
            history.releases += [release] if release else []
    history.messages.append((order, answered))
    return answered


def is_repeat(order: Order, history: History, program: Program = LEMTRADA) -> bool:
    """Whether a message with this content was answered before."""
    wanted = content(order, program)
    return any(earlier == wanted for earlier, _ in history.of_order(wanted))
