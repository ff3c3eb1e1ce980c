"""What a line says of very many sites: a few, and how many there are. Told in full on each of 200 lines, it would fit into no message."""

import json
from datetime import datetime

from gatekeeper.domain.case import Case
from gatekeeper.domain.verdict import decide
from gatekeeper.judging.known import Known
from gatekeeper.programs import load_programs
from gatekeeper.translate import fact_of, order_of
from schemas.reading import Unreadable, read_fact, read_order
from tests.labelled import GIVEN, change


def test_of_many_sites_a_few_are_shown() -> None:
    known, programs = Known(), load_programs()
    like = next(fact for fact in GIVEN["world"] if fact["fact"] == "site")
    alike = {"/identifiers": {"hin": ["5L2A3B4C5"]}, "/address": GIVEN["order"]["ship_to"]["address"]}
    for number in range(1000):
        fact = read_fact(json.dumps(change(like, alike | {"/site_id": f"HF-{number:04}"})).encode())
        assert not isinstance(fact, Unreadable)
        known.tell(fact_of(fact))
    wire = read_order(json.dumps(change(GIVEN["order"], {"/ship_to/rems_site_id": None, "/ship_to/hin": "5L2A3B4C5"})).encode())
    assert not isinstance(wire, Unreadable)
    (line,) = decide(Case(order_of(wire, programs), known, programs, datetime.fromisoformat("2026-11-20T15:00:00Z"))).lines
    (seen,) = [reason.evidence for reason in line.reasons if reason.code == "site_ambiguous"]
    assert (seen["count"], len(seen["address_agrees"])) == (1000, 20)
    assert seen["sites"] == [f"HF-{number:04}" for number in range(20)]
