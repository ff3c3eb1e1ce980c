"""Sites by name, address and place: what is found is what holds on the day as known at the instant, the nearest first."""

import json
import random
from datetime import date, timedelta
from math import acos, cos, degrees, radians, sin
from typing import Any
from urllib.parse import quote

import pytest

from gatekeeper import listing
from gatekeeper.api import sites
from gatekeeper.registry import site_list, site_search
from gatekeeper.registry.zip_codes import FILE, RADIUS, around, distance, point
from gatekeeper.storage import site_list as kept
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.api.desk import Desk
from tests.gate.ledger import NOON

PATH = "/v1/sites?program=lemtrada"
KNOWN = {line.split()[0]: tuple(map(float, line.split()[1:])) for line in FILE.read_text().splitlines() if line[0] != "#"}
MIDDLE, ON_5, BEYOND_5 = "10002", "11226", "11218"

WORDS = [
    ("mary", {"HF-A", "HF-B"}),
    ("MARYS", {"HF-A"}),
    ("mary's center", {"HF-A"}),
    ("medical", {"HF-A"}),
    ("Médic", {"HF-A"}),
    ("center", {"HF-A", "HF-C"}),
    ("ctr", {"HF-A", "HF-C"}),
    ("100 ocean ave salem", {"HF-B"}),
    ("100 ocean avenue", {"HF-B"}),
    ("ocean av", {"HF-B", "HF-D"}),
    ("ste 4", {"HF-B"}),
    ("salem, OR", {"HF-D"}),
    ("01970", {"HF-B"}),
    ("0197", set()),
    ("1", {"HF-A"}),
    ("c", set()),
    ("place", {"HF-E"}),
    ("mary harbor", set()),
    ("'; DROP TABLE fact; --", set()),
    ("mary:* | !harbor", set()),
]
NO_QUESTIONS = [
    "near=0211", "near=02110-", "near=%2002110", "near=00000", "near=02110&within=0", "near=02110&within=251", "within=5", "near=",
    "near=02110&within=5.5", "certified=false", "certified=", "q=", "q=%21%3F", "q=a+b+c+d+e+f+g+h+i+j+k",
    "near=%D9%A0%D9%A1%D9%A2%D9%A3%D9%A4",
]  # fmt: skip


def site(site_id: str, sequence: int, zip_code: str = MIDDLE, **more: Any) -> dict[str, Any]:
    address = {"street": f"{sequence} Main St", "city": "New York", "state": "NY", "postal_code": zip_code}
    return {
        "fact": "site", "program": "lemtrada", "sequence": sequence, "effective_on": "2025-06-01", "site_id": site_id,
        "class": "healthcare_facility", "status": "certified", "certified_on": "2025-06-01", "valid_through": "2027-05-31",
        "address": address, **more,
    }  # fmt: skip


def found(desk: Desk, query: str, path: str = PATH, **options: Any) -> list[str]:
    return [one["site_id"] for one in desk.answer(f"{path}&{query}", **options)["sites"]]


def tenths(one: str, other: str) -> int:
    """By another formula than the gatekeeper's."""
    (a, x), (b, y) = (tuple(map(radians, KNOWN[code])) for code in (one, other))
    return round(acos(min(1.0, sin(a) * sin(b) + cos(a) * cos(b) * cos(x - y))) * 39587.613) if one != other else 0


@pytest.fixture
def named(desk: Desk) -> Desk:
    desk.ledger.load(
        site("HF-A", 1, name="St. Mary's Médical Center"),
        site("HF-B", 2, name="Saint Mary Hospital", address={"street": "100 Ocean Avenue", "street2": "Suite 4", "city": "Salem",
             "state": "MA", "postal_code": "01970-1234"}),
        site("HF-C", 3, "02110", name="Harbor Infusion Center"),
        site("HF-D", 4, name="Elsewhere", address={"street": "1000 Ocean Ave", "city": "Salem", "state": "OR", "postal_code": "97301"}),
        {name: value for name, value in site("HF-E", 5, name="Without a place").items() if name != "address"},
        world=(),
    )  # fmt: skip
    return desk


def test_words_of_name_and_address_find(named: Desk) -> None:
    assert {q: set(found(named, f"q={quote(q)}")) for q, _ in WORDS} == dict(WORDS)


def test_what_is_no_question_is_a_problem(desk: Desk) -> None:
    for query in NO_QUESTIONS:
        assert desk.problem(f"{PATH}&{query}") == "invalid-parameters", query


def test_the_nearest_first_and_up_to_the_exact_boundary(desk: Desk) -> None:
    """What is shown is what is compared: 5.0 miles are within 5, 5.1 are not."""
    assert (tenths(MIDDLE, ON_5), tenths(MIDDLE, BEYOND_5)) == (50, 51)
    desk.ledger.load(
        site("B", 1), site("A", 2), site("ON", 3, f"{ON_5}-0001"), site("BEYOND", 4, BEYOND_5), site("FAR", 5, "90001"), world=()
    )
    answer = desk.answer(f"{PATH}&near={MIDDLE}-9999&within=5")["sites"]
    assert [(one["site_id"], one["miles"]) for one in answer] == [("A", 0.0), ("B", 0.0), ("ON", 5.0)]
    assert found(desk, f"near={MIDDLE}&within=6") == ["A", "B", "ON", "BEYOND"]
    assert found(desk, f"near={MIDDLE}&within=4") == ["A", "B"]
    assert found(desk, f"near={BEYOND_5}") == ["BEYOND", *found(desk, f"near={BEYOND_5}")[1:]]
    assert all("miles" not in one for one in desk.answer(PATH)["sites"])


def test_only_what_holds_is_found(desk: Desk) -> None:
    """A site that moved is found where it was on the day, and as it was known; one that is certified no longer, only for days before."""
    desk.ledger.load(
        site("M", 1, "02110"), site("S", 2), site("L", 3, valid_through="2026-11-19"), site("T", 4, valid_through="2026-11-20"), world=()
    )
    before = "2026-11-20T17:00:00Z"
    desk.ledger.set_clock(NOON + timedelta(hours=1))
    moved = site("M", 11, "60601", effective_on="2026-11-10")
    suspended = site("S", 12, status="suspended", effective_on="2026-11-10")
    known = [site("M", 1, "02110"), site("S", 2), site("L", 3, valid_through="2026-11-19"), site("T", 4, valid_through="2026-11-20")]
    desk.ledger.load(*known, world=())
    before, later = "2026-11-20T17:00:00Z", NOON + timedelta(hours=1)
    desk.ledger.set_clock(later)
    moved = site("M", 11, "60601", effective_on="2026-11-10")
    suspended = site("S", 12, status="suspended", effective_on="2026-11-10")
    desk.ledger.load(*known, moved, suspended, world=(), as_of=later)
    assert (found(desk, "near=02110"), found(desk, "near=60601")) == ([], ["M"])
    assert found(desk, "near=02110&at=2026-11-09") == found(desk, f"near=02110&known_at={before}") == ["M"]
    assert (found(desk, "q=02110"), found(desk, "q=60601")) == ([], ["M"])
    near = f"near={MIDDLE}"
    assert found(desk, near) == ["L", "S", "T"]
    assert found(desk, f"{near}&certified=true") == ["T"]
    assert found(desk, f"{near}&certified=true&at=2026-11-19") == ["L", "T"]
    assert found(desk, f"{near}&certified=true&at=2026-11-21") == []
    assert found(desk, f"{near}&certified=true&known_at={before}") == ["S", "T"]
    assert found(desk, f"{near}&certified=true&at=2026-11-09") == ["L", "S", "T"]
    assert found(desk, "certified=true") == ["M", "T"]
    assert found(desk, "near=60601&at=2025-05-31") == []
    [lapsed] = desk.answer(f"{PATH}&site_id=L")["sites"]
    assert (lapsed["certified"], lapsed["holds"][0]["status"]) == (False, "certified")


@pytest.mark.parametrize("size", [(16, 5000), (1, 5000), (1, 0), (3, 7)])
def test_it_says_what_a_plain_search_says(desk: Desk, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    """Random sites with several facts each; whatever is asked, page by page, it is what a walk over all sites finds."""
    monkeypatch.setattr(site_search, "ZIP_CODES_AT_ONCE", size[0])
    monkeypatch.setattr(site_search, "MOST_FOUND", size[1])
    chance = random.Random(7)  # noqa: S311 - the same each time
    codes = [MIDDLE, ON_5, BEYOND_5, "10003", "11201", "07030", "60601"]
    words = ["Harbor", "Hargrove", "Infusion", "Clinic", "Ocean", "Street", "St"]
    facts = [
        site(f"S-{chance.randrange(25)}", number, chance.choice(codes), name=" ".join(chance.sample(words, 2)),
             effective_on=str(date(2026, 11, 1) + timedelta(days=chance.randrange(25))),
             status=chance.choice(["certified", "certified", "suspended"]))
        for number in range(1, 61)
    ]  # fmt: skip
    desk.ledger.load(*facts, world=())
    for _ in range(25):
        q = chance.choice([None, "har", "st", "ocean street", "clinic"])
        near, within = chance.choice([None, MIDDLE, "11201"]), chance.choice([1, 3, 5, 10])
        if near is None and size[1] == 0:
            q = None
        certified, at = chance.random() < 0.5, str(date(2026, 11, chance.randrange(1, 28)))
        asked = f"at={at}" + (f"&q={quote(q)}" if q else "") + (f"&near={near}&within={within}" if near else "")
        asked += "&certified=true" if certified else ""
        if size[1] == 7 and q and not near and desk.ask(f"{PATH}&{asked}").status_code == 400:
            continue
        assert pages(desk, asked, 3) == plainly(facts, q, near, within, certified=certified, at=at, by_id=not q and not near), asked


def pages(desk: Desk, asked: str, limit: int) -> list[str]:
    seen, cursor = list[str](), ""
    while True:
        answer = desk.answer(f"{PATH}&{asked}&limit={limit}{cursor}")
        seen += [one["site_id"] for one in answer["sites"]]
        if answer["next"] is None:
            return seen
        cursor = f"&cursor={answer['next']}"


def plainly(
    facts: list[dict[str, Any]], q: str | None, near: str | None, within: int, *, certified: bool, at: str, by_id: bool
) -> list[str]:
    shown = []
    for name in sorted({fact["site_id"] for fact in facts}):
        begun = [fact for fact in facts if fact["site_id"] == name and fact["effective_on"] <= at]
        if not begun:
            if by_id and not certified:
                shown.append((0, name))
            continue
        holds = max(begun, key=lambda fact: (fact["effective_on"], fact["sequence"]))
        has = f"{holds['name']} {holds['address']['street']} new york ny".lower().split()
        alike = {"street": {"street", "st"}}
        fits = all(any(word.startswith(each) or word in alike.get(each, ()) for word in has) for each in (q or "").split())
        away = 0 if near is None else tenths(near, holds["address"]["postal_code"])
        if fits and away <= within * 10 and (not certified or (holds["status"] == "certified" and at <= "2027-05-31")):
            shown.append((away, name))
    return [name for _, name in sorted(shown)]


def test_what_fits_too_much_needs_a_place(named: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_search, "MOST_FOUND", 1)
    assert found(named, "q=marys") == ["HF-A"]
    assert named.problem(f"{PATH}&q=center") == "invalid-parameters"
    assert found(named, "q=center&near=02110") == ["HF-C"]
    assert named.problem("/v1/exports/sites?program=lemtrada&q=center") == "invalid-parameters"


def test_a_page_looks_at_so_many_sites_at_most(named: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "MOST_LOOKED_AT", 2)
    first = named.answer(f"{PATH}&certified=true&at=2010-01-01")
    assert (first["sites"], first["next"] is None) == ([], False)
    assert pages(named, "certified=true&at=2010-01-01", 3) == []
    assert pages(named, "", 3) == ["HF-A", "HF-B", "HF-C", "HF-D", "HF-E"]


def test_other_filters_combine_with_it(named: Desk) -> None:
    named.ledger.load(site("HF-F", 9, name="Mary", identifiers={"npi": ["1234567893"], "account": ["WD-9:777"]}))
    assert found(named, "q=mary&identifier=1234567893") == ["HF-F"]
    assert found(named, "q=mary&site_id=HF-F") == found(named, f"near={MIDDLE}&site_id=HF-F&certified=true") == ["HF-F"]
    assert found(named, "q=harbor&site_id=HF-F") == []
    assert found(named, "q=mary&identifier=WD-9:777") == ["HF-F"]
    assert found(named, "q=mary&identifier=WD-9:777", wholesalers=["WD-001"]) == []
    assert b"777" not in named.ask(f"{PATH}&q=mary", wholesalers=["WD-001"]).data


def test_no_patient_stands_in_the_url(named: Desk) -> None:
    named.ledger.load()
    listing.catch_up(named.engine)
    assert named.problem(f"{PATH}&q=P-1") == "invalid-parameters"
    assert named.problem("/v1/exports/sites?program=lemtrada&q=AU-1") == "invalid-parameters"


def test_an_export_is_the_list(named: Desk) -> None:
    answer = named.ask("/v1/exports/sites?program=lemtrada&format=jsonl&q=center&at=2026-11-20&known_at=2026-11-20T18:00:00Z")
    shown = named.answer(f"{PATH}&q=center&at=2026-11-20&known_at=2026-11-20T18:00:00Z")["sites"]
    assert [line["site_id"] for line in map(json.loads, answer.data.splitlines())] == [one["site_id"] for one in shown]
    table = named.ask(f"/v1/exports/sites?program=lemtrada&near={MIDDLE}").get_data(as_text=True).splitlines()
    assert table[1].startswith("lemtrada,HF-A,2026-11-20,2026-11-20T17:00:00.000Z,true,0.0,certified,,")


def test_the_list_is_made_anew_from_the_registry(named: Desk) -> None:
    """In pieces of any size; and how it was taken in, in one go or after each load, makes no difference."""
    site_list.catch_up(named.engine)
    named.ledger.load(site("HF-F", 9))
    site_list.catch_up(named.engine)
    whole = _rows(named)
    assert len(whole) > 6
    for most in (1, 2, 5, 1000):
        with transaction(named.engine) as cursor:
            for table in tables.LISTED_SITES:
                cursor.execute(f"TRUNCATE {table.name}".encode())
        while site_list.step(named.engine, most=most):
            pass
        assert _rows(named) == whole
    with transaction(named.engine) as cursor:
        assert kept.take_sites(cursor)
        named.ledger.load(site("HF-G", 10))
        assert not site_list.step(named.engine)
    assert "HF-G" in found(named, f"near={MIDDLE}")


def _rows(desk: Desk) -> list[Any]:
    with transaction(desk.engine) as cursor:
        return cursor.execute(
            "SELECT l::text, (SELECT registry_version FROM moving_listed_sites_up_to) FROM moving_listed_site l ORDER BY fact"
        ).fetchall()


@pytest.mark.parametrize(("statement", "index"), [(kept.BY_WORDS, "moving_listed_site_words"), (kept.BY_PLACE, "moving_listed_site_place")])
def test_it_is_found_by_index(named: Desk, statement: str, index: str) -> None:
    asked = {"program": "lemtrada", "on": date(2026, 11, 20), "certified": True, "words": "'MARY':*", "zip_codes": [MIDDLE], "most": 9}
    with transaction(named.engine) as cursor:
        plan = "\n".join(row[0] for row in cursor.execute(f"EXPLAIN {statement}".encode(), asked))
    assert index in plan


def test_distances_on_a_meridian_and_across_the_date_line() -> None:
    assert distance(point(40, -74), point(40 + degrees(10 / RADIUS), -74)) == pytest.approx(10)
    assert distance(point(0, 179.5), point(0, -179.5)) == pytest.approx(radians(1) * RADIUS)
    assert distance(point(90, 0), point(-90, 0)) == pytest.approx(3.141592653589793 * RADIUS)


def test_all_that_lie_around_are_found_and_no_other() -> None:
    """Beside what a walk over all of them finds by another formula, also in the far north, on islands and beside the date line."""
    for zip_code, miles in ((MIDDLE, 3), ("99723", 250), ("96799", 100), ("96913", 250), ("00802", 40)):
        plain = {code for code in KNOWN if tenths(zip_code, code) <= miles * 10}
        found = around(zip_code, miles)
        assert found.keys() == plain
        assert [*found.items()] == sorted(found.items(), key=lambda each: (each[1], each[0]))
        assert found[zip_code] == 0


def test_it_says_while_a_load_is_still_taken_in(named: Desk) -> None:
    bearer = {"Authorization": named.bearer()}
    for asked, complete in (("q=center", False), (f"near={MIDDLE}", False), ("certified=true", True)):
        assert named.client.get(f"{PATH}&{asked}", headers=bearer).get_json()["complete"] is complete
    assert site_list.step(named.engine, most=2)
    assert named.client.get(f"{PATH}&q=center", headers=bearer).get_json()["complete"] is False
    assert named.answer(f"{PATH}&q=center")["complete"] is True
