"""Rules on real storage: a program that is a file and nothing else, several at once, and a change of rules while a batch is read."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gatekeeper.arrivals import Answer, Position, read_arrival
from gatekeeper.errors import TryAgain
from gatekeeper.gate import judge
from gatekeeper.programs import BUILT_IN, MORE
from gatekeeper.registry.lacking import lacking
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import transaction
from tests.gate.ledger import NOON, RULES, WORLD, Ledger, Wire, order
from tests.registry.telling import Telling, heartbeat

BRIVIACTA = """
name = "briviacta"
version = "7"
in_force_from = 2026-11-01
time_zone = "America/Los_Angeles"
classes = ["dispensing_prescriber"]
certification_years = 3
transit_days = 2
registry_age_limit_hours = 48
ship_date_limit_days = 3
patient_rule = "present"
whole_order = false
feed_cadence = "weekly"
return_window_business_days = 0
watched = ["99999-100"]

[[packages]]
ndc = "99999-100-01"
name = "BRIVIACTA 1 g"
unit = "syringe"
units = { syringe = 1, box = 6 }
"""
"""A program that nobody has heard of."""
LINE: Wire = {
    "line": 2, "product": {"ndc": "99999-0100-01"}, "quantity": 2, "unit": "box", "expires_on": "2028-01-01", "lot": "B1",
    "patient": {"patient_id": "P-9"},
}  # fmt: skip
FACILITY: Wire = next(fact for fact in WORLD if fact.get("site_id") == "HF1")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with the built-in rules and one more file."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "lemtrada.toml").write_bytes((BUILT_IN / "lemtrada.toml").read_bytes())
    (folder / "briviacta.toml").write_text(BRIVIACTA, encoding="utf-8")
    return folder


def told(answer: Answer) -> list[str]:
    return [" ".join([line.outcome, *(reason.code for reason in line.reasons)]) for line in answer.lines]


def test_a_program_is_a_file_and_nothing_else(ledger: Ledger, rules: Path) -> None:
    """Each line by its own registry: its site, its class, its freshness, its mode."""
    ledger.rules = RuleBook.read(rules).at(NOON)
    ledger.load()
    both = {"/lines/1": LINE}
    [held] = ledger.judge(order("SO-1", both))
    assert told(held) == ["released", "blocked registry_stale site_of_other_program"]

    site = FACILITY | {"program": "briviacta"}
    ledger.load(site | {"class": "dispensing_prescriber"}, world=[], program="briviacta", as_of=NOON - timedelta(hours=47))
    [released] = ledger.judge(order("SO-2", both | {"/lines/0/quantity": 1, "/lines/0/patient/authorization_id": "AU-404"}))
    assert told(released) == ["held authorization_unknown", "released"]
    [record] = [record for examined in released.examinations for record in examined.records]
    assert b'"program":"briviacta"' in record.body


def test_a_mode_and_its_day(ledger: Ledger, rules: Path) -> None:
    ledger.rules = RuleBook.read(rules).at(NOON)
    ended = {"fact": "program", "program": "briviacta", "sequence": 9, "effective_on": "2026-11-21", "mode": "ended"}
    ledger.load(FACILITY | {"program": "briviacta"}, ended, world=[], program="briviacta")
    ledger.load()
    ledger.set_clock(datetime.fromisoformat("2026-11-20T23:59:59-08:00"))
    [before] = ledger.judge(order("SO-1", {"/lines/1": LINE, "/lines/0/quantity": 1}))
    ledger.set_clock(datetime.fromisoformat("2026-11-21T00:00:00-08:00"))
    [after] = ledger.judge(order("SO-2", {"/lines/1": LINE, "/lines/0/quantity": 1}))
    assert told(before) == ["released", "blocked recipient_class_not_allowed"]
    assert told(after) == ["released", "not_covered"]


def test_rules_that_change_before_the_batch_is_judged(ledger: Ledger, rules: Path) -> None:
    """What was read by the rules of before is not judged by those of now: it is read again."""
    text = BRIVIACTA.replace('"7"', '"8"').replace("2026-11-01", "2026-11-21").replace("dispensing_prescriber", "healthcare_facility")
    (rules / "later.toml").write_text(text, encoding="utf-8")
    book = RuleBook.read(rules)
    midnight = datetime.fromisoformat("2026-11-21T00:00:00-08:00")
    assert book.next_change(midnight - timedelta(hours=1)) == midnight
    ledger.load(FACILITY | {"program": "briviacta"}, world=[], program="briviacta")
    ledger.set_clock(midnight)

    def judged(at: datetime) -> list[Answer]:
        in_force = book.at(at)
        arrival = read_arrival(Position(0, 0), order("SO-1", {"/lines/0": LINE | {"line": 1}}), in_force.programs)
        with transaction(ledger.engine) as cursor:
            return judge(cursor, ledger.source, [arrival], in_force, book=book)

    with pytest.raises(TryAgain, match="read again"):
        judged(midnight - timedelta(seconds=1))
    [answer] = judged(midnight)
    assert told(answer) == ["released"]
    assert b'"briviacta":{"version":"8"' in (answer.examinations[0].released or b"")


def test_what_the_registries_do_not_give(ledger: Ledger, rules: Path) -> None:
    (rules / "isotretinoin.toml").write_bytes((MORE / "isotretinoin.toml").read_bytes())
    programs = RuleBook.read(rules).at(NOON).programs
    ledger.load(FACILITY)
    with transaction(ledger.engine) as cursor:
        nothing = lacking(cursor, programs)
    assert nothing == [
        "No snapshot of briviacta has been loaded: every line of its products is held.",
        "No snapshot of isotretinoin has been loaded: every line of its products is held.",
    ]


def test_authorizations_are_asked_for_and_there_are_none(ledger: Ledger, rules: Path) -> None:
    ledger.load(FACILITY, world=[])
    programs = RuleBook.read(rules).at(NOON).programs
    with transaction(ledger.engine) as cursor:
        _, sentence = lacking(cursor, programs)
    assert sentence.startswith("The rules of lemtrada ask for authorizations and its registry holds none: every line")
    ledger.load()
    with transaction(ledger.engine) as cursor:
        assert len(lacking(cursor, programs)) == 1


def test_a_registry_that_is_too_old_or_not_whole(ledger: Ledger, tmp_path: Path) -> None:
    ledger.load()
    telling = Telling(ledger, tmp_path)
    telling.tell(heartbeat(1003, "2026-11-20T17:00:00Z"), heartbeat(1006, "2026-11-20T17:00:00Z"))

    def said(at: datetime) -> list[str]:
        ledger.set_clock(at)
        with transaction(ledger.engine) as cursor:
            return lacking(cursor, RULES.programs)

    missing = "Missing in the sequence of lemtrada: 1001 to 1002, 1004 to 1005 (4 in all)."
    assert said(NOON + timedelta(hours=24)) == [missing]
    old = (
        "The registry of lemtrada speaks as of 2026-11-20T17:00:00.000Z, longer ago than its 24 hours: every line of its products is held."
    )
    assert said(NOON + timedelta(hours=24, milliseconds=1)) == [old, missing]
