"""No vial stands in two live records, also while the record of a superseded line waits for the word that its goods stayed."""

from typing import Any

import pytest

from gatekeeper.feeds import voiding
from gatekeeper.feeds.correcting import approve, propose
from gatekeeper.gate import judge
from gatekeeper.goods import bypasses
from gatekeeper.goods.bypasses import read_completion
from gatekeeper.people.access import Person
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from schemas.correction import RecordChanges
from tests.feed.rems import Rems, acknowledgement
from tests.gate.following import Always, causes
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.shelves import alerts, live, records, shelves
from tests.gate.test_again import wrong
from tests.gate.test_answers import SCHEMAS
from tests.gate.test_balance import assert_uses
from tests.gate.test_events import MANY
from tests.gate.test_records_live import EARLY, FIVE, LATE, SERIALISED, returned, shipped
from tests.gate.test_revisions import revision
from tests.gate.test_serials_out import balanced, owner
from tests.gate.warehouse import REPORTING, Warehouse, event
from tests.storage.test_migrations import upgrade

ANN, BOB = Person("u-1", "Ann"), Person("u-2", "Bob")
ONE: Wire = MANY | {"/lines/0/serials": ["A"], "/lines/0/quantity": 1}
ELSEWHERE: Wire = {"/wholesaler_id": "WD-002"}


@pytest.fixture
def warehouse(ledger: Ledger) -> Warehouse:
    """SO-1 has five vials; its second revision has none of them, and is held: nobody has said that those of the first stayed."""
    ledger.load(authorization("AU-MANY", 1000))
    reporting = Warehouse(ledger, REPORTING)
    reporting.judge(order("SO-1", SERIALISED), revision(2, MANY))
    return reporting


def kinds(ledger: Ledger, order_id: str = "SO-1", number: int = 1) -> list[str]:
    return [each["kind"] for each in records(ledger) if (each["order_id"], each["revision"]) == (order_id, number)]


def named(ledger: Ledger) -> set[str]:
    """The serials that the live record of SO-1 names and its first revision does not hold."""
    return {serial for serial, _, place in ledger.rows(tables.NAMED_SERIAL) if place == "WD-001/SO-1/1/1"}


def relayed(warehouse: Warehouse) -> list[tuple[str, Any]]:
    """What the relay publishes of records: of which order, and what it waits for."""
    return [(body["order_id"], sent.after) for sent in warehouse.outbox() for topic, body in sent.said if topic == "distribution-records"]


@pytest.mark.parametrize("other", [{}, ELSEWHERE])
def test_who_is_released_with_a_serial_of_a_superseded_line_takes_it_out_of_that_ones_record(warehouse: Warehouse, other: Wire) -> None:
    """The same record without serials takes its place, after the answer to its order's last message; of another wholesaler too."""
    ledger = warehouse.ledger
    assert (kinds(ledger), named(ledger), ledger.rows(tables.SERIAL)) == (["original"], set(FIVE), [])
    [_, last] = [row[1:3] for row in ledger.rows(tables.ARRIVAL)]
    warehouse.judge(order("SO-2", ONE | other))
    first, mine, given_up = records(ledger)
    SCHEMAS["distribution-records"].validate(given_up)
    assert {name for name in first if given_up.get(name) != first[name]} == {"record_id", "sequence", "kind", "replaces", "serials"}
    assert (given_up["kind"], given_up["replaces"], "serials" in given_up) == ("correction", first["record_id"], False)
    assert mine["serials"] == ["A"]
    assert relayed(warehouse) == [("SO-1", (ledger.source.number, *last))]
    assert causes(ledger) == ["message", "superseded", "message", "given_up"]
    assert (named(ledger), owner(warehouse, "A"), owner(warehouse, "B")) == (set(), "SO-2", None)
    balanced(warehouse)


def test_where_nothing_is_in_two_records_a_revision_makes_no_record_more(warehouse: Warehouse) -> None:
    """Others' vials, those of the order's own next revision, and those of other goods with the same numbers."""
    ledger = warehouse.ledger
    lumizyme = {"/lines/0/serials": ["A"], "/lines/0/quantity": 1}
    warehouse.judge(order("SO-2", ONE | {"/lines/0/serials": ["Z"]}), order("SO-3", SERIALISED | lumizyme | {"/lines/0/patient": None}))
    warehouse.judge(order("SO-1", SERIALISED | {"/revision": 3}))
    assert kinds(ledger) == ["original"]
    warehouse.tell(event("cancelled"))
    warehouse.follow()
    assert (kinds(ledger), kinds(ledger, number=3)) == (["original", "void"], ["original"])
    assert (named(ledger), owner(warehouse, "A")) == (set(), "SO-1")
    balanced(warehouse)


def test_in_one_batch_too(ledger: Ledger) -> None:
    """Released, superseded, and its vials released to others, whom a higher revision supersedes at once: of the third one."""
    ledger.load(authorization("AU-MANY", 1000))
    warehouse = Warehouse(ledger, REPORTING)
    told = [order("SO-1", SERIALISED), revision(2, MANY), order("SO-2", ONE), revision(2, MANY, "SO-2"), order("SO-3", ONE)]
    with transaction(ledger.engine) as cursor:
        judge(cursor, ledger.source, ledger.arrivals(*told), ledger.rules, REPORTING)
    assert [(each["order_id"], each["kind"], each.get("serials")) for each in records(ledger)] == [
        ("SO-1", "original", FIVE), ("SO-2", "original", ["A"]), ("SO-1", "correction", None),
        ("SO-3", "original", ["A"]), ("SO-2", "correction", None),
    ]  # fmt: skip
    at = dict(relayed(warehouse))
    assert {name: after and after[2] for name, after in at.items()} == {"SO-1": 1, "SO-2": 3}
    assert (ledger.rows(tables.NAMED_SERIAL), owner(warehouse, "A")) == ([], "SO-3")
    balanced(warehouse)
    warehouse.judge(revision(3, MANY))
    warehouse.tell(event("cancelled"), event("cancelled", "SO-2"))
    assert [live(ledger), live(ledger, "SO-2")] == [None, None]
    balanced(warehouse)


def test_a_line_that_is_released_on_its_own_takes_it_too(warehouse: Warehouse) -> None:
    """By a re-examination."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-2", ONE | {"/lines/0/patient/authorization_id": "AU-NEW"}))
    assert kinds(ledger) == ["original"]
    ledger.load(authorization("AU-MANY", 1000), authorization("AU-NEW", 5))
    warehouse.follow()
    assert (live(ledger, "SO-2") or {})["serials"] == ["A"]
    assert kinds(ledger) == ["original", "correction"]
    assert "serials" not in (live(ledger) or {})
    assert [order_id for order_id, _ in relayed(warehouse)] == ["SO-2", "SO-1"]
    balanced(warehouse)


@pytest.mark.parametrize("first", ["cancelled", "released"])
def test_its_void_names_the_record_that_is_live(warehouse: Warehouse, first: str) -> None:
    ledger = warehouse.ledger
    if first == "cancelled":
        warehouse.tell(event("cancelled"))
    warehouse.judge(order("SO-2", ONE))
    if first == "released":
        warehouse.tell(event("cancelled"))
    made = [each for each in records(ledger) if each["order_id"] == "SO-1" and each["revision"] == 1]
    assert [each["kind"] for each in made] == (["original", "void"] if first == "cancelled" else ["original", "correction", "void"])
    assert [each["replaces"] for each in made[1:]] == [each["record_id"] for each in made[:-1]]
    assert (named(ledger), owner(warehouse, "A")) == (set(), "SO-2")
    balanced(warehouse)


def test_in_one_batch_with_the_cancellation(warehouse: Warehouse) -> None:
    """Another line ships one of its vials, and then it is cancelled, or the other way round."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-2", MANY), order("SO-3", SERIALISED | {"/lines/0/serials": list("VWXYZ")}))
    warehouse.judge(revision(2, MANY, "SO-3"))
    swapped = event("shipped", "SO-2", lines=[{"line": 1, "serials": ["A", "B", "C", "D", "V"]}])
    warehouse.tell(event("cancelled", "SO-3"), swapped, event("cancelled", "SO-1"))
    assert (live(ledger, "SO-2") or {})["serials"] == ["A", "B", "C", "D", "V"]
    assert (kinds(ledger), kinds(ledger, "SO-3")) == (["original", "correction", "void"], ["original", "void"])
    assert ledger.rows(tables.NAMED_SERIAL) == []
    balanced(warehouse)


def test_goods_that_nobody_released_take_it_too(warehouse: Warehouse) -> None:
    """Past the gate, of another wholesaler; and what a person adds."""
    ledger = warehouse.ledger
    stopped: Wire = {"/lines/0/patient/authorization_id": "AU-NO", "/lines/0/quantity": 1}
    warehouse.judge(order("SO-2", stopped | ELSEWHERE))
    warehouse.tell(event("shipped", "SO-2", lines=[{"line": 1, "serials": ["A"]}], wholesaler_id="WD-002"))
    record = live(ledger, "SO-2") or {}
    assert (record["serials"], record["outside_gate"]) == (["A"], True)
    assert kinds(ledger) == ["original", "correction"]
    balanced(warehouse)


def test_what_people_complete_takes_it_too(warehouse: Warehouse) -> None:
    ledger = warehouse.ledger
    warehouse.judge(order("SO-2", {"/lines/0/patient": None, "/lines/0/quantity": 1}))
    warehouse.tell(shipped("SO-2"))
    [bypass] = bypasses.listed(ledger.engine, every=False)
    said = read_completion(b'{"serials": ["A"], "patient": {"patient_id": "P-1", "authorization_id": "AU-MANY"}}')
    arguments: Any = (Always(ledger.rules), warehouse.terms)
    bypasses.complete(ledger.engine, str(bypass.bypass_id), said, "Seen.", ANN, *arguments)
    assert kinds(ledger) == ["original"]
    bypasses.approve(ledger.engine, str(bypass.bypass_id), "Seen too.", BOB, *arguments)
    assert (live(ledger, "SO-2") or {})["serials"] == ["A"]
    assert kinds(ledger) == ["original", "correction"]
    balanced(warehouse)


def corrected(warehouse: Warehouse, rems: Rems, order_id: str, serials: list[str]) -> None:
    """Two people, because the REMS rejected the live record."""
    record = str((live(warehouse.ledger, order_id) or {})["record_id"])
    rems.say(acknowledgement(record, "rejected"))
    name = propose(warehouse.ledger.engine, record, RecordChanges(serials=tuple(serials)), "Seen.", ANN)
    approve(warehouse.ledger.engine, str(name), "Seen too.", BOB, Always(warehouse.ledger.rules), warehouse.terms)


def test_what_people_put_into_a_record_takes_it_too(warehouse: Warehouse) -> None:
    """Into one that is live, and into one that waits as this one does: then that one names it, and does not hold it."""
    ledger, rems = warehouse.ledger, Rems(warehouse.ledger)
    warehouse.judge(order("SO-2", ONE | {"/lines/0/serials": ["Z"]}), revision(2, MANY, "SO-2"))
    corrected(warehouse, rems, "SO-2", ["A"])
    assert (kinds(ledger), live(ledger, "SO-2", 1)["serials"]) == (["original", "correction"], ["A"])  # type: ignore[index]
    assert (ledger.rows(tables.SERIAL), [row[::2] for row in ledger.rows(tables.NAMED_SERIAL)]) == ([], [("A", "WD-001/SO-2/1/1")])
    balanced(warehouse)
    warehouse.judge(order("SO-3", ONE | {"/lines/0/serials": ["Q"]}))
    corrected(warehouse, rems, "SO-3", ["A"])
    assert [kinds(ledger, name)[1:] for name in ("SO-1", "SO-2", "SO-3")] == [["correction"], ["correction", "correction"], ["correction"]]
    assert owner(warehouse, "A") == "SO-3"
    balanced(warehouse)


@pytest.mark.parametrize(("at", "kind"), [(EARLY, "withdrawn_goods_shipped"), (LATE, "shipment_bypassed")])
def test_goods_that_left_after_all_while_another_has_a_vial_are_an_alert(warehouse: Warehouse, at: str, kind: str) -> None:
    """The record says it without serials, where they left in time already; when the other gives the vial up it names them all."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-2", ONE))
    warehouse.tell(event("shipped", lines=[1], at=at))
    assert {(raised, *seen.get("problems", ())) for raised, seen in alerts(ledger)} == {
        ("released_order_superseded",), (kind,), ("shipment_disputed", "serial_of_another_line"),
    }  # fmt: skip
    assert kinds(ledger) == ["original", *["correction"] * (1 if at == EARLY else 2)]
    assert [owner(warehouse, serial) for serial in "AB"] == ["SO-2", "SO-1"]
    balanced(warehouse)
    warehouse.tell(event("cancelled", "SO-2"))
    warehouse.follow()
    assert (live(ledger) or {})["serials"] == FIVE
    assert owner(warehouse, "A") == "SO-1"
    balanced(warehouse)


@pytest.mark.parametrize("how", ["cancelled", "came back"])
def test_what_the_other_gives_up_does_not_come_back_by_itself(warehouse: Warehouse, how: str) -> None:
    """It is free; and goes to who is released next."""
    ledger = warehouse.ledger
    warehouse.judge(order("SO-2", ONE))
    if how == "cancelled":
        warehouse.tell(event("cancelled", "SO-2"))
    else:
        warehouse.tell(shipped("SO-2"), returned("SO-2", verified=True))
    warehouse.follow()
    assert (owner(warehouse, "A"), kinds(ledger), named(ledger)) == (None, ["original", "correction"], set())
    warehouse.judge(order("SO-3", ONE))
    assert owner(warehouse, "A") == "SO-3"
    assert wrong(ledger) == []
    assert_uses(ledger)
    warehouse.tell(shipped())
    warehouse.follow()
    assert "serials" not in (live(ledger) or {})
    assert owner(warehouse, "A") == "SO-3"
    assert_uses(ledger)


def test_goods_that_left_before_another_could_have_them_keep_their_vials(warehouse: Warehouse) -> None:
    ledger = warehouse.ledger
    warehouse.tell(shipped(serials=["A", "B"]))
    assert (named(ledger), owner(warehouse, "A")) == (set(), "SO-1")
    warehouse.judge(order("SO-2", ONE))
    assert live(ledger, "SO-2") is None
    assert (live(ledger) or {})["serials"] == ["A", "B"]
    balanced(warehouse)


def test_the_word_of_people_ends_it_too(warehouse: Warehouse) -> None:
    """They say that the goods stayed, of the record as it is by now."""
    ledger = warehouse.ledger
    arguments: Any = (Always(ledger.rules), warehouse.terms)
    name = voiding.propose(ledger.engine, str((live(ledger) or {})["record_id"]), "On the shelf.", ANN, *arguments)
    voiding.approve(ledger.engine, str(name), "Seen too.", BOB, *arguments)
    assert (kinds(ledger), ledger.rows(tables.NAMED_SERIAL)) == (["original", "void"], [])
    warehouse.judge(order("SO-2", ONE), revision(2, MANY, "SO-2"), order("SO-3", ONE))
    name = voiding.propose(ledger.engine, str((live(ledger, "SO-2") or {})["record_id"]), "On the shelf.", ANN, *arguments)
    voiding.approve(ledger.engine, str(name), "Seen too.", BOB, *arguments)
    assert (kinds(ledger), kinds(ledger, "SO-2")) == (["original", "void"], ["original", "correction", "void"])
    balanced(warehouse)


def test_nobody_waits_where_shipments_are_not_reported(ledger: Ledger) -> None:
    """The higher revision says that the goods stayed; also where the wholesaler reported them until then."""
    ledger.load(authorization("AU-MANY", 1000))
    before, after = Warehouse(ledger, REPORTING), Warehouse(ledger)
    before.judge(order("SO-1", SERIALISED), revision(2, MANY), order("SO-4", MANY))
    after.tell(event("cancelled", "SO-1", 7, [1]), event("returned", "SO-4", lines=[1]))
    after.judge(order("SO-2", SERIALISED | {"/lines/0/serials": list("VWXYZ")}), revision(2, MANY, "SO-2"))
    assert named(ledger) == set(FIVE)
    after.judge(revision(3, MANY))
    assert ledger.rows(tables.NAMED_SERIAL) == []
    assert [kinds(ledger), kinds(ledger, "SO-2")] == [["original", "void"]] * 2
    balanced(after)
    assert shelves(ledger)["SO-1", 1, 1].live == ()


def test_a_ledger_of_an_earlier_version_knows_what_is_named(warehouse: Warehouse) -> None:
    """Not what left, was voided, is another revision's, or stands in a record that was replaced."""
    ledger = warehouse.ledger
    letters = {name: {"/lines/0/serials": [f"{name}{number}" for number in range(5)]} for name in ("SO-2", "SO-3", "SO-4", "SO-5")}
    warehouse.judge(*(order(name, MANY | own) for name, own in letters.items()))
    warehouse.judge(*(revision(2, MANY, name) for name in ("SO-2", "SO-3", "SO-4")))
    warehouse.tell(event("shipped", "SO-2", lines=[{"line": 1, "quantity": 2}]), event("cancelled", "SO-3"))
    warehouse.judge(order("SO-6", MANY | {"/lines/0/serials": ["SO-40"], "/lines/0/quantity": 1}))
    before = ledger.rows(tables.NAMED_SERIAL)
    assert [row[::2] for row in before] == [(serial, "WD-001/SO-1/1/1") for serial in FIVE]
    with ledger.engine.begin() as connection:
        [version] = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
        connection.exec_driver_sql("DROP TABLE moving_named_serial; UPDATE alembic_version SET version_num = '0037'")
        upgrade(connection, "0038")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = %s", (version,))
    assert ledger.rows(tables.NAMED_SERIAL) == before
