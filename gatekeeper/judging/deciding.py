"""``gatekeeper decide``: orders from a file, in their order, against a registry from a file. No database, no broker."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from msgspec.json import encode

from gatekeeper.domain.case import Case, Earlier, Question
from gatekeeper.domain.order import Order
from gatekeeper.domain.program import Program
from gatekeeper.domain.reasons import REASONS
from gatekeeper.domain.verdict import LineVerdict, Reason, decide, used_by
from gatekeeper.instants import instant_of
from gatekeeper.judging.known import Known
from gatekeeper.lines import message_of, read_lines
from gatekeeper.registry.snapshot import AHEAD_AT_MOST, open_snapshot
from gatekeeper.translate import fact_of, order_of
from schemas.fact import Heartbeat
from schemas.reading import Unreadable, read_order


class _Answered(NamedTuple):
    """How one message of an order was answered."""

    revision: int
    digest: str
    lines: list[dict[str, Any]]


class _Told(NamedTuple):
    """What became of an order so far: every answer, and what its released lines use up."""

    answers: list[_Answered]
    uses: list[tuple[Question, int | str]]


def load(path: Path, programs: tuple[Program, ...], at: datetime) -> Known:
    """What a snapshot file says. Without a header every program's registry counts as fresh."""
    known = Known()
    with open_snapshot(path, at) as (header, facts):
        for fact in facts:
            if not isinstance(fact, Heartbeat):
                known.tell(fact_of(fact))
            elif (as_of := instant_of(fact.as_of)) <= at + AHEAD_AT_MOST:
                known.tell_as_of(fact.program, as_of)
    if header is not None:
        known.tell_as_of(header.snapshot, instant_of(header.as_of))
    for program in programs if header is None else ():
        known.tell_as_of(program.name, at)
    return known


def answers(orders: BinaryIO, name: object, known: Known, programs: tuple[Program, ...], at: datetime) -> Iterator[bytes]:
    """One JSON line a message. What an order releases counts for the later ones; ``name`` is what the file is called."""
    told: dict[tuple[str, str], _Told] = {}
    for position, line in enumerate(read_lines(orders, name), 1):
        message = message_of(line)
        if message is None:
            continue
        wire = read_order(message)
        if isinstance(wire, Unreadable):
            yield encode({"refused": {"position": position, "problems": wire.problems}}) + b"\n"
        else:
            order = order_of(wire, programs)
            so_far = told.setdefault((order.wholesaler_id, order.order_id), _Told([], []))
            yield encode(_answer(order, so_far, known, programs, at)) + b"\n"


def line_document(judged: LineVerdict) -> dict[str, Any]:
    """A line's verdict as it is printed."""
    return {
        "line": judged.line,
        "outcome": judged.outcome,
        "program": judged.program,
        "site_id": judged.site_id,
        "reasons": [reason_document(reason) for reason in judged.reasons],
    }


def reason_document(reason: Reason) -> dict[str, Any]:
    """A reason with the words that belong to it."""
    text = REASONS[reason.code]
    return {
        "code": reason.code,
        "outcome": text.outcome,
        "stops": reason.stops,
        "text": text.sentence,
        "remedy": text.remedy,
        "evidence": reason.evidence,
    }


def _answer(order: Order, told: _Told, known: Known, programs: tuple[Program, ...], at: datetime) -> dict[str, Any]:
    head = {"order_id": order.order_id, "revision": order.revision}
    for before in told.answers:
        if (before.revision, before.digest) == (order.revision, order.digest):
            return {**head, "repeat": True, "lines": before.lines}
    if all(order.revision > before.revision for before in told.answers):
        # A higher revision withdraws what the lower ones released, whatever becomes of it.
        known.withdrawn(told.uses)
        told.uses.clear()
    verdict = decide(Case(order, known, programs, at))
    known.arrived(order.wholesaler_id, order.order_id, Earlier(order.revision, order.digest))
    uses = used_by(order, verdict)
    known.released(uses)
    told.uses.extend(uses)
    lines = [line_document(judged) for judged in verdict.lines]
    told.answers.append(_Answered(order.revision, order.digest, lines))
    return {**head, "lines": lines}
