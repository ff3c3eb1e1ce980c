"""What leaves and what does not, case by case: patients in what people wrote, and what is another wholesaler's or program's."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatekeeper.api.app import make_app
from gatekeeper.api.masking import Found, Masking
from gatekeeper.listing import catch_up
from gatekeeper.registry.importing import Terms, import_file
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.patient_forms import FORM, form_of
from tests.api.desk import PURPOSE, Desk
from tests.api.test_orders import PATH, SUSPENDED
from tests.api.test_two_people import bypassed
from tests.feed.rems import MANY, Rems, acknowledgement
from tests.gate.ledger import NOON, WORLD, Wire, authorization, order, two_programs
from tests.gate.test_bypass import PATIENT
from tests.gate.test_site_aliases import ACCOUNT, SAID, approved
from tests.storage.snapshots import Silent, snapshot

__all__ = ["bypassed"]
LEMTRADA: dict[str, Any] = {"programs": ["lemtrada"]}
OWN: dict[str, Any] = {"wholesalers": ["WD-001"], "programs": ["lemtrada"]}
UNKNOWN = {"/lines/0/patient": {"patient_id": "Q-NOBODY", "authorization_id": "R-NOBODY"}}
"""Ids that no registry has, and that are written as none that it has."""
HF1: Wire = next(fact for fact in WORLD if fact["fact"] == "site" and fact["site_id"] == "HF1")
ALPHA = {"line": 2, "product": {"ndc": "54321-0200-01"}, "quantity": 3}


@pytest.fixture
def two(desk: Desk, tmp_path: Path) -> Desk:
    """Two programs, and a site that only the other one has."""
    rules = tmp_path / "rules"
    rules.mkdir()
    desk.ledger.rules = two_programs(rules)
    desk.app = make_app(desk.settings, desk.engine, RuleBook.read(rules))
    desk.client = desk.app.test_client()
    desk.ledger.load()
    path = tmp_path / "alpha.ndjson"
    snapshot(path, [HF1 | {"program": "alpha", "site_id": "HF-A", "identifiers": {}}], snapshot="alpha", sequence=5, as_of=NOON.isoformat())
    import_file(desk.engine, path, Terms(desk.ledger.rules.programs, 100), Silent())
    return desk


def test_notes_are_masked_by_ids_that_are_not_shown(desk: Desk) -> None:
    """A token that is limited to programs sees neither the case nor, where nothing was released, a record."""
    desk.ledger.load(SUSPENDED)
    desk.ledger.judge(order("SO-1", UNKNOWN))
    desk.act(f"{PATH}/notes", json={"text": "Doctor of q-nobody called (R-NOBODY)."})
    for role, limits in (("lead", {}), ("auditor", LEMTRADA), ("compliance-reader", OWN)):
        [entry] = desk.answer(PATH, role, **limits)["work"]["entries"]
        assert entry["text"] == "Doctor of masked called (masked)."
    [entry] = desk.answer(PATH, headers=PURPOSE, **LEMTRADA)["work"]["entries"]
    assert entry["text"] == "Doctor of q-nobody called (R-NOBODY)."


def test_what_is_done_about_an_order_is_answered_without_patients(desk: Desk) -> None:
    """By each step, and by what is kept under its key."""
    desk.ledger.load(SUSPENDED)
    desk.ledger.judge(order("SO-1", UNKNOWN))
    text = "Doctor of Q-NOBODY called."
    for step, body, matches in (
        ("notes", {"text": text}, False), ("take", None, True), ("give-back", None, True), ("examinations", {"reason": text}, False),
        ("publications", {"reason": text}, False), ("settlements", {"reason": text}, True),
    ):  # fmt: skip
        headers = {"Idempotency-Key": f"k-{step}"} | ({"If-Match": desk.ask(PATH).headers["ETag"]} if matches else {})
        given = {} if body is None else {"json": body}
        first, again = [desk.act(f"{PATH}/{step}", "compliance-officer", headers=headers, **given) for _ in range(2)]
        assert (first.status_code, first.data) == (200, again.data), step
        assert (b"Q-NOBODY" in first.data, b"Doctor of masked called." in first.data) == (False, True), step


def test_an_answer_that_was_kept_unmasked_leaves_masked(desk: Desk) -> None:
    """An earlier version of this program kept it so."""
    desk.ledger.load(SUSPENDED)
    desk.ledger.judge(order())
    headers = {"Idempotency-Key": "k-1"}
    desk.act(f"{PATH}/notes", headers=headers, json={"text": "P-1 called."})
    with transaction(desk.engine) as cursor:
        cursor.execute(
            "UPDATE moving_answered_call SET body = convert_to(replace(convert_from(body, 'UTF8'), 'masked called', 'P-1 called'), 'UTF8')"
        )
        [(body,)] = cursor.execute("SELECT body FROM moving_answered_call").fetchall()
    assert b"P-1 called." in body
    again = desk.act(f"{PATH}/notes", headers=headers, json={"text": "P-1 called."})
    assert b"P-1" not in again.data


def test_reasons_about_a_bypass_stay_masked_when_the_proposal_is_refused(desk: Desk, bypassed: str) -> None:
    patient = PATIENT | {"patient_id": "Q-NOBODY"}
    body = {"reason": "It went to Q-NOBODY.", "completion": {"patient": patient}}
    answers = [desk.act(f"{bypassed}/completions", seen=bypassed, json=body)]
    answers += [desk.ask("/v1/bypasses", "auditor"), desk.act(f"{bypassed}/refusals", seen=bypassed, json={"reason": "Not Q-NOBODY."})]
    answers += [desk.ask(path, "auditor") for path in ("/v1/bypasses", bypassed, "/v1/exports/bypasses")]
    for answer in answers:
        data = answer.get_data()
        assert (answer.status_code, b"Q-NOBODY" in data, b"It went to masked." in data) == (200, False, True)
    assert desk.answer(bypassed, headers=PURPOSE)["steps"][0]["reason"] == "It went to Q-NOBODY."


def test_what_was_written_of_a_line_of_another_program_stays_with_it(two: Desk) -> None:
    """Also when the next revision has no such line."""
    content = json.loads(order("SO-1"))
    two.ledger.judge(json.dumps(content | {"lines": [content["lines"][0], ALPHA]}).encode())
    two.act(f"{PATH}/notes", json={"text": "The other line is urgent."})
    two.ledger.judge(json.dumps(content | {"revision": 2}).encode())
    assert [entry["text"] for entry in two.answer(PATH, **LEMTRADA)["work"]["entries"]] == [None]
    answer = two.act(f"{PATH}/notes", "compliance-officer", json={"text": "Mine."}, **LEMTRADA)
    assert [entry["text"] for entry in answer.get_json()["work"]["entries"]] == [None, None]
    assert [entry["text"] for entry in two.answer(PATH)["work"]["entries"]] == ["The other line is urgent.", "Mine."]


def test_settings_name_no_other_wholesaler_and_no_other_program(desk: Desk) -> None:
    given = replace(desk.settings, reporting_wholesalers=("WD-001", "WD-SECRET"), programs_added=("alpha", "lemtrada"))
    desk.app = make_app(given, desk.engine, RuleBook.read())
    desk.client = desk.app.test_client()
    names = ("reporting_wholesalers", "programs_added")
    shown = {one["name"]: one["value"] for one in desk.answer("/v1/settings", "auditor", **OWN)["settings"]}
    assert [shown[name] for name in names] == [["WD-001"], ["lemtrada"]]
    shown = {one["name"]: one["value"] for one in desk.answer("/v1/settings", "auditor")["settings"]}
    assert [shown[name] for name in names] == [["WD-001", "WD-SECRET"], ["alpha", "lemtrada"]]


def test_a_site_of_another_program_does_not_say_of_which(two: Desk) -> None:
    content = order("SO-1", {"/ship_to/rems_site_id": "HF-A"})
    two.ledger.judge(content)
    asked = {"method": "POST", "json": {"orders": [json.loads(content) | {"order_id": "SO-2"}]}}
    for limits, programs in ((OWN, []), ({"wholesalers": ["WD-001"]}, ["alpha"])):
        examined = two.answer(PATH, "compliance-reader", **limits)["examinations"][0]["lines"]
        rehearsed = two.answer("/v1/rehearsals", "order-system", **asked, **limits)["orders"][0]["lines"]
        for [line] in (examined, rehearsed):
            [evidence] = [reason["evidence"] for reason in line["reasons"] if reason["code"] == "site_of_other_program"]
            assert evidence == {"kinds": ["rems_site_id"], "programs": programs}


def test_a_watched_product_does_not_say_who_watches_it(two: Desk) -> None:
    """Asked ahead, a line of no program is told to whoever may ask."""
    asked = {"orders": [json.loads(order("SO-1", {"/lines/0/product": {"ndc": "54321-0299-01"}}))]}
    answer = two.ask("/v1/rehearsals", "order-system", method="POST", json=asked, **OWN)
    assert (answer.status_code, b"alpha" in answer.data) == (200, False)


def test_a_refusal_names_no_other_program(two: Desk) -> None:
    body = {"program": "ghost", "site_id": "HF1", "wholesaler_id": "WD-001", "account": "1", "through": "2027-03-01", "evidence": "x"}
    answer = two.act("/v1/site-aliases", json=body, programs=["ghost"])
    assert (answer.status_code, b"alpha" in answer.data, b"lemtrada" in answer.data) == (409, False, False)


def test_lists_mask_the_name_that_the_order_writes(desk: Desk) -> None:
    """By the ids of all lines of all revisions, whether or not a registry has them; its page, its export and the digest."""
    desk.ledger.load(SUSPENDED)
    desk.ledger.judge(order("SO-7", {"/ship_to/name": "Home of Q-NOBODY", **UNKNOWN}), order("SO-8", {"/ship_to/name": "Home of P-1"}))
    for path in (
        "/v1/orders",
        "/v1/exports/orders",
        "/v1/exports/orders?format=jsonl",
        "/v1/digest",
        "/v1/digest?since=2026-11-20T16:00:00Z",
    ):
        data = desk.ask(path, "compliance-reader").get_data()
        assert data.count(b"Home of masked") >= 2, path
        assert not any(name in data for name in (b"Q-NOBODY", b"P-1"))
    assert desk.ask("/v1/orders/searches", method="POST", json={"purpose": "looking"}).data.count(b"Home of masked") == 2


def test_the_list_is_asked_for_no_more_than_it_has(desk: Desk) -> None:
    """A page of orders is masked by what the list has of them: no message is read again for it."""
    desk.ledger.load(SUSPENDED)
    desk.ledger.judge(order())
    found = Found()
    found.look(desk.answer("/v1/orders"))
    assert (found.texts, len(found.listed), found.orders) == (set(), 1, {("SO-1", "WD-001")})


def test_aliases_of_another_wholesaler_are_not_in_the_case(desk: Desk) -> None:
    desk.ledger.load()
    approved(desk.ledger, msgspec.structs.replace(SAID, wholesaler_id="WD-SECRET"))
    approved(desk.ledger, msgspec.structs.replace(ACCOUNT, wholesaler_id="WD-SECRET", account="4711"))
    desk.ledger.judge(order("SO-1", {"/ship_to/address/street": "9 Other Road"}))

    def aliases(**limits: Any) -> Any:
        [case] = [each["case"] for each in desk.answer(PATH, "compliance-reader", **limits)["examinations"]]
        return next(asked["answer"] for asked in case["asked"] if asked["question"] == ["alias", "HF1"])

    assert aliases(wholesalers=["WD-001"]) == []
    assert {alias["wholesaler_id"] for alias in aliases()} == {"WD-SECRET"}


def test_what_is_said_of_a_correction_is_masked_by_its_record(desk: Desk) -> None:
    """The answer has no record, but names it."""
    desk.ledger.load(authorization("AU-MANY", 1000))
    rems = Rems(desk.ledger)
    names = rems.records(2, MANY)
    rems.say(*[acknowledgement(name, "rejected") for name in names])
    for name, step in zip(names, ("approvals", "refusals"), strict=True):
        body = {"changes": {"patient_id": "Q-NOBODY"}, "reason": "Not P-1, but Q-NOBODY."}
        proposed = desk.act(f"/v1/distribution-records/{name}/corrections", json=body)
        path = f"/v1/corrections/{proposed.get_json()['correction_id']}/{step}"
        for answer in (proposed, desk.act(path, json={"reason": "Q-NOBODY it is."}, person="u-18")):
            shown = answer.get_json()
            assert (answer.status_code, shown["steps"][0]["reason"]) == (200, "Not masked, but masked.")
            assert b"NOBODY" not in answer.data


def test_what_is_decided_of_an_alert_is_masked_by_its_order(desk: Desk) -> None:
    desk.ledger.load()
    desk.ledger.judge(order("SO-1"), order("SO-1", {"/revision": 2, **UNKNOWN}))
    [alert] = desk.answer("/v1/alerts")["alerts"]
    body = {"decision": "no_action", "reason": "Q-NOBODY has it."}
    answer = desk.act(f"/v1/alerts/{alert['alert']['alert_id']}/decisions", json=body)
    assert answer.get_json()["decision"]["reason"] == "masked has it."
    assert desk.answer("/v1/alerts", "auditor")["alerts"][0]["decision"]["reason"] == "masked has it."


def test_a_text_is_masked_by_how_ids_are_written(desk: Desk) -> None:
    """Whether or not there is such a patient: what is masked tells nobody who is enrolled."""
    desk.ledger.load()
    desk.ledger.judge(order())
    catch_up(desk.engine)
    for guess in ("P-1", "P-2", "p-9"):
        answer = desk.act(f"{PATH}/notes", json={"text": f"Is it {guess}?"}).get_json()
        assert answer["work"]["entries"][-1]["text"] == "Is it masked?"


@pytest.mark.parametrize("word", ["P-1", "p.1-B", "abc", "A", "12345678", "AU-MANY", "4f2a-9", "x:y:1", "-1", ""])
def test_how_a_word_is_written_is_one_thing_here_and_in_the_database(desk: Desk, word: str) -> None:
    with transaction(desk.engine) as cursor:
        assert cursor.execute(f"SELECT {FORM.format('%(word)s::text')}".encode(), {"word": word}).fetchone() == (form_of(word),)


@pytest.mark.parametrize(("text", "shown"), [
    ("P-1", "masked"), ("for p-1.", "for masked."), ("P-12", "P-12"), ("XP-1", "XP-1"), ("X-P-1", "X-masked"),
    ("P-1/AU.7", "masked/masked"),
    ("WD-2:P-1", "WD-2:masked"), ("(P-1)(au.7)", "(masked)(masked)"), ("P_1", "P_1"), ("", ""), ("masked", "masked"),
])  # fmt: skip
def test_ids_are_found_where_they_stand_by_themselves(text: str, shown: str) -> None:
    masking = Masking(frozenset({"p-1", "au.7"}), frozenset(), frozenset())
    assert masking.of(found(text)).free.get(text, text) == shown


def test_names_of_others_leave_no_text() -> None:
    masking = Masking(frozenset(), frozenset(), frozenset({"WD-2", "alpha"}))
    assert masking.of(found("WD-2:4711 is of alpha, alphabet is not.")).free == {
        "WD-2:4711 is of alpha, alphabet is not.": "another is of another, alphabet is not."
    }


def found(text: str) -> Found:
    made = Found()
    made.texts.add(text)
    return made


def test_why_somebody_looked_shows_to_who_sees_all_lines(two: Desk) -> None:
    """It may speak of any of them, as whatever people write."""
    lines = [json.loads(order())["lines"][0], ALPHA]
    two.ledger.judge(order("SO-1", {"/lines": lines}))
    two.answer(PATH, headers=PURPOSE)
    for limits, purpose in (({}, PURPOSE["Gatekeeper-Purpose"]), (LEMTRADA, None)):
        [looked] = two.answer(PATH, **limits)["looked"]
        assert (looked["person"], looked["purpose"]) == ("u-17", purpose)


WRITTEN = {
    "/ship_to/account": "Q-NOBODY", "/ship_to/npi": "Q-NOBODY", "/ship_to/dea": "q-nobody", "/ship_to/hin": "Q-NOBODY",
    "/ship_from/gln": "Q-NOBODY", "/ship_to/ncpdp_id": "R-NOBODY", "/ship_to/address/state": "Q-NOBODY", "/lines/0/lot": "Q-NOBODY",
    "/ship_to/address/postal_code": "Q-NOBODY", "/lines/0/serials": ["Q-NOBODY"], "/lines/0/product/gtin": "R-NOBODY",
}  # fmt: skip


@pytest.mark.parametrize("place", WRITTEN)
def test_a_patient_in_the_place_of_a_number_is_masked_there(desk: Desk, place: str) -> None:
    """An account, a lot or a serial: where the order says it, and where the case asked about it."""
    desk.ledger.load(SUSPENDED)
    desk.ledger.judge(order("SO-1", UNKNOWN | {place: WRITTEN[place]}))
    assert b"-nobody" not in desk.ask(PATH).data.lower()
    assert b"-nobody" in desk.ask(PATH, headers=PURPOSE).data.lower()
