"""Orders judged on the days of a ledger, facts that are told later, and what a look-back found."""

from datetime import date, timedelta

import msgspec

from gatekeeper.following.findings import Finding
from gatekeeper.storage import tables
from tests.gate.following import follow
from tests.gate.ledger import NOON, WORLD, Ledger, Wire, authorization, order

HF1, PATIENT, PRESCRIBER = (
    next(fact for fact in WORLD if fact["fact"] == kind and fact.get(member) == name)
    for kind, member, name in (("site", "site_id", "HF1"), ("patient", "patient_id", "P-1"), ("prescriber", "prescriber_id", "PR-1"))
)
MANY = authorization("AU-MANY", 1000)


def on(day: int) -> str:
    """The date of the n-th day."""
    return (date(2026, 11, 20) + timedelta(days=day)).isoformat()


def told(fact: Wire, day: int, status: str, sequence: int = 5001) -> Wire:
    return fact | {"sequence": sequence, "effective_on": on(day), "status": status}


def judge_on(ledger: Ledger, day: int, *names: str, changes: Wire | None = None) -> None:
    """Judges orders on that day; the first of a day freshens the registry."""
    ledger.set_clock(NOON + timedelta(days=day))
    ledger.load(MANY, as_of=NOON + timedelta(days=day))
    ledger.judge(*(order(name, {"/lines/0/patient/authorization_id": "AU-MANY"} | (changes or {})) for name in names))
    follow(ledger)


def findings(ledger: Ledger) -> list[Finding]:
    return [msgspec.json.decode(row[3], type=Finding) for row in ledger.rows(tables.FINDING)]


def found(ledger: Ledger) -> list[tuple[str, list[str]]]:
    return [(finding.order_id, [reason.code for reason in finding.reasons]) for finding in findings(ledger)]
