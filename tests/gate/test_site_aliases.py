"""A site alias in the ledger: proposed, approved by another person, used by verdicts, withdrawn; and what each step leaves."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from gatekeeper.arrivals import Answer
from gatekeeper.audit import Walked, walk
from gatekeeper.evidence import case_of
from gatekeeper.examinations.dependencies import answered_by
from gatekeeper.people.access import Person
from gatekeeper.registry import site_aliases
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.lookups import ask
from gatekeeper.storage.moving import question_key
from schemas.order import Address
from schemas.site_alias import SiteAliasProposal
from tests.gate.following import codes, examinations, follow
from tests.gate.ledger import NOON, RULES, Ledger, order
from tests.gate.test_again import wrong

ANNA, BERT = Person("u-1", "Anna"), Person("u-2", "Bert")
PAVILION = Address(street="First Pavilion", city="Boston", state="MA", postal_code="02110")
SAID = SiteAliasProposal(
    program="lemtrada", site_id="HF1", wholesaler_id="WD-001", address=PAVILION, through=date(2027, 3, 1), evidence="Their letter."
)
ACCOUNT = SiteAliasProposal(
    program="lemtrada", site_id="HF1", wholesaler_id="WD-001", account="777", through=date(2027, 3, 1), evidence="Their invoice."
)
THERE = {"/ship_to/address": json.loads(json.dumps({"street": "FIRST PAVILION", "city": "X", "state": "NY", "postal_code": "02110-9"}))}
BY_ACCOUNT = {"/ship_to/rems_site_id": None, "/ship_to/account": "777"}


def approved(ledger: Ledger, said: SiteAliasProposal = SAID) -> str:
    name = site_aliases.propose(ledger.engine, said, ANNA, RULES.programs).alias_id
    return site_aliases.approve(ledger.engine, name, "Seen too.", BERT, RULES.programs).alias_id


def line_of(answer: Answer) -> dict[str, Any]:
    (examined,) = answer.examinations
    (line,) = json.loads(examined.released or examined.stopped or b"")["lines"]
    found: dict[str, Any] = line
    return found


def told(ledger: Ledger, order_id: str, changes: dict[str, Any]) -> tuple[str, list[str], list[str]]:
    """Outcome, reasons and aliases of an order's one line."""
    line = line_of(*ledger.judge(order(order_id, changes)))
    return line["outcome"], [reason["code"] for reason in line.get("reasons", [])], line.get("site_alias", [])


@pytest.fixture
def loaded(ledger: Ledger) -> Iterator[Ledger]:
    ledger.load()
    yield ledger
    with transaction(ledger.engine) as cursor:
        assert isinstance(walk(cursor.connection), Walked)


def test_it_counts_from_its_approval_until_it_is_withdrawn(loaded: Ledger) -> None:
    proposed = site_aliases.propose(loaded.engine, SAID, ANNA, RULES.programs)
    assert told(loaded, "SO-1", THERE) == ("held", ["site_address_disagrees"], [])
    site_aliases.approve(loaded.engine, proposed.alias_id, "Seen too.", BERT, RULES.programs)
    assert told(loaded, "SO-2", THERE) == ("released", [], [proposed.alias_id])
    assert told(loaded, "SO-3", THERE | {"/wholesaler_id": "WD-002"}) == (
        "held",
        ["site_address_disagrees", "authorization_exhausted"],
        [],
    )
    site_aliases.withdraw(loaded.engine, proposed.alias_id, "They moved.", ANNA, RULES.programs)
    assert told(loaded, "SO-4", THERE | {"/lines/0/quantity": 1})[1][0] == "site_address_disagrees"
    assert wrong(loaded) == []


def test_it_counts_to_the_end_of_its_last_day(loaded: Ledger) -> None:
    approved(loaded, replace(SAID, through=date(2026, 11, 20)))
    loaded.set_clock(datetime(2026, 11, 21, 4, 59, 59, 999000, tzinfo=UTC))
    assert told(loaded, "SO-1", THERE)[0] == "released"
    loaded.set_clock(datetime(2026, 11, 21, 5, tzinfo=UTC))
    assert "site_address_disagrees" in told(loaded, "SO-2", THERE)[1]


def test_an_account_finds_the_site(loaded: Ledger) -> None:
    assert told(loaded, "SO-1", BY_ACCOUNT)[1][0] == "site_unknown"
    name = approved(loaded, ACCOUNT)
    assert told(loaded, "SO-2", BY_ACCOUNT) == ("released", [], [name])
    assert told(loaded, "SO-3", BY_ACCOUNT | {"/wholesaler_id": "WD-002"})[1][0] == "site_unknown"
    site_aliases.withdraw(loaded.engine, name, "It was closed.", BERT, RULES.programs)
    assert told(loaded, "SO-4", BY_ACCOUNT)[1][0] == "site_unknown"
    assert wrong(loaded) == []


def test_a_site_that_is_not_certified_stays_stopped(loaded: Ledger) -> None:
    name = approved(loaded, replace(SAID, site_id="HF3"))
    assert told(loaded, "SO-1", THERE | {"/ship_to/rems_site_id": "HF3"}) == (
        "blocked",
        ["site_suspended", "authorization_for_other_party"],
        [name],
    )


def test_both_times_hold(loaded: Ledger) -> None:
    """What was known of it, and when: the batches say when, the fact and its presence from and until when."""
    name = approved(loaded)
    loaded.set_clock(NOON + timedelta(days=2))
    site_aliases.withdraw(loaded.engine, name, "They moved.", BERT, RULES.programs)
    (fact,) = [row for row in loaded.rows(tables.FACT) if row[2] == "site_alias"]
    assert fact[3:7] == ("lemtrada", "HF1", 0, date(2026, 11, 20))
    assert json.loads(fact[7]) == {
        "fact": "site_alias", "alias_id": name, "program": "lemtrada", "site_id": "HF1", "wholesaler_id": "WD-001",
        "effective_on": "2026-11-20", "through": "2027-03-01",
        "address": {"street": "First Pavilion", "city": "Boston", "state": "MA", "postal_code": "02110"},
    }  # fmt: skip
    batches = loaded.rows(tables.REGISTRY_BATCH)
    assert [(row[1], row[2], row[3], row[5]) for row in batches] == [(2, "local", 1, NOON), (3, "local", 0, NOON + timedelta(days=2))]
    assert fact[1] == batches[0][0]
    assert loaded.rows(tables.FACT_PRESENCE) == [(fact[0], batches[1][0], date(2026, 11, 22), False)]
    question = ("alias", "HF1")
    with transaction(loaded.engine) as cursor:
        (alias,) = ask(cursor, [question])[question].answer
    assert (alias.effective_on, alias.through, alias.until) == (date(2026, 11, 20), date(2027, 3, 1), date(2026, 11, 22))


def test_a_snapshot_leaves_it_alone(loaded: Ledger) -> None:
    name = approved(loaded, ACCOUNT)
    before = [row for row in loaded.rows(tables.FACT) if row[2] == "site_alias"]
    loaded.load()
    assert [row for row in loaded.rows(tables.FACT) if row[2] == "site_alias"] == before
    assert loaded.rows(tables.FACT_PRESENCE) == []
    assert told(loaded, "SO-1", BY_ACCOUNT) == ("released", [], [name])


@pytest.mark.parametrize(("said", "changes"), [(SAID, THERE), (ACCOUNT, BY_ACCOUNT)])
def test_what_it_could_clear_is_found_again(loaded: Ledger, said: SiteAliasProposal, changes: dict[str, Any]) -> None:
    """The stopped line hangs on a question that the fact answers; the change has the last examination that may hang on it."""
    told(loaded, "SO-1", changes)
    name = approved(loaded, said)
    (fact,) = [row for row in loaded.rows(tables.FACT) if row[2] == "site_alias"]
    hanging = {row[0] for row in loaded.rows(tables.DEPENDENCY) if row[1] == 1}
    assert hanging & {question_key(question) for question in answered_by(fact[2], fact[3], fact[4], fact[7])}
    site_aliases.withdraw(loaded.engine, name, "They moved.", BERT, RULES.programs)
    loads = [row[0] for row in loaded.rows(tables.REGISTRY_BATCH)]
    follow_ups = [row[1:] for row in loaded.rows(tables.FOLLOW_UP) if row[1] == "alias"]
    assert follow_ups == [("alias", load, None, 0, 1, None) for load in loads]


def test_a_verdict_without_it_keeps_no_more_evidence(loaded: Ledger) -> None:
    approved(loaded)
    approved(loaded, ACCOUNT)
    told(loaded, "SO-1", {})
    told(loaded, "SO-2", THERE)
    asked = [set(case_of(row[9]).answers) for row in loaded.rows(tables.EXAMINATION)]
    assert [("alias", "HF1") in questions for questions in asked] == [False, True]


@pytest.mark.parametrize(("said", "changes", "code"), [(SAID, THERE, "site_address_disagrees"), (ACCOUNT, BY_ACCOUNT, "site_unknown")])
def test_what_it_clears_is_released_and_what_it_released_is_withdrawn(
    loaded: Ledger, said: SiteAliasProposal, changes: dict[str, Any], code: str
) -> None:
    follow(loaded)
    loaded.judge(order("SO-1", changes), order("SO-2", {"/ship_to/rems_site_id": "HF3"}))
    name = approved(loaded, said)
    assert follow(loaded) == 1
    (_, _, _, stopped), (cause, number, released, _) = examinations(loaded)[:2]
    assert codes(stopped)[0][0] == code
    assert (cause, number, [(line["outcome"], line["site_alias"]) for line in released["lines"]]) == ("again", 2, [("released", [name])])
    site_aliases.withdraw(loaded.engine, name, "They moved.", ANNA, RULES.programs)
    follow(loaded)
    cause, number, back, stopped = examinations(loaded)[-1]
    assert (cause, number, [line["outcome"] for line in back["lines"]]) == ("withdrawn", 3, ["withdrawn"])
    assert codes(stopped)[0][0] == code
    assert wrong(loaded) == []


def test_when_its_last_day_is_over_what_it_released_is_withdrawn(loaded: Ledger) -> None:
    approved(loaded, replace(SAID, through=date(2026, 11, 21)))
    follow(loaded)
    loaded.judge(order("SO-1", THERE))
    loaded.set_clock(datetime(2026, 11, 22, 4, 59, 59, tzinfo=UTC))
    assert follow(loaded) == 0
    loaded.set_clock(datetime(2026, 11, 22, 5, tzinfo=UTC))
    assert follow(loaded) == 1
    cause, _, _, stopped = examinations(loaded)[-1]
    assert (cause, codes(stopped)) == ("withdrawn", [["site_address_disagrees"]])
