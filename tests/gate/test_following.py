"""What is stopped is released when that may be, what was released is withdrawn when it may leave no more, and nothing else is touched."""

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.arrivals import Position
from gatekeeper.audit import Walked, walk
from gatekeeper.examinations.recording import Terms
from gatekeeper.following.steps import step
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.gate.following import HF1, LIFTED, SUSPENDED, Always, causes, codes, examinations, follow, states
from tests.gate.ledger import RULES, WORLD, Ledger, Wire, authorization, order, two_programs
from tests.gate.test_again import wrong
from tests.gate.test_answers import SCHEMAS
from tests.gate.test_revisions import SERIALS, STOPPED, revision, units


@pytest.fixture
def loaded(ledger: Ledger) -> Ledger:
    ledger.load(authorization("AU-MANY", 1000))
    follow(ledger)
    return ledger


def outbox(ledger: Ledger) -> list[tuple[Any, ...]]:
    return [row[1:6] for row in ledger.rows(tables.OUTBOX)]


def test_a_suspension_after_the_release_withdraws_and_says_so_once(loaded: Ledger) -> None:
    """Both messages with the reasons, an alert, after the release; the record stays, and the units and serials with it."""
    loaded.judge(order(changes=SERIALS))
    assert states(loaded) == ([], [("SO-1", 1, 1)])
    loaded.load(authorization("AU-MANY", 1000), SUSPENDED)
    assert follow(loaded) == 1
    assert follow(loaded) == 0

    (_, _, release, _), (cause, number, back, stopped) = examinations(loaded)
    assert (cause, number) == ("withdrawn", 2)
    assert [(line["line"], line["outcome"], line["record_ids"]) for line in back["lines"]] == [
        (1, "withdrawn", release["lines"][0]["record_ids"])
    ]
    assert (stopped["withdraws"], codes(stopped)) == (release["verdict_id"], [["site_suspended"]])
    SCHEMAS["shipments-released"].validate(back)
    SCHEMAS["shipments-stopped"].validate(stopped)
    raised = {row[1]: row[0] for row in loaded.rows(tables.ALERT)}
    assert raised.keys() == {"released_line_withdrawn", "look_back_finding"}
    assert outbox(loaded) == [(2, None, loaded.source.number, 0, 0), (None, raised["look_back_finding"], None, None, None)]
    assert (units(loaded), len(loaded.rows(tables.SERIAL)), len(loaded.rows(tables.DISTRIBUTION_RECORD))) == ({"AU-1": 5}, 5, 1)
    assert states(loaded) == ([("SO-1", 1, 1)], [])


def test_a_suspension_that_is_lifted_releases_again_with_the_same_record(loaded: Ledger) -> None:
    """Its own units and serials do not stand in the way of it, and stand in that of others still."""
    loaded.judge(order(changes=SERIALS))
    loaded.load(authorization("AU-MANY", 1000), SUSPENDED)
    follow(loaded)
    loaded.judge(order("SO-2", SERIALS))
    loaded.load(authorization("AU-MANY", 1000), LIFTED)
    follow(loaded)

    (_, _, first, _), _, (cause, number, released, stopped) = examinations(loaded)
    assert (cause, number, stopped) == ("again", 3, None)
    assert released["lines"] == first["lines"]
    assert (units(loaded), len(loaded.rows(tables.DISTRIBUTION_RECORD))) == ({"AU-1": 5}, 1)
    assert codes(examinations(loaded, "SO-2")[-1][3]) == [["serial_already_shipped", "authorization_exhausted"]]
    assert states(loaded) == ([("SO-2", 1, 1)], [("SO-1", 1, 1)])


@pytest.mark.parametrize(("renamed", "told"), [({}, []), ({"name": "Moved Center"}, [{"lines": [1]}])])
def test_a_record_that_says_something_else_by_now_is_told_of(loaded: Ledger, renamed: Wire, told: list[Wire]) -> None:
    """A line that is released again keeps its record; where that would be another now, a person must know."""
    loaded.judge(order(changes=SERIALS))
    for facts in (SUSPENDED, LIFTED | renamed):
        loaded.load(authorization("AU-MANY", 1000), facts)
        follow(loaded)

    alerts = [json.loads(row[3]) for row in loaded.rows(tables.ALERT) if row[1] == "live_record_differs"]
    assert [alert["evidence"] for alert in alerts] == told
    assert len(loaded.rows(tables.DISTRIBUTION_RECORD)) == 1


@pytest.mark.parametrize("lifted", [False, True])
def test_a_higher_revision_voids_the_record_of_a_line_that_was_withdrawn(loaded: Ledger, lifted: bool) -> None:  # noqa: FBT001
    """Once only; what was withdrawn already is not withdrawn again, and what the relay published the relay withdraws."""
    loaded.judge(order(changes=SERIALS))
    for facts in ([SUSPENDED], [LIFTED] if lifted else []):
        loaded.load(authorization("AU-MANY", 1000), *facts, world=[fact for fact in WORLD if fact is not HF1 or facts != [SUSPENDED]])
        if facts:
            follow(loaded)
    loaded.judge(revision(2, STOPPED), revision(3, STOPPED))

    assert causes(loaded) == ["message", "withdrawn", *["again"] * lifted, "superseded", "message", "message"]
    superseded = examinations(loaded)[2 + lifted]
    assert (superseded[2] is None, superseded[3] is None) == (not lifted, not lifted)
    assert [row[3] for row in loaded.rows(tables.DISTRIBUTION_RECORD)].count("void") == 1
    assert len(loaded.rows(tables.DISTRIBUTION_RECORD)) == 2
    assert (units(loaded), loaded.rows(tables.SERIAL)) == ({}, [])
    assert [row[0] for row in outbox(loaded) if row[0]] == ([2, 3, 4] if lifted else [2])


def test_what_the_relay_publishes_is_not_read_back(loaded: Ledger) -> None:
    loaded.judge(order())
    for fact in (SUSPENDED, LIFTED):
        loaded.load(authorization("AU-MANY", 1000), fact)
        follow(loaded)
    [answer] = loaded.judge(revision(2, STOPPED))
    assert [examined.stopped is not None for examined in answer.examinations] == [True]
    [again] = loaded.judge_at([(Position(0, 1), revision(2, STOPPED))])
    assert again.read_back
    assert again.examinations == answer.examinations


def test_a_site_that_was_unknown_clears_when_it_appears(loaded: Ledger) -> None:
    """Also where it was looked up in vain, by number or by an identifier."""
    new = HF1 | {"site_id": "NEW-1", "sequence": 950, "identifiers": {"account": ["WD-001:777"]}}
    many: Wire = {"/lines/0/patient/authorization_id": "AU-MANY", "/lines/0/patient/administering_site_id": "NEW-1"}
    loaded.judge(
        order("SO-1", {"/ship_to/rems_site_id": "NEW-1"}), order("SO-2", {"/ship_to/rems_site_id": None, "/ship_to/account": "777"} | many)
    )
    assert [codes(examinations(loaded, name)[-1][3])[0][0] for name in ("SO-1", "SO-2")] == ["site_unknown"] * 2
    loaded.load(authorization("AU-MANY", 1000), new)
    assert follow(loaded) == 2
    assert [codes(examinations(loaded, name)[-1][3]) for name in ("SO-1", "SO-2")] == [[["authorization_for_other_party"]]] * 2


def test_a_fact_about_another_site_touches_nothing(loaded: Ledger) -> None:
    """Neither do the same facts once more."""
    many: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
    loaded.judge(order(), *(order(f"SO-{n}", many | STOPPED) for n in range(2, 30)), order("SO-HF", {"/ship_to/rems_site_id": "HF3"}))
    hf3 = next(fact for fact in WORLD if fact.get("site_id") == "HF3")
    loaded.load(authorization("AU-MANY", 1000))
    assert follow(loaded) == 0
    loaded.load(authorization("AU-MANY", 1000), hf3 | {"sequence": 960, "effective_on": "2026-11-20", "name": "Other"})
    assert follow(loaded) == 1
    assert causes(loaded, "SO-HF") == ["message", "again"]


def test_units_that_a_revision_frees_release_the_next_in_line(loaded: Ledger) -> None:
    loaded.judge(order(), order("SO-2"), order("SO-3"))
    loaded.judge(revision(2, STOPPED))
    assert follow(loaded) == 2
    assert [examinations(loaded, name)[-1][2] is not None for name in ("SO-2", "SO-3")] == [True, False]
    assert codes(examinations(loaded, "SO-3")[-1][3]) == [["authorization_exhausted"]]
    assert units(loaded) == {"AU-1": 5}
    assert sorted(row[2:4] for row in loaded.rows(tables.DISTRIBUTION_RECORD)) == [(1, "original"), (2, "void"), (3, "original")]


def test_serials_that_a_revision_frees_release_who_waits_for_them(loaded: Ledger) -> None:
    many: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
    loaded.judge(order(changes=SERIALS | many), order("SO-2", SERIALS | many))
    loaded.judge(revision(2, STOPPED))
    follow(loaded)
    assert {row[2] for row in loaded.rows(tables.SERIAL)} == {"WD-001/SO-2/1/1"}


def test_a_lower_limit_withdraws_the_last_that_were_released(loaded: Ledger) -> None:
    """Of others only what was released before it counts against a line."""
    few: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
    loaded.judge(*(order(f"SO-{n}", few) for n in range(1, 5)))
    loaded.load(authorization("AU-MANY", 12) | {"sequence": 970})
    follow(loaded)
    assert [causes(loaded, f"SO-{n}")[1:] for n in range(1, 5)] == [[], [], ["withdrawn"], ["withdrawn"]]


def test_a_contradicted_order_is_released_by_no_fact(loaded: Ledger) -> None:
    """Which of the two is meant only a new revision can say."""
    loaded.judge(order(changes={"/ship_to/rems_site_id": "NEW-1"}), order(changes={"/lines/0/quantity": 4}))
    assert states(loaded) == ([], [])
    loaded.load(HF1 | {"site_id": "NEW-1", "sequence": 950})
    assert follow(loaded) == 0


def test_what_a_step_began_and_did_not_commit_is_as_if_it_had_not_begun(loaded: Ledger) -> None:
    """A process killed in any step leaves the ledger as it was before it; whoever comes next does the same again."""
    loaded.judge(*(order(f"SO-{n}", {"/lines/0/patient/authorization_id": "AU-MANY"}) for n in range(7)))
    loaded.load(authorization("AU-MANY", 1000), SUSPENDED)
    every = tables.METADATA.sorted_tables
    while True:
        before = {table.name: loaded.rows(table) for table in every}
        with pytest.raises(Killed), killing(loaded):
            step(loaded.engine, Always(RULES), Terms(), orders=2)
        assert {table.name: loaded.rows(table) for table in every} == before
        if not step(loaded.engine, Always(RULES), Terms(), orders=2):
            break
    assert [causes(loaded, f"SO-{n}") for n in range(7)] == [["message", "withdrawn"]] * 7


class Killed(Exception):  # noqa: N818
    """The process would have died here."""


class killing:  # noqa: N801
    """Within, each transaction is rolled back where it would be committed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __enter__(self) -> None:
        self._ledger.engine.dispose()
        with transaction(self._ledger.engine) as cursor:
            self._connection: Any = cursor.connection
        self._connection.commit = self._die

    def _die(self) -> None:
        raise Killed

    def __exit__(self, *_: object) -> None:
        self._ledger.engine.dispose()


@pytest.mark.parametrize("orders", [1, 3])
def test_steps_of_any_size_decide_the_same(loaded: Ledger, orders: int) -> None:
    many: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
    for name in ("A", "B"):
        loaded.judge(*(order(f"{name}-{n}", many | ({"/ship_to/rems_site_id": "NEW-1"} if n % 3 else {})) for n in range(9)))
    loaded.load(authorization("AU-MANY", 20) | {"sequence": 970}, SUSPENDED, HF1 | {"site_id": "NEW-1", "sequence": 950})
    follow(loaded, orders=orders, facts=orders)
    names = [f"{name}-{number}" for name in "AB" for number in range(9)]
    assert [causes(loaded, name)[1:] for name in names] == [["again" if int(name[2]) % 3 else "withdrawn"] for name in names]
    assert [row[0] for row in outbox(loaded) if row[0]] == list(range(19, 37))


def test_a_program_that_ships_whole_orders_withdraws_and_releases_them_whole(ledger: Ledger, tmp_path: Path) -> None:
    rules = two_programs(tmp_path)
    ledger.rules = type(rules).of(tuple(program._replace(whole_order=True) for program in rules.programs))
    second: Wire = {"/lines/1": {"line": 2, "product": {"ndc": "58468-0200-1"}, "quantity": 1, "expires_on": "2028-05-31", "lot": "Z-1",
                                 "patient": {"patient_id": "P-1", "authorization_id": "AU-MANY", "prescriber_id": "PR-1"}}}  # fmt: skip
    recall = {"fact": "recall", "program": "lemtrada", "sequence": 980, "effective_on": "2026-11-20", "ndc": "58468-0200-1", "lot": "Z-1"}
    ledger.load(authorization("AU-MANY", 1000))
    ledger.judge(order(changes=second))
    assert len(states(ledger)[1]) == 2
    ledger.load(authorization("AU-MANY", 1000), recall | {"status": "recalled"})
    follow(ledger)
    assert codes(examinations(ledger)[-1][3]) == [["other_line_stopped"], ["lot_recalled"]]
    ledger.load(authorization("AU-MANY", 1000), recall | {"status": "recalled"}, recall | {"status": "lifted", "sequence": 981})
    follow(ledger)
    assert [line["outcome"] for line in examinations(ledger)[-1][2]["lines"]] == ["released"] * 2
    assert len(ledger.rows(tables.DISTRIBUTION_RECORD)) == 2


def test_changed_rules_are_applied_to_what_waits(loaded: Ledger) -> None:
    """Stopped and released lines alike; by the same rules nothing is judged again."""
    loaded.judge(order(), order("SO-2", STOPPED))
    strict = type(RULES).of(tuple(program._replace(classes=("pharmacy",), sha256="0" * 64, version="2") for program in RULES.programs))
    assert follow(loaded) == 0
    assert follow(loaded, book=Always(strict)) == 2
    assert causes(loaded) == ["message", "withdrawn"]
    assert codes(examinations(loaded)[-1][3]) == [["recipient_class_not_allowed"]]


def test_examinations_of_every_kind_are_decided_again_from_their_rows(loaded: Ledger) -> None:
    """Released again with the record that it had, withdrawn for several reasons, stopped again, voided when it was withdrawn already."""
    many: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
    mixed = many | {"/lines/1": {"line": 2, "product": {"ndc": "58468-0200-1"}, "quantity": 1}}
    loaded.judge(order(changes=SERIALS), order("SO-2", mixed), order("SO-3", STOPPED), order("SO-4", many), order("SO-5"))
    for facts in ([SUSPENDED], [LIFTED], [SUSPENDED, authorization("AU-MANY", 7) | {"sequence": 970}]):
        loaded.load(*facts, *([] if len(facts) > 1 else [authorization("AU-MANY", 1000)]))
        follow(loaded)
    loaded.judge(revision(2), revision(2, STOPPED, "SO-2"))
    follow(loaded)
    assert {row[5] for row in loaded.rows(tables.EXAMINATION)} == {"message", "again", "withdrawn", "superseded"}
    assert any(row[5] == "superseded" and row[10] is None for row in loaded.rows(tables.EXAMINATION))
    assert wrong(loaded) == []
    with transaction(loaded.engine) as cursor:
        assert isinstance(walk(cursor.connection), Walked)


def test_what_a_released_line_came_to_hang_on_later_withdraws_it_too(loaded: Ledger) -> None:
    """Its authorization names another prescriber by now, and that one is decertified."""
    prescriber: Wire = {"fact": "prescriber", "program": "lemtrada", "effective_on": "2026-11-01", "prescriber_id": "PR-NEW"}
    other = [authorization("AU-1", 5) | {"sequence": 970, "prescriber_id": "PR-NEW"}, prescriber | {"sequence": 971, "status": "certified"}]
    loaded.judge(order(changes={"/lines/0/patient/prescriber_id": None}))
    loaded.load(*other)
    assert follow(loaded) == 0
    loaded.load(*other, prescriber | {"sequence": 972, "status": "decertified"})
    assert follow(loaded) == 1
    assert codes(examinations(loaded)[-1][3]) == [["prescriber_not_certified"]]
