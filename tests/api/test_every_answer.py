"""Whatever is answered, by whichever operation: no patient without purpose, and nothing of other wholesalers and programs."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from flask import Response

from gatekeeper.api.app import make_app, permission_of
from gatekeeper.api.areas import OPEN, Area
from gatekeeper.listing import catch_up
from gatekeeper.people.permissions import Permission, Role
from gatekeeper.registry import site_list
from gatekeeper.registry.importing import Terms, import_file
from gatekeeper.rules import RuleBook
from gatekeeper.storage import tables
from tests.api.desk import Desk
from tests.api.test_two_people import ALIAS
from tests.feed.rems import MANY, Rems, acknowledgement
from tests.gate.following import follow
from tests.gate.ledger import NOON, WORLD, Wire, authorization, order, two_programs
from tests.gate.test_bypass import PATIENT, SHIP_TO
from tests.gate.test_look_back import RECALL
from tests.gate.test_site_aliases import ACCOUNT, SAID, approved
from tests.gate.warehouse import REPORTING, Warehouse, event
from tests.registry.telling import Telling
from tests.storage.snapshots import Silent, snapshot

UNSIGHTED = Role("unsighted", frozenset(Permission) - {Permission.READ_PATIENTS, Permission.REHEARSE_PATIENTS})
SIGHTED = Role("sighted", frozenset(Permission))
OWN: dict[str, Any] = {"wholesalers": ["WD-001"], "programs": ["lemtrada"]}
OF_PROGRAM: dict[str, Any] = {"wholesalers": ["*"], "programs": ["lemtrada"]}
PATIENTS = re.compile(rb"(?<![A-Za-z0-9])(?:P-1|P-NOBODY|AU-1|AU-MANY)(?![A-Za-z0-9])", re.IGNORECASE)
OTHERS = re.compile(rb"WD-SECRET|alpha|4711")
TOLD = "For P-1 (p-nobody), AU-MANY."
OF_NO_ORDER = "For P-1, AU-MANY."
"""Where no order is spoken of, ids are known by how they are written: as those of a registry."""
WHY = {"reason": TOLD}
HF1: Wire = next(fact for fact in WORLD if fact["fact"] == "site" and fact["site_id"] == "HF1")
AT_HOME = {"/ship_to/name": "Home of P-1", "/ship_to/address/street2": "c/o P-NOBODY"}
NOBODYS = {"patient_id": "P-NOBODY", "authorization_id": "AU-MANY"}


class Call(NamedTuple):
    """One call: of an operation by its name."""

    name: str
    path: str
    body: Any = None
    seen: str | None = None
    person: str = "u-17"
    method: str = ""


class World(NamedTuple):
    desk: Desk
    recall: str
    """The alert about a lot."""
    alert: str
    """One about an order."""
    bypass: str
    aliases: list[str]
    corrections: list[str]
    record: str
    voids: list[str]
    voidable: str


@pytest.fixture
def world(desk: Desk, tmp_path: Path) -> World:
    """Everything that names patients, another wholesaler or another program, where somebody may have written it."""
    rules, ledger = tmp_path / "rules", desk.ledger
    rules.mkdir()
    ledger.rules = two_programs(rules)
    settings = replace(desk.settings, roles=(UNSIGHTED, SIGHTED), reporting_wholesalers=("WD-001", "WD-SECRET"), programs_added=("alpha",))
    desk.app = make_app(settings, desk.engine, RuleBook.read(rules))
    desk.client = desk.app.test_client()
    shared = HF1["identifiers"] | {"account": [*HF1["identifiers"].get("account", []), "WD-SECRET:4711"]}
    ledger.load(authorization("AU-MANY", 1000), HF1 | {"identifiers": shared, "sequence": 991, "effective_on": "2026-11-01"})
    path = tmp_path / "alpha.ndjson"
    of_alpha = HF1 | {"program": "alpha", "site_id": "HF-A", "identifiers": {}}
    snapshot(path, [of_alpha], snapshot="alpha", sequence=5, as_of=NOON.isoformat())
    import_file(desk.engine, path, Terms(ledger.rules.programs, 100), Silent())
    approved(ledger, msgspec.structs.replace(SAID, wholesaler_id="WD-SECRET"))
    approved(ledger, msgspec.structs.replace(ACCOUNT, wholesaler_id="WD-SECRET", account="4711"))
    rems = Rems(ledger)
    records = rems.records(3)
    rems.say(*[acknowledgement(record, "rejected", problem="P-1 is not ours.") for record in records])
    ledger.judge(order("SO-SECRET", {"/wholesaler_id": "WD-SECRET", **MANY, "/lines/0/serials": [f"X{n}" for n in range(5)]}))
    lines = [json.loads(order())["lines"][0], {"line": 2, "product": {"ndc": "54321-0200-01"}, "quantity": 3}]
    stopped = {**AT_HOME, "/lines": lines, "/lines/0/patient": NOBODYS, "/lines/0/serials": [f"X{n}" for n in range(5)]}
    ledger.judge(order("SO-90", stopped))
    lead: dict[str, Any] = {"role": "sighted"}
    assert desk.act("/v1/orders/WD-001/SO-90/notes", json={"text": f"The alpha line of WD-SECRET. {TOLD}"}, **lead).status_code == 200
    ledger.judge(order("SO-90", stopped | {"/revision": 2, "/lines": lines[:1]}))
    ledger.judge(order("SO-93", AT_HOME | {"/lines/0/patient": NOBODYS, "/ship_to/rems_site_id": "HF-A"}))
    stayed = ("SO-94", "SO-95", "SO-96")
    Warehouse(ledger, REPORTING).judge(*[order(name, MANY | {"/revision": revision}) for name in stayed for revision in (1, 2)])
    warehouse = Warehouse(ledger)
    warehouse.judge(order("SO-91", {"/lines/0/patient": None}))
    line = {"line": 1, "quantity": 5, "product": json.loads(order())["lines"][0]["product"]}
    warehouse.tell(event("shipped", "SO-91", lines=[line], ship_to=SHIP_TO, carrier=TOLD))
    follow(ledger)
    Telling(ledger, tmp_path).tell(RECALL | {"effective_on": "2026-11-20"})
    follow(ledger)
    [recall], [alert, *_] = [
        [str(row[0]) for row in ledger.rows(tables.ALERT) if row[1] == kind] for kind in ("lot_recalled", "released_order_superseded")
    ]
    [bypass] = [each["bypass_id"] for each in desk.answer("/v1/bypasses?state=open", **lead)["bypasses"]]
    aliases = [
        desk.act("/v1/site-aliases", json={**ALIAS, "evidence": OF_NO_ORDER, "address": ALIAS["address"] | {"street": f"{n} Road"}}, **lead)
        for n in range(3)
    ]
    proposed = [
        desk.act(f"/v1/distribution-records/{record}/corrections", json={"changes": {"patient_id": "P-NOBODY"}, **WHY}, **lead)
        for record in records[:2]
    ]
    bodies = [json.loads(row[7]) for row in ledger.rows(tables.DISTRIBUTION_RECORD)]
    voidable = [f"/v1/distribution-records/{body['record_id']}/voids" for body in bodies if body["order_id"] in stayed]
    voids = [desk.act(path, json={"reason": OF_NO_ORDER}, **lead) for path in voidable[:2]]
    for answer in (*aliases, *proposed, *voids):
        assert answer.status_code == 200, answer.data
    catch_up(desk.engine)
    site_list.catch_up(desk.engine)
    return World(
        desk, recall, alert, f"/v1/bypasses/{bypass}", [answer.get_json()["alias_id"] for answer in aliases],
        [answer.get_json()["correction_id"] for answer in proposed], records[2],
        [answer.get_json()["void_id"] for answer in voids], voidable[2],
    )  # fmt: skip


def calls(world: World) -> Iterator[Call]:
    """Every operation once, on what there is of it."""
    order_path, sites, records = "/v1/orders/WD-001/SO-90", "/v1/sites?program=lemtrada", "/v1/distribution-records?program=lemtrada"
    asked = [
        json.loads(order("SO-77", {"/ship_to/address/street2": "c/o P-1"} | more))
        for more in ({}, {"/ship_to/rems_site_id": "HF-A"}, {"/lines/0/serials": ["X1"]})
    ]
    for name, path in (
        ("list_reasons", "/v1/reasons"), ("list_programs", "/v1/programs"), ("list_sites", sites), ("show_site", "/v1/sites/lemtrada/HF1"),
        ("list_refusals", "/v1/refusals"), ("list_alerts", "/v1/alerts"), ("list_records", records), ("list_orders", "/v1/orders"),
        ("show_order", order_path), ("show_order", "/v1/orders/WD-001/SO-93"), ("show_order", "/v1/orders/WD-001/SO-91"),
        ("list_findings", f"/v1/findings?alert_id={world.recall}"), ("show_digest", "/v1/digest"), ("list_settings", "/v1/settings"),
        ("list_site_aliases", "/v1/site-aliases"), ("list_snapshots", "/v1/refused-snapshots"), ("metrics", "/metrics"),
        ("list_corrections", "/v1/corrections?program=lemtrada"), ("list_bypasses", "/v1/bypasses"), ("show_bypass", world.bypass),
    ):  # fmt: skip
        yield Call(name, path)
    for form in ("csv", "jsonl"):
        for name, path in (
            ("orders", "orders?"), ("alerts", "alerts?"), ("refusals", "refusals?"), ("sites", "sites?program=lemtrada&"),
            ("records", "distribution-records?program=lemtrada&"), ("findings", f"findings?alert_id={world.recall}&"),
            ("site_aliases", "site-aliases?"), ("refused_snapshots", "refused-snapshots?"), ("bypasses", "bypasses?"),
            ("voids", "voids?"),
            ("corrections", "corrections?program=lemtrada&"),
        ):  # fmt: skip
            yield Call(f"export_{name}", f"/v1/exports/{path}format={form}")
        yield Call("export_order_search", "/v1/exports/orders/searches", {"purpose": "looking", "format": form})
    yield Call("search_orders", "/v1/orders/searches", {"purpose": "looking"})
    yield Call("rehearse_orders", "/v1/rehearsals", {"orders": asked})
    yield Call("take_order", f"{order_path}/take", seen=order_path, method="POST")
    yield Call("give_order_back", f"{order_path}/give-back", seen=order_path, method="POST")
    yield Call("note_order", f"{order_path}/notes", {"text": TOLD})
    yield Call("publish_order", f"{order_path}/publications", WHY)
    yield Call("examine_order", f"{order_path}/examinations", WHY)
    yield Call("settle_order", f"{order_path}/settlements", WHY, seen=order_path)
    yield Call("decide_alert", f"/v1/alerts/{world.alert}/decisions", {"decision": "no_action", "reason": OF_NO_ORDER})
    yield Call("acknowledge_records", "/v1/acknowledgements", {"acknowledgements": [json.loads(acknowledgement(world.record))]})
    yield Call("propose_site_alias", "/v1/site-aliases", ALIAS | {"evidence": OF_NO_ORDER})
    yield Call("approve_site_alias", f"/v1/site-aliases/{world.aliases[0]}/approvals", {"reason": OF_NO_ORDER}, person="u-18")
    yield Call("withdraw_site_alias", f"/v1/site-aliases/{world.aliases[0]}/withdrawals", {"reason": OF_NO_ORDER})
    yield Call("refuse_site_alias", f"/v1/site-aliases/{world.aliases[1]}/refusals", {"reason": OF_NO_ORDER})
    yield Call("confirm_snapshot", f"/v1/refused-snapshots/{'0' * 64}/confirmations", WHY)
    yield Call("propose_correction", f"/v1/distribution-records/{world.record}/corrections", {"changes": {"patient_id": "P-NOBODY"}, **WHY})
    yield Call("approve_correction", f"/v1/corrections/{world.corrections[0]}/approvals", WHY, person="u-18")
    yield Call("refuse_correction", f"/v1/corrections/{world.corrections[1]}/refusals", WHY)
    yield Call("propose_void", world.voidable, {"reason": OF_NO_ORDER})
    yield Call("approve_void", f"/v1/voids/{world.voids[0]}/approvals", {"reason": OF_NO_ORDER}, person="u-18")
    yield Call("refuse_void", f"/v1/voids/{world.voids[1]}/refusals", {"reason": OF_NO_ORDER})
    yield Call("list_voids", "/v1/voids")
    completed = {"completion": {"patient": PATIENT | NOBODYS}, **WHY}
    yield Call("complete_bypass", f"{world.bypass}/completions", completed, seen=world.bypass)
    yield Call("list_bypasses", "/v1/bypasses")
    yield Call("refuse_bypass", f"{world.bypass}/refusals", WHY, seen=world.bypass)
    yield Call("list_bypasses", "/v1/bypasses")
    yield Call("show_bypass", world.bypass)
    seen = {"If-Match": world.desk.ask(world.bypass, "sighted").headers["ETag"]}
    world.desk.act(f"{world.bypass}/completions", "sighted", headers=seen, json={"completion": {"patient": PATIENT}, **WHY})
    yield Call("approve_bypass", f"{world.bypass}/approvals", WHY, seen=world.bypass, person="u-18")
    for name, path in (("list_alerts", "/v1/alerts"), ("show_order", order_path), ("list_corrections", "/v1/corrections?program=lemtrada")):
        yield Call(name, path)


FOR_ALL = {"list_refusals", "export_refusals", "metrics"}
"""Of every wholesaler and program: a token that is limited gets none of it."""
FOR_ALL_WHOLESALERS = {"list_records", "export_records", "list_snapshots", "export_refused_snapshots", "acknowledge_records"}
ASKED_ANEW = {"rehearse_orders", "export_order_search"}
"""They record no step that could be sent again."""
ELSEWHERE = {"confirm_snapshot"}
"""Needs a registry of its own: its answer has numbers and an approval."""


def test_no_answer_names_a_patient_or_what_is_anothers(world: World) -> None:
    """Asked by a token of one wholesaler and one program, by one of all wholesalers, and again under the same key."""
    answered = set()
    for number, call in enumerate(calls(world)):
        for limits, secrets in ((OWN, (PATIENTS, OTHERS)), (OF_PROGRAM, (PATIENTS, re.compile(b"alpha")))):
            method = call.method or ("GET" if call.body is None else "POST")
            sent: dict[str, Any] = {} if call.body is None else {"json": call.body}
            headers = {} if call.seen is None else {"If-Match": world.desk.ask(call.seen, "sighted").headers["ETag"]}
            key = {"Idempotency-Key": f"k-{number}"} if method == "POST" else {}
            told = []
            for _ in range(2):
                answer = world.desk.ask(call.path, "unsighted", method=method, person=call.person, headers=headers | key, **sent, **limits)
                data = answer.get_data()
                told.append(data)
                for secret in secrets:
                    found = secret.search(data)
                    assert found is None, (call.name, limits, data[max(0, found.start() - 200) : found.end() + 50])
                if answer.status_code == 200:
                    answered.add(call.name)
                elif limits is not OWN or call.name not in FOR_ALL_WHOLESALERS:
                    assert call.name in FOR_ALL | ELSEWHERE, (call, data)
            assert method == "GET" or told[0] == told[1] or call.name in ASKED_ANEW, call.name
    operations = {rule.endpoint for rule in world.desk.app.url_map.iter_rules() if permission_of(world.desk.app, rule.endpoint) != OPEN}
    assert {name.rpartition(".")[2] for name in operations} == answered | FOR_ALL | ELSEWHERE


def test_with_a_purpose_all_of_it_is_there(world: World) -> None:
    """What the test before looks for can be found: nothing is hidden from who may see it."""
    purpose = {"Gatekeeper-Purpose": "checks"}
    shown = world.desk.ask("/v1/orders/WD-001/SO-90", "sighted", headers=purpose).data
    assert TOLD.encode() in shown
    assert b"Home of P-1" in shown
    assert all(word in shown for word in (b"WD-SECRET", b"alpha", b"4711"))


def test_an_answer_that_goes_past_the_door_is_a_fault(desk: Desk) -> None:
    """Whoever makes one by himself forgets nothing unseen: it is not sent."""
    area = Area("past", __name__, "For a test.")

    @area.operation("GET", "/v1/past", Permission.READ_ORDERS, {"type": "string"})
    def past() -> Response:
        return Response("P-1")

    desk.app.register_blueprint(area)
    answer = desk.client.get("/v1/past", headers={"Authorization": desk.bearer()})
    assert (answer.status_code, b"P-1" in answer.data) == (500, False)
