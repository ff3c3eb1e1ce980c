"""What is out again once a return record is void: units, serials, and who was released on them; and what comes after it."""

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.following.on_authorization import holders
from gatekeeper.goods.unused import listed as vials_of
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.feed.rems import Rems
from tests.feed.test_correcting import bodies
from tests.feed.test_voiding import approved, kinds, proposed, site, uses
from tests.feed.test_voiding_returns import holds, returned, shipped, voided, warehouse
from tests.gate.following import LIFTED, SUSPENDED
from tests.gate.ledger import authorization, order
from tests.gate.shelves import shelves
from tests.gate.test_events import MANY
from tests.gate.test_revisions import SERIALS, revision
from tests.gate.warehouse import REPORTING, Warehouse, event

__all__ = ["warehouse"]


def test_who_was_released_on_what_came_back_is_looked_at_again(rems: Rems, warehouse: Warehouse) -> None:
    """The authorization is of five units: what another line got on them may not leave any more."""
    warehouse.tell(returned(quantity=5, verified=True))
    rems.ledger.load(authorization("AU-MANY", 5))
    warehouse.judge(order("SO-2", MANY))
    assert uses(rems) == ({"AU-MANY": 5}, set())
    voided(rems)
    assert uses(rems)[0] == {"AU-MANY": 10}
    warehouse.follow()
    [stopped] = [body for sent in warehouse.outbox() for topic, body in sent.said if topic == "shipments-stopped"]
    assert (stopped["order_id"], stopped["lines"][0]["reasons"][0]["code"]) == ("SO-2", "authorization_exhausted")
    holds(rems)


@pytest.mark.parametrize("reported", [True, False])
def test_a_vial_that_another_line_has_got_meanwhile_is_in_one_live_record(rems: Rems, reported: bool) -> None:  # noqa: FBT001
    """The other has it and this one holds it too; this one's record names its vials no more, and an alert says so. Also where nobody
    had reported that anything left.
    """
    warehouse = Warehouse(rems.ledger, REPORTING)
    warehouse.judge(order("SO-1", SERIALS | MANY))
    warehouse.tell(*([shipped()] if reported else []), returned(serials=["A"], verified=True))
    warehouse.judge(order("SO-2", MANY | {"/lines/0/serials": ["A", "W", "X", "Y", "Z"]}))
    voided(rems)
    live = {line[0]: record.get("serials", []) for line, shelf in shelves(rems.ledger).items() for record in shelf.live}
    assert live == {"SO-1": [], "SO-2": ["A", "W", "X", "Y", "Z"]}
    assert ("A", "WD-001/SO-2/1/1") in {(row[0], row[2]) for row in rems.ledger.rows(tables.SERIAL)}
    assert [row[::2] for row in rems.ledger.rows(tables.CLAIMED_SERIAL)] == [("A", "WD-001/SO-1/1/1")]
    [disputed] = [body for kind, body in rems.alerts() if kind == "shipment_disputed"]
    assert disputed["evidence"]["problems"] == ["serial_of_another_line"]
    holds(rems)
    # When the other gives it up, it is out with this one, which names it again.
    warehouse.tell(event("cancelled", "SO-2"))
    warehouse.follow()
    assert uses(rems) == ({"AU-MANY": 5}, set("ABCDE"))
    if reported:
        assert shelves(rems.ledger)["SO-1", 1, 1].live[0]["serials"] == list("ABCDE")
    holds(rems)


def test_a_vial_that_a_superseded_line_names_only_is_in_one_live_record_too(rems: Rems, warehouse: Warehouse) -> None:
    """SO-2 got it, and a higher revision took it back, but its warehouse has not said yet that it stayed: its record stands."""
    warehouse.tell(returned(quantity=1, serials=["A"], verified=True))
    warehouse.judge(order("SO-2", MANY | {"/lines/0/quantity": 1, "/lines/0/serials": ["A"]}), revision(2, MANY, "SO-2"))
    assert [row[0] for row in rems.ledger.rows(tables.NAMED_SERIAL)] == ["A"]
    voided(rems)
    live = {line[0]: record.get("serials", []) for line, shelf in shelves(rems.ledger).items() for record in shelf.live}
    assert live == {"SO-1": list("ABCDE"), "SO-2": []}
    assert rems.ledger.rows(tables.NAMED_SERIAL) == []
    holds(rems)


def test_a_higher_revision_after_the_void_gives_up_what_the_record_does_not_name(rems: Rems) -> None:
    """Also the vials that the line still holds, and the one that another has got: no event is left that would tell of them."""
    warehouse = Warehouse(rems.ledger)
    warehouse.judge(order("SO-1", SERIALS | MANY))
    warehouse.tell(returned(serials=["A"], verified=True))
    warehouse.judge(order("SO-2", MANY | {"/lines/0/serials": ["A", "W", "X", "Y", "Z"]}))
    voided(rems)
    warehouse.judge(order("SO-1", {"/revision": 2, "/lines/0/patient": None}))
    assert (uses(rems), rems.ledger.rows(tables.CLAIMED_SERIAL)) == (({"AU-MANY": 5}, set("AWXYZ")), [])
    holds(rems)


def test_a_cancellation_after_the_void_is_as_if_nothing_had_come_back(rems: Rems) -> None:
    """Nothing was reported to have left but by the wrong return: the goods stayed, and the record is void."""
    warehouse = Warehouse(rems.ledger, REPORTING)
    warehouse.judge(order("SO-1", SERIALS | MANY))
    warehouse.tell(returned(serials=["A"], verified=True))
    voided(rems)
    warehouse.tell(event("cancelled"))
    warehouse.follow()
    assert (kinds(rems), uses(rems)) == (["original", "return", "void", "void"], ({}, set()))
    assert "shipped_goods_cancelled" not in {kind for kind, _ in rems.alerts()}
    holds(rems)


def test_a_record_that_a_wrong_return_restored_is_for_people_to_void(rems: Rems) -> None:
    """The goods had stayed; what came back had left after all, so the record was restored. Now nothing says that any more."""
    warehouse = Warehouse(rems.ledger, REPORTING)
    warehouse.judge(order("SO-1", SERIALS | MANY))
    warehouse.tell(event("cancelled"), returned(quantity=5))
    assert kinds(rems) == ["original", "void", "correction", "return"]
    with pytest.raises(Unusable, match="reported to have left"):
        proposed(rems, bodies(rems)[2]["record_id"])
    voided(rems)
    assert uses(rems) == ({"AU-MANY": 5}, set("ABCDE"))
    approved(rems, proposed(rems, bodies(rems)[2]["record_id"]))
    assert (kinds(rems)[4:], uses(rems)) == (["void", "void"], ({}, set()))
    holds(rems)


def test_a_record_that_a_wrong_return_kept_is_for_people_to_void(rems: Rems) -> None:
    """A higher revision withdrew the line, and not its record, for what came back had left. Its units are free, and nobody has two."""
    warehouse = Warehouse(rems.ledger)
    warehouse.judge(order("SO-1", SERIALS | MANY))
    warehouse.tell(returned(quantity=5))
    warehouse.judge(order("SO-1", SERIALS | MANY | {"/revision": 2, "/lines/0/serials": list("FGHIJ")}))
    assert (kinds(rems), uses(rems)) == (["original", "return", "original"], ({"AU-MANY": 5}, set("ABCDEFGHIJ")))
    voided(rems)
    assert uses(rems) == ({"AU-MANY": 5}, set("FGHIJ"))
    approved(rems, proposed(rems, bodies(rems)[0]["record_id"]))
    assert (kinds(rems)[3:], uses(rems)) == (["void", "void"], ({"AU-MANY": 5}, set("FGHIJ")))
    holds(rems)


def test_units_of_a_line_that_nobody_reported_left_are_counted_whole_again(rems: Rems) -> None:
    """Whoever is judged on the same authorization finds what the line was released for, and not less what came back."""
    warehouse = Warehouse(rems.ledger, REPORTING)
    warehouse.judge(order("SO-1", MANY))
    warehouse.tell(returned(quantity=2))
    question = ("units", "lemtrada", "AU-MANY")
    for units in (3, 5):
        with transaction(rems.ledger.engine) as cursor:
            [held] = holders(cursor, rems.ledger.rules.programs, [question])[question]
        assert held.units == units
        if units == 3:
            voided(rems)


def test_vials_that_did_not_come_back_are_due_again(rems: Rems, warehouse: Warehouse) -> None:
    warehouse.tell(returned(serials=["A", "B"]))
    [program] = rems.ledger.rules.programs
    [(_, vials)] = vials_of(rems.ledger.engine, program)
    assert (vials.out, vials.serials) == (3, ("C", "D", "E"))
    voided(rems)
    [(_, vials)] = vials_of(rems.ledger.engine, program)
    assert (vials.out, vials.serials) == (5, ("A", "B", "C", "D", "E"))


def test_a_release_that_comes_after_the_void_does_not_settle_the_return_again(rems: Rems) -> None:
    """Goods left past the gate and came back; that was wrong, and then the line was released: all is settled once more, but not this."""
    warehouse = Warehouse(rems.ledger, REPORTING)
    site(warehouse, SUSPENDED)
    warehouse.judge(order("SO-1", SERIALS | MANY))
    warehouse.tell(shipped(), returned(serials=["A"], verified=True))
    assert (kinds(rems), uses(rems)) == (["original", "return"], ({"AU-MANY": 4}, set("BCDE")))
    voided(rems)
    assert uses(rems) == ({"AU-MANY": 5}, set("ABCDE"))
    site(warehouse, LIFTED)
    assert kinds(rems) == ["original", "return", "void", "original", "void"]
    assert uses(rems) == ({"AU-MANY": 5}, set("ABCDE"))
    holds(rems)
