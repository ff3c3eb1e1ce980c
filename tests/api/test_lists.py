"""Sites in both times, refusals, alerts, the feed; pages neither skip nor repeat; pseudonyms are masked, or on record."""

import json
from collections.abc import Iterator
from datetime import timedelta
from threading import Timer
from typing import Any
from uuid import UUID

import pytest

from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.api.desk import PURPOSE, Desk
from tests.gate.ledger import NOON, WORLD, authorization, order
from tests.gate.test_revisions import revision

PATIENTS = {value for fact in WORLD for name, value in fact.items() if name in {"patient_id", "authorization_id"}}
FEED = "/v1/distribution-records?program=lemtrada"


def pages(desk: Desk, path: str, member: str, **options: Any) -> Iterator[list[Any]]:
    """Every page of a list."""
    cursor = ""
    while True:
        answer = desk.answer(f"{path}{'&' if '?' in path else '?'}limit=2{cursor}", **options)
        yield answer[member]
        if answer["next"] is None:
            return
        cursor = f"&cursor={answer['next']}"


def test_sites_page_by_their_ids_and_find_by_identifier(desk: Desk) -> None:
    desk.ledger.load()
    wanted = sorted({fact["site_id"] for fact in WORLD if fact["fact"] == "site" and fact["program"] == "lemtrada"})
    found = [site for page in pages(desk, "/v1/sites?program=lemtrada", "sites") for site in page]
    assert [site["site_id"] for site in found] == wanted
    site = next(fact for fact in WORLD if fact["fact"] == "site" and fact.get("identifiers", {}).get("npi"))
    by_npi = desk.answer(f"/v1/sites?program=lemtrada&identifier={site['identifiers']['npi'][0]}")["sites"]
    assert site["site_id"] in [each["site_id"] for each in by_npi]
    [one] = desk.answer(f"/v1/sites?program=lemtrada&site_id={site['site_id']}")["sites"]
    assert one["holds"][0]["fact"]["address"] == site["address"]


def test_a_site_in_both_times(desk: Desk) -> None:
    desk.ledger.load()
    before = "2026-11-20T17:00:00Z"
    desk.ledger.set_clock(NOON + timedelta(hours=1))
    site = next(fact for fact in WORLD if fact.get("site_id") == "HF1")
    desk.ledger.load(site | {"sequence": 990, "status": "suspended", "effective_on": "2026-11-19"}, as_of=NOON + timedelta(hours=1))
    path = "/v1/sites/lemtrada/HF1"
    assert desk.answer(path)["holds"][0]["status"] == "suspended"
    assert desk.answer(f"{path}?known_at={before}")["holds"][0]["status"] == "certified"
    assert desk.answer(f"{path}?at=2026-11-18")["holds"][0]["status"] == "certified"
    assert [fact["status"] for fact in desk.answer(path)["history"]] == ["certified", "suspended"]
    early = desk.answer(f"{path}?at=1990-01-01")
    assert (early["holds"], early["why"][:16]) == ([], "It is known, but")
    assert desk.answer("/v1/sites/lemtrada/HF-NONE")["why"].startswith("It is unknown")


def test_accounts_of_other_wholesalers_do_not_show(desk: Desk) -> None:
    site = next(fact for fact in WORLD if fact.get("site_id") == "HF1")
    accounts = {"account": ["WD-001:10023", "WD-9:777"]}
    desk.ledger.load(site | {"sequence": 990, "identifiers": accounts, "effective_on": "2026-11-19"})
    path = "/v1/sites/lemtrada/HF1"
    assert desk.answer(path)["holds"][0]["fact"]["identifiers"]["account"] == accounts["account"]
    limited = desk.ask(path, wholesalers=["WD-001"])
    assert limited.get_json()["holds"][0]["fact"]["identifiers"]["account"] == ["WD-001:10023"]
    assert b"777" not in limited.data
    search = "/v1/sites?program=lemtrada&identifier=WD-9:777"
    assert [site["site_id"] for site in desk.answer(search)["sites"]] == ["HF1"]
    assert desk.answer(search, wholesalers=["WD-001"])["sites"] == []


def test_refusals_page_from_the_newest_while_more_arrive(desk: Desk) -> None:
    """What arrives while somebody turns pages is neither skipped nor repeated."""
    for number in range(5):
        desk.ledger.judge(b"rubbish %d" % number, partition=number % 2)
    first = desk.answer("/v1/refusals?limit=2")
    desk.ledger.judge(b"rubbish of later")
    rest = [desk.answer(f"/v1/refusals?limit=2&cursor={first['next']}")]
    while rest[-1]["next"]:
        rest.append(desk.answer(f"/v1/refusals?limit=2&cursor={rest[-1]['next']}"))
    seen = [refusal["position"] for page in (first, *rest) for refusal in page["refusals"]]
    wanted = [row[:4] for row in desk.ledger.rows(tables.REFUSAL)]
    assert len(wanted) == 6
    assert sorted((each["partition"], each["offset"]) for each in seen) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert b"rubbish" not in desk.ask("/v1/refusals").data


def test_a_cursor_fits_its_own_list_only(desk: Desk) -> None:
    for number in range(3):
        desk.ledger.judge(b"rubbish %d" % number)
    cursor = desk.answer("/v1/refusals?limit=1")["next"]
    assert desk.problem(f"/v1/alerts?cursor={cursor}") == "invalid-parameters"
    assert desk.problem(f"/v1/sites?program=lemtrada&cursor={cursor}") == "invalid-parameters"
    assert desk.ask(f"/v1/refusals?limit=2&cursor={cursor}").status_code == 200


def test_alerts_show_to_whom_they_concern(desk: Desk) -> None:
    """An alert about an order names its wholesaler; one about a registry names its program."""
    desk.ledger.load(authorization("AU-MANY", 99))
    other = {"/wholesaler_id": "WD-2", "/lines/0/patient/authorization_id": "AU-MANY"}
    desk.ledger.judge(order(), order("SO-2", other))
    desk.ledger.judge(revision(2), order("SO-2", other | {"/revision": 2}))
    alerts = [shown["alert"] for page in pages(desk, "/v1/alerts", "alerts") for shown in page]
    assert {alert["kind"] for alert in alerts} == {"released_order_superseded"}
    assert len(alerts) == len(desk.ledger.rows(tables.ALERT)) == 2
    [own] = desk.answer("/v1/alerts?wholesaler_id=WD-2", wholesalers=["WD-2"])["alerts"]
    assert (own["alert"]["wholesaler_id"], own["alert"]["order_id"]) == ("WD-2", "SO-2")
    assert [shown["alert"]["order_id"] for shown in desk.answer("/v1/alerts", wholesalers=["WD-2"])["alerts"]] == ["SO-2"]
    assert desk.answer("/v1/alerts", programs=["tegsedi"])["alerts"] == []
    assert desk.answer("/v1/alerts?kind=registry_stale")["alerts"] == []


def feed(desk: Desk) -> list[dict[str, Any]]:
    """Two records in the ledger, as they were published."""
    desk.ledger.load(authorization("AU-MANY", 99))
    desk.ledger.judge(order(), order("SO-2", {"/lines/0/patient/authorization_id": "AU-MANY"}))
    records = [json.loads(row[7]) for row in desk.ledger.rows(tables.DISTRIBUTION_RECORD)]
    assert len(records) == 2
    return sorted(records, key=lambda record: record["sequence"])


def test_the_feed_goes_by_sequence_and_masks_patients(desk: Desk) -> None:
    records = feed(desk)
    first = desk.answer(f"{FEED}&limit=1")
    second = desk.answer(f"{FEED}&after={first['after']}")
    assert [record["sequence"] for answer in (first, second) for record in answer["records"]] == [1, 2]
    assert (first["last"], second["after"], second["patients"]) == (2, 2, "masked")
    masked = {"patient_id": "masked", "authorization_id": "masked"}
    assert first["records"] + second["records"] == [record | masked for record in records]
    assert desk.answer(f"{FEED}&after=2")["records"] == []
    assert not desk.ledger.rows(tables.INQUIRY)


def test_whoever_sees_patients_is_on_record_with_what_for(desk: Desk) -> None:
    records = feed(desk)
    answer = desk.answer(FEED, "rems", headers=PURPOSE)
    assert (answer["records"], answer["patients"]) == (records, "shown")
    [row] = desk.ledger.rows(tables.INQUIRY)
    assert isinstance(row[0], UUID)
    assert row[1:-2] == ("patients", "list_records", "checks for a test", 2, None, None, "lemtrada", 1, 2, "u-17", "J. Rivera")
    assert desk.problem(FEED, "auditor", headers=PURPOSE) == "not-permitted"
    assert desk.problem(FEED, headers={"Gatekeeper-Purpose": " "}) == "invalid-parameters"
    assert desk.problem(FEED, headers={"Gatekeeper-Purpose": "x" * 201}) == "invalid-parameters"
    desk.answer(f"{FEED}&after=2", headers=PURPOSE)
    assert len(desk.ledger.rows(tables.INQUIRY)) == 1


def test_what_cannot_be_put_on_record_is_not_shown(desk: Desk) -> None:
    feed(desk)
    with transaction(desk.ledger.engine) as cursor:
        cursor.execute("ALTER TABLE inquiry RENAME TO inquiry_of_before")
    answer = desk.ask(FEED, headers=PURPOSE)
    assert answer.status_code == 500
    assert not any(patient.encode() in answer.data for patient in PATIENTS)


def test_a_follower_waits_for_the_next_record(desk: Desk) -> None:
    feed(desk)
    later = Timer(0.3, lambda: desk.ledger.judge(order("SO-3", {"/lines/0/patient/authorization_id": "AU-MANY"})))
    later.start()
    answer = desk.answer(f"{FEED}&after=2&wait=20")
    later.join()
    assert [record["order_id"] for record in answer["records"]] == ["SO-3"]


def test_followers_do_not_take_all_threads(desk: Desk) -> None:
    """As many as may wait do; the next is told when to ask again, unless there is something for him."""
    waiters = desk.app.extensions["gatekeeper"].waiters
    for _ in range(desk.settings.http_threads // 2):
        assert waiters.acquire(blocking=False)
    refused = desk.ask(f"{FEED}&wait=20")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert desk.answer(FEED)["records"] == []
    waiters.release()
    desk.app.extensions["gatekeeper"].stopping.set()
    desk.answer(f"{FEED}&wait=20")
    assert waiters.acquire(blocking=False)


@pytest.mark.parametrize("wait", ["0", "1"])
def test_a_follower_is_told_when_there_is_nothing(desk: Desk, wait: str) -> None:
    desk.app.extensions["gatekeeper"].stopping.set()
    answer = desk.answer(f"{FEED}&wait={wait}")
    assert (answer["records"], answer["after"], answer["last"]) == ([], 0, 0)
