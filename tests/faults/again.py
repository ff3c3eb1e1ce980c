"""Verdicts decided again: from their own row alone, and anew with what the registry says now."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from gatekeeper.domain.case import Case, Question
from gatekeeper.domain.ids import verdict_id
from gatekeeper.domain.questions import more_questions, questions
from gatekeeper.domain.records import records_for
from gatekeeper.domain.verdict import Verdict, decide
from gatekeeper.evidence import case_of, rules_said
from gatekeeper.judging.again import ExaminationRow, again
from gatekeeper.messages import Envelope, messages_for, written
from gatekeeper.storage import ledger
from gatekeeper.storage.lookups import ask

ROWS = """
SELECT id, wholesaler_id, order_id, revision, number, cause, decided_at, registry_version, evidence, released, stopped, block
FROM examination ORDER BY id
"""
HISTORY = frozenset({"order", "units", "serial"})
"""What a case asked of the ledger: an order's own earlier answer must not count when it is judged anew."""

Answered = tuple[bytes | None, bytes | None]


class Row(NamedTuple):
    """One examination, as the ledger has it."""

    id: int
    wholesaler_id: str
    order_id: str
    revision: int
    number: int
    cause: str
    decided_at: datetime
    registry_version: int
    evidence: bytes
    released: bytes | None
    stopped: bytes | None
    block: int

    @property
    def verdict_id(self) -> UUID:
        return verdict_id(self.wholesaler_id, self.order_id, self.revision, self.number)


def from_its_row(row: Row) -> Answered:
    """The released and the stopped message, decided again from what was kept."""
    decided = again(ExaminationRow(*row[1:9]), defaultdict(int))
    return decided.released, decided.stopped


def judged_anew(cursor: Cursor[Any], row: Row) -> tuple[Case, Verdict, int]:
    """The case with what the registry says now, its verdict, and the registry's version. What the ledger had counted stays as it was."""
    case, tail = case_of(row.evidence), ledger.read_tail(cursor)
    answers = dict(case.answers)
    answers |= _asked(cursor, questions(case.order, case.programs), answers)
    answers |= _asked(cursor, more_questions(case.order, case.programs, answers), answers)
    now = case._replace(answers=answers, at=tail.now)
    return now, decide(now), tail.registry_version


def _asked(cursor: Cursor[Any], asked: set[Question], kept: Mapping[Question, Any]) -> dict[Question, Any]:
    wanted = [question for question in asked if question not in kept or question[0] not in HISTORY]
    return {question: said.answer for question, said in ask(cursor, wanted).items()}


def differs_anew(cursor: Cursor[Any], row: Row) -> bool:
    """Whether the answer of a message would be another one now."""
    if row.cause != "message":
        return False
    before = decide(case_of(row.evidence))
    _, after, _ = judged_anew(cursor, row)
    return [(line.outcome, {reason.code for reason in line.reasons}) for line in before.lines] != [
        (line.outcome, {reason.code for reason in line.reasons}) for line in after.lines
    ]


def answered_with(anew: tuple[Case, Verdict, int], row: Row) -> Answered:
    """The messages of a verdict that was judged anew."""
    case, verdict, version = anew
    return _answered(case, verdict, row, written(case.at), version)


def _answered(case: Case, verdict: Verdict, row: Row, at: str, version: int) -> Answered:
    envelope = _envelope(row, at, version, rules_said(row.evidence))
    return messages_for(envelope, verdict.lines, records_for(case.order, verdict, row.verdict_id, row.number))


def _envelope(row: Row, at: str, version: int, programs: Any) -> Envelope:
    return Envelope(row.verdict_id, row.wholesaler_id, row.order_id, row.revision, row.number, at, version, programs)
