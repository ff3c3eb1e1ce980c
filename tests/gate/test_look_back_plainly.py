"""What look-backs find, against a plain loop over everything that was ever released, which knows no dependencies."""

import json
from datetime import date
from random import Random

import pytest

from gatekeeper.domain.calendar import day_in
from gatekeeper.domain.questions import more_questions, questions
from gatekeeper.domain.verdict import decide
from gatekeeper.evidence import Asked, case_of
from gatekeeper.examinations.dependencies import answered_by
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.lookups import ask
from tests.gate.following import follow
from tests.gate.late import HF1, MANY, PATIENT, PRESCRIBER, judge_on, told
from tests.gate.ledger import Ledger, Wire
from tests.gate.test_look_back import whole
from tests.registry.conftest import telling
from tests.registry.telling import Telling

__all__ = ["telling"]

ZONE = "America/New_York"


@pytest.mark.parametrize("seed", range(6))
def test_what_is_found_is_what_a_plain_loop_over_everything_finds(ledger: Ledger, telling: Telling, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same every time
    cases: list[Wire] = [
        {}, {"/lines/0/lot": None}, {"/ship_to/rems_site_id": "HF4"}, {"/lines/0/patient/patient_id": "P-2"},
        {"/ship_to/npi": "1234567893"},
        {"/lines/1": {"line": 2, "product": {"ndc": "0002-7000-01"}, "quantity": 3}}, {"/lines/0/patient/prescriber_id": None},
    ]  # fmt: skip
    facts = [
        (HF1, ("suspended", "certified", "decertified")), (PATIENT, ("withdrawn", "enrolled")),
        (PRESCRIBER, ("decertified", "certified")), (MANY, ("cancelled", "authorized")),
    ]  # fmt: skip
    sequence = 5000
    for day in range(4):
        judge_on(ledger, day, *(f"SO-{day}-{number}" for number in range(3)), changes=random.choice(cases))
        for _ in range(random.randrange(3)):
            sequence += 1
            fact, statuses = random.choice(facts)
            fact = told(fact, random.randrange(-1, day + 2), random.choice(statuses), sequence)
            before = {row[:3] for row in ledger.rows(tables.FINDING)}
            telling.tell(fact)
            expected = plainly(ledger, fact)
            follow(ledger)
            assert {row[1:3] for row in ledger.rows(tables.FINDING) if row[:3] not in before} == expected
    assert whole(ledger)


def plainly(ledger: Ledger, fact: Wire) -> set[tuple[int, int]]:
    """Examination and line of everything ever released that asked about the fact, and would not be released by what is known now."""
    kind = fact["fact"]
    subject = fact[f"{kind}_id"]
    asked = set(answered_by(kind, "lemtrada", subject, json.dumps(fact).encode()))
    expected = set()
    for row in ledger.rows(tables.EXAMINATION):
        if row[5] not in ("message", "again") or row[10] is None:
            continue
        case = case_of(row[9])
        if day_in(case.at, ZONE) < date.fromisoformat(fact["effective_on"]) or not asked & set(case.answers):
            continue
        released = {line["line"] for line in json.loads(row[10])["lines"]}
        with transaction(ledger.engine) as cursor:
            first = ask(cursor, {question for question in questions(case.order, case.programs) if question[0] != "order"})
            more = ask(cursor, more_questions(case.order, case.programs, Asked(first)))
        then = {question: answer for question, answer in case.answers.items() if question[0] in ("order", "units", "serial")}
        then |= {("as_of", program.name): case.at for program in case.programs}
        answers = {question: said.answer for question, said in (first | more).items()} | then
        lines = decide(case._replace(answers=answers, watched=True)).lines
        expected |= {(row[0], line.line) for line in lines if line.line in released and line.outcome in ("held", "blocked")}
    return expected
