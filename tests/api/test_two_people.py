"""What needs two people: whoever proposes does not approve, and the approval is on record with name, time and meaning."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gatekeeper.errors import TryAgain, Unusable
from gatekeeper.people.approvals import MEANINGS
from gatekeeper.registry import importing
from gatekeeper.registry.importing import Terms, import_file
from gatekeeper.registry.refused_files import Offered
from gatekeeper.storage import tables
from tests.api.desk import PURPOSE, Desk
from tests.api.test_work import problem
from tests.feed.rems import MANY, Rems, acknowledgement
from tests.gate.ledger import NOON, RULES, WORLD, authorization, order
from tests.gate.test_bypass import PATIENT, SHIP_TO
from tests.gate.test_site_aliases import THERE
from tests.gate.warehouse import Warehouse, event
from tests.storage.snapshots import Silent, snapshot

WHY = {"reason": "I saw it."}
ALIAS: dict[str, Any] = {
    "program": "lemtrada", "site_id": "HF1", "wholesaler_id": "WD-001", "through": "2027-03-01", "evidence": "Their letter.",
    "address": {"street": "First Pavilion", "city": "Boston", "state": "MA", "postal_code": "02110"},
}  # fmt: skip
OTHER: dict[str, Any] = {"person": "u-18"}


def said_in_the_ledger(desk: Desk, kind: str, about: str) -> None:
    """One approval, by the second person."""
    [row] = desk.ledger.rows(tables.APPROVAL)
    assert row[:5] == (kind, about, "u-18", "J. Rivera", MEANINGS[kind])
    assert row[5] == NOON


@pytest.fixture
def alias(desk: Desk) -> str:
    """The path of a proposed alias."""
    desk.ledger.load()
    answer = desk.act("/v1/site-aliases", json=ALIAS)
    assert answer.status_code == 200, answer.data
    return f"/v1/site-aliases/{answer.get_json()['alias_id']}"


def test_a_site_alias_counts_when_another_person_approved_it(desk: Desk, alias: str) -> None:
    assert problem(desk.act(f"{alias}/approvals", json=WHY)) == (409, "conflict")
    [shown] = desk.answer("/v1/site-aliases?state=proposed")["site_aliases"]
    assert (shown["approval"], shown["address"]["street"]) == (None, "First Pavilion")
    assert [step["person"] for step in shown["steps"]] == ["u-17"]
    approved = desk.act(f"{alias}/approvals", json=WHY, **OTHER).get_json()
    assert (approved["state"], approved["approval"]["name"], approved["approval"]["meaning"]) == (
        "approved", "J. Rivera", MEANINGS["site_alias"],
    )  # fmt: skip
    said_in_the_ledger(desk, "site_alias", approved["alias_id"])
    desk.ledger.judge(order("SO-1", THERE))
    assert [line["outcome"] for line in desk.answer("/v1/orders")["orders"][0]["lines"]] == ["released"]
    assert problem(desk.act(f"{alias}/refusals", json=WHY, **OTHER)) == (409, "conflict")
    withdrawn = desk.act(f"{alias}/withdrawals", json=WHY).get_json()
    assert [step["step"] for step in withdrawn["steps"]] == ["proposed", "approved", "withdrawn"]
    assert desk.answer("/v1/site-aliases?state=approved")["site_aliases"] == []


def test_two_who_approve_at_once_are_one(desk: Desk, alias: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda person: desk.act(f"{alias}/approvals", json=WHY, person=person), ["u-1", "u-2", "u-3"]))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert len(desk.ledger.rows(tables.APPROVAL)) == 1


@pytest.mark.parametrize("more", [
    {"account": "777"}, {"address": {"street": "x"}}, {"through": "soon"}, {"evidence": " "}, {"site_id": "a b"}, {"colour": "red"},
    {"address": 1}, {"address": {"street": "First", "city": "B", "state": "MA", "postal_code": "02110", "x": 1}},
])  # fmt: skip
def test_an_alias_that_cannot_be_one_is_refused(desk: Desk, more: dict[str, Any]) -> None:
    desk.ledger.load()
    assert desk.act("/v1/site-aliases", json=ALIAS | more).status_code in {400, 409}
    assert desk.ledger.rows(tables.SITE_ALIAS) == []


def test_aliases_of_others_are_not_there(desk: Desk, alias: str) -> None:
    for limits in ({"programs": ["tegsedi"]}, {"wholesalers": ["WD-2"]}):
        assert desk.answer("/v1/site-aliases", **limits)["site_aliases"] == []
        none = desk.act(f"/v1/site-aliases/{UUID(int=1)}/approvals", json=WHY, **OTHER)
        hidden = desk.act(f"{alias}/approvals", json=WHY, **OTHER, **limits)
        assert (hidden.status_code, hidden.data) == (404, none.data)
        assert problem(desk.act("/v1/site-aliases", json=ALIAS, **limits)) == (403, "not-permitted")
    assert problem(desk.act(f"{alias}/approvals", "compliance-officer", json=WHY, **OTHER)) == (403, "not-permitted")


def test_aliases_page(desk: Desk, alias: str) -> None:  # noqa: ARG001 - one of them
    for number in range(2):
        account = {name: value for name, value in ALIAS.items() if name != "address"} | {"account": f"A-{number}"}
        assert desk.act("/v1/site-aliases", json=account).status_code == 200
    first = desk.answer("/v1/site-aliases?state=proposed&limit=2")
    last = f"/v1/site-aliases/{first['site_aliases'][1]['alias_id']}"
    assert desk.act(f"{last}/refusals", json=WHY).status_code == 200, "the page's last one is no more what was asked for"
    second = desk.answer(f"/v1/site-aliases?state=proposed&limit=2&cursor={first['next']}")
    shown = [str(each["account"]) for page in (first, second) for each in page["site_aliases"]]
    assert sorted(shown) == ["A-0", "A-1", "None"], "of the same instant, in any order"
    assert second["next"] is None


def lose(desk: Desk, folder: Path, person: str) -> str:
    """Offers a file that is refused, because a site is not in it; its digest."""
    path = folder / "lossy.ndjson"
    facts = [fact for fact in WORLD if fact["program"] == "lemtrada" and fact.get("site_id") != "HF1"]
    snapshot(path, facts, snapshot="lemtrada", sequence=5000, as_of=NOON.isoformat())
    with pytest.raises(Unusable, match="another person must confirm"):
        import_file(desk.engine, path, Terms(RULES.programs, 0), Silent(), Offered(None, person))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def lost(desk: Desk, tmp_path: Path) -> str:
    """The digest of a file that loses most of the sites, offered by u-17."""
    desk.ledger.load()
    return lose(desk, tmp_path, "u-17")


def test_a_snapshot_with_loss_is_loaded_on_the_word_of_another(desk: Desk, lost: str) -> None:
    path = f"/v1/refused-snapshots/{lost}/confirmations"
    [shown] = desk.answer("/v1/refused-snapshots?state=waiting")["snapshots"]
    assert (shown["sha256"], shown["offered_by"], shown["program"]) == (lost, "u-17", "lemtrada")
    assert "lossy" not in json.dumps(shown)
    assert problem(desk.act(path, json=WHY)) == (409, "conflict")
    for hidden in (desk.act(path, json=WHY, programs=["tegsedi"]), desk.act(path.replace(lost, "0" * 64), json=WHY)):
        assert problem(hidden) == (404, "not-found")
    assert problem(desk.act(path, json=WHY, wholesalers=["WD-001"])) == (403, "not-permitted")
    key = {"Idempotency-Key": "k-1"}
    confirmed = desk.act(path, json=WHY, headers=key, **OTHER)
    assert (confirmed.status_code, confirmed.get_json()["sequence"]) == (200, 5000)
    assert desk.act(path, json=WHY, headers=key, **OTHER).data == confirmed.data
    assert problem(desk.act(path, json=WHY, **OTHER)) == (409, "conflict")
    said_in_the_ledger(desk, "snapshot", lost)
    [shown] = desk.answer("/v1/refused-snapshots?state=confirmed")["snapshots"]
    assert shown["approval"]["meaning"] == MEANINGS["snapshot"]
    assert desk.answer("/v1/refused-snapshots?state=waiting")["snapshots"] == []


def test_what_was_loaded_is_answered_under_its_key_whatever_came_after(desk: Desk, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller was not told: as if the program had been killed right after the load."""
    path, key = f"/v1/refused-snapshots/{lost}/confirmations", {"Idempotency-Key": "k-1"}
    with monkeypatch.context() as patch:
        patch.setattr(importing.held, "gather_statistics", _away)
        assert problem(desk.act(path, json=WHY, headers=key, **OTHER)) == (503, "unavailable")
    again = desk.act(path, json=WHY, headers=key, **OTHER)
    assert (again.status_code, again.get_json()["sequence"], again.get_json()["approval"]["person"]) == (200, 5000, "u-18")


def _away(_: Any) -> None:
    raise TryAgain("The database is away.")


def test_two_who_confirm_at_once_under_one_key_get_one_answer(desk: Desk, lost: str) -> None:
    path, key = f"/v1/refused-snapshots/{lost}/confirmations", {"Idempotency-Key": "k-1"}
    with ThreadPoolExecutor(2) as several:
        one, other = several.map(lambda _: desk.act(path, json=WHY, headers=key, **OTHER), range(2))
    assert (one.status_code, one.data) == (200, other.data)


def test_a_loss_that_is_another_by_now_is_told_and_asked_again(desk: Desk, lost: str) -> None:
    desk.ledger.load()
    path = f"/v1/refused-snapshots/{lost}/confirmations"
    asked = desk.act(path, json=WHY, **OTHER)
    [shown] = desk.answer("/v1/refused-snapshots?state=waiting")["snapshots"]
    assert problem(asked) == (409, "conflict")
    assert shown["problem"] in asked.get_json()["detail"]
    assert shown["problem"].startswith("the registry has changed since: 1 of the 3 sites that are certified would vanish")
    assert shown["offered_by"] == "u-17"
    assert desk.act(path, json=WHY, **OTHER).status_code == 200


@pytest.fixture
def rejected(desk: Desk) -> str:
    """The id of a record that the REMS rejected."""
    desk.ledger.load(authorization("AU-MANY", 1000), authorization("AU-X", 1000))
    rems = Rems(desk.ledger)
    [record] = rems.records(1, MANY)
    rems.say(acknowledgement(record, "rejected", problem="P-00001234 is not ours."))
    return record


def test_a_rejected_record_is_corrected_by_two(desk: Desk, rejected: str) -> None:
    path, body = f"/v1/distribution-records/{rejected}/corrections", {"changes": {"authorization_id": "AU-X"}, **WHY}
    [waiting] = desk.answer("/v1/corrections?program=lemtrada")["rejected"]
    assert (waiting["record"]["record_id"], waiting["problem"], waiting["corrections"]) == (rejected, "masked", [])
    proposed = desk.act(path, json=body).get_json()
    assert (proposed["state"], proposed["changes"]) == ("proposed", {"authorization_id": "masked"})
    correction = f"/v1/corrections/{proposed['correction_id']}"
    assert problem(desk.act(path, json=body)) == (409, "conflict")
    assert problem(desk.act(f"{correction}/approvals", json=WHY)) == (409, "conflict")
    shown = desk.answer("/v1/corrections?program=lemtrada", headers=PURPOSE)["rejected"][0]
    assert (shown["problem"], shown["corrections"][0]["changes"]) == ("P-00001234 is not ours.", {"authorization_id": "AU-X"})
    one = f"/v1/orders/{waiting['record']['wholesaler_id']}/{waiting['record']['order_id']}"
    assert [who["purpose"] for who in desk.answer(one)["looked"]] == [PURPOSE["Gatekeeper-Purpose"]]
    approved = desk.act(f"{correction}/approvals", json=WHY, **OTHER).get_json()
    assert (approved["state"], approved["approval"]["meaning"]) == ("approved", MEANINGS["correction"])
    [made] = [row for row in desk.ledger.rows(tables.DISTRIBUTION_RECORD) if row[3] == "correction"]
    assert (str(made[0]), json.loads(made[7])["authorization_id"]) == (approved["made"], "AU-X")
    said_in_the_ledger(desk, "correction", proposed["correction_id"])
    assert desk.answer("/v1/corrections?program=lemtrada")["rejected"] == []
    assert [row[2] for row in desk.ledger.rows(tables.INQUIRY)] == ["list_corrections"]


def test_a_refused_correction_comes_to_nothing_and_others_see_none(desk: Desk, rejected: str) -> None:
    path, body = f"/v1/distribution-records/{rejected}/corrections", {"changes": {"lot": "B1"}, **WHY}
    for changes in ({}, {"quantity": 4}, {"lot": 1}, {"serials": ["A", "A"]}, {"lot": ""}, []):
        assert desk.act(path, json={"changes": changes, **WHY}).status_code == 400
    for limits in ({"programs": ["tegsedi"]}, {"wholesalers": ["WD-2"]}):
        assert problem(desk.act(path, json=body, **limits)) == (404, "not-found")
    proposed = desk.act(path, json=body).get_json()["correction_id"]
    correction = f"/v1/corrections/{proposed}"
    assert problem(desk.act(f"{correction}/refusals", json=WHY, programs=["tegsedi"])) == (404, "not-found")
    assert desk.act(f"{correction}/refusals", json=WHY).get_json()["state"] == "refused"
    assert problem(desk.act(f"{correction}/approvals", json=WHY, **OTHER)) == (409, "conflict")
    assert desk.answer("/v1/corrections?program=lemtrada", wholesalers=["WD-2"])["rejected"] == []
    assert desk.ledger.rows(tables.APPROVAL) == []


@pytest.fixture
def bypassed(desk: Desk) -> str:
    """The path of goods that left past the gate without a patient."""
    desk.ledger.load(authorization("AU-MANY", 1000))
    warehouse = Warehouse(desk.ledger)
    warehouse.judge(order("SO-1", {"/lines/0/patient": None}))
    line = {"line": 1, "quantity": 5, "product": json.loads(order())["lines"][0]["product"]}
    warehouse.tell(event("shipped", lines=[line], ship_to=SHIP_TO))
    [shown] = desk.answer("/v1/bypasses?state=open")["bypasses"]
    return f"/v1/bypasses/{shown['bypass_id']}"


def test_a_bypass_is_completed_by_two(desk: Desk, bypassed: str) -> None:
    body = {"completion": {"patient": PATIENT}, **WHY}
    completed = desk.act(f"{bypassed}/completions", seen=bypassed, json=body).get_json()
    assert (completed["state"], completed["completion"]["patient"]["patient_id"]) == ("proposed", "masked")
    assert desk.answer(bypassed, headers=PURPOSE)["completion"] == {"patient": PATIENT}
    assert problem(desk.act(f"{bypassed}/approvals", json=WHY, **OTHER)) == (428, "match-missing")
    assert problem(desk.act(f"{bypassed}/approvals", seen=bypassed, json=WHY)) == (409, "conflict")
    approved = desk.act(f"{bypassed}/approvals", seen=bypassed, json=WHY, **OTHER).get_json()
    assert (approved["state"], approved["approval"]["meaning"]) == ("approved", MEANINGS["bypass"])
    said_in_the_ledger(desk, "bypass", bypassed.rpartition("/")[2])
    [record] = desk.ledger.rows(tables.DISTRIBUTION_RECORD)
    assert json.loads(record[7])["outside_gate"] is True


def test_what_is_approved_is_what_was_seen(desk: Desk, bypassed: str) -> None:
    """What was proposed when it was read is not approved when another proposal stands there."""
    body = {"completion": {"patient": PATIENT}, **WHY}
    desk.act(f"{bypassed}/completions", seen=bypassed, json=body)
    seen = {"If-Match": desk.ask(bypassed).headers["ETag"]}
    desk.act(f"{bypassed}/refusals", seen=bypassed, json=WHY)
    desk.act(f"{bypassed}/completions", seen=bypassed, json=body)
    assert problem(desk.act(f"{bypassed}/approvals", headers=seen, json=WHY, **OTHER)) == (412, "changed-meanwhile")
    assert desk.ledger.rows(tables.APPROVAL) == []


def test_a_completion_that_says_too_little_or_what_no_event_may(desk: Desk, bypassed: str) -> None:
    for completion, status in (({"lot": "A1"}, 409), ({}, 400), ({"quantity": 0}, 400), ({"product": {}}, 400), ({"serials": []}, 400)):
        answer = desk.act(f"{bypassed}/completions", seen=bypassed, json={"completion": completion, **WHY})
        assert answer.status_code == status, (completion, answer.data)
    act: Callable[..., Any] = partial(desk.act, f"{bypassed}/completions", json={"completion": {"lot": "A1"}, **WHY})
    assert problem(act(programs=["tegsedi"])) == (404, "not-found")
    assert problem(act(wholesalers=["WD-2"])) == (404, "not-found")
