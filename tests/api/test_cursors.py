"""Cursors: nobody reads one or makes one, what stands in it is read strictly, and what it holds lets pages tell of one state."""

import base64
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import request

from gatekeeper.api import lists
from gatekeeper.api.app import make_app
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import transaction
from tests.api.desk import Desk
from tests.api.test_lists import pages
from tests.api.test_site_search import site
from tests.gate.ledger import NOON

NOBODY = "00000000-0000-0000-0000-000000000000"
SITES = "/v1/sites?program=lemtrada"
NAIVE = datetime(2026, 11, 20)  # noqa: DTZ001 - it is what must be refused
BEYOND = [2**63, 2**64 - 1, -1, -(2**63)]
FORGED: list[tuple[str, Any]] = [
    *[("/v1/orders", (number,)) for number in BEYOND],
    ("/v1/orders", (1, "2026-11-20")),
    ("/v1/orders?sort=ship_on", (1, None)),
    *[("/v1/orders?state=open&sort=oldest", (1, *times)) for times in ((NAIVE, NOON), (NOON, NAIVE), (NOON, None), (NOON,))],
    *[("/v1/orders?state=open&sort=oldest", (number, NOON, NOON)) for number in BEYOND],
    *[("/v1/alerts", (number, NOBODY)) for number in BEYOND],
    ("/v1/alerts", (1, "nobody")),
    *[("/v1/refusals", (number, 1, 1, 1)) for number in BEYOND],
    *[("/v1/refusals", (1, number, 1, 1)) for number in (*BEYOND, 2**15)],
    *[("/v1/refusals", (1, 1, number, 1)) for number in (*BEYOND, 2**31)],
    *[("/v1/refusals", (1, 1, 1, number)) for number in BEYOND],
    *[("/v1/refused-snapshots", number) for number in BEYOND],
    *[("/v1/corrections?program=lemtrada", number) for number in BEYOND],
    *[(f"/v1/findings?alert_id={NOBODY}", (0, number, 1, NOBODY)) for number in BEYOND],
    *[(f"/v1/findings?alert_id={NOBODY}", (0, 1, number, NOBODY)) for number in (*BEYOND, 2**15)],
    *[(path, (when, NOBODY)) for path in ("/v1/site-aliases", "/v1/bypasses", "/v1/voids") for when in (NAIVE, "2026-11-20", 1, None)],
    *[(SITES, (NOON, date(2026, 11, 20), number, 0, "HF1")) for number in BEYOND],
    *[(SITES, (NOON, date(2026, 11, 20), 1, number, "HF1")) for number in (*BEYOND, 2**31)],
    *[(SITES, (NOON, date(2026, 11, 20), 1, 0, name)) for name in ("HF\0", "", "H F", "HF1\n", "x" * 65, "\u00e9")],
    *[(SITES, (NOON, day, 1, 0, "HF1")) for day in (date.min, date.max, "2026-02-30")],
    *[(SITES, (when, date(2026, 11, 20), 1, 0, "HF1")) for when in (NAIVE, datetime.min.replace(tzinfo=UTC), "now", None)],
]


def cursor_of(desk: Desk, path: str, key: Any) -> str:
    """As this program would seal such a key."""
    with desk.app.test_request_context(path):
        sealed = lists.ends(dict(request.args), key)
    return f"{path}{'&' if '?' in path else '?'}cursor={sealed}"


@pytest.mark.parametrize(("path", "key"), FORGED)
def test_a_key_that_no_page_ended_with_is_refused(desk: Desk, path: str, key: Any) -> None:
    """An earlier version may have sealed it."""
    assert desk.problem(cursor_of(desk, path, key)) == "invalid-parameters"


def test_a_key_that_a_page_could_end_with_is_taken(desk: Desk) -> None:
    for path, key in [
        ("/v1/orders", (2**63 - 1,)),
        ("/v1/orders?state=open&sort=oldest", (2**63 - 1, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))),
        ("/v1/orders?sort=ship_on", (0, date.max)),
        ("/v1/alerts", (2**63 - 1, NOBODY)),
        ("/v1/refusals", (2**63 - 1, 2**15 - 1, 2**31 - 1, 2**63 - 1)),
        ("/v1/refused-snapshots", 2**63 - 1),
        ("/v1/corrections?program=lemtrada", 2**63 - 1),
        (f"/v1/findings?alert_id={NOBODY}", (1, 2**63 - 1, 2**15 - 1, NOBODY)),
        ("/v1/site-aliases", (datetime.max.replace(tzinfo=UTC), NOBODY)),
        ("/v1/voids", (datetime.max.replace(tzinfo=UTC), NOBODY)),
        ("/v1/bypasses", (datetime.min.replace(tzinfo=UTC), UUID(int=0))),
        (SITES, (NOON, date(2199, 12, 31), 2**63 - 1, 2**31 - 1, "HF:1")),
        (f"{SITES}&near=02110", (NOON, date(1900, 1, 1), 0, 2**31 - 1, "HF:1")),
    ]:
        desk.answer(cursor_of(desk, path, key))


def test_a_cursor_tells_nothing_of_how_much_the_ledger_has(desk: Desk) -> None:
    """Neither by what it says nor by how long it is; and every process of the ledger takes it."""
    small, large = [cursor_of(desk, "/v1/alerts", (number, UUID(NOBODY))) for number in (1, 2**62)]
    assert len(small) == len(large)
    told = base64.urlsafe_b64decode(large.rpartition("=")[2] + "==")
    assert UUID(NOBODY).bytes[:4] not in told
    assert (2**62).to_bytes(8) not in told
    changed = small[:-1] + ("A" if small[-1] != "A" else "Q")
    assert desk.problem(changed) == "invalid-parameters"
    desk.app = make_app(desk.settings, desk.engine, RuleBook.read())
    desk.client = desk.app.test_client()
    desk.answer(small)
    with transaction(desk.engine) as cursor:
        cursor.execute("DELETE FROM moving_cursor_key")
    desk.app.extensions.pop(lists.SEAL)
    assert desk.problem(small) == "invalid-parameters"


def test_a_cursor_of_a_list_fits_no_other_that_is_keyed_alike(desk: Desk) -> None:
    desk.ledger.load(*[site(name, number) for number, name in enumerate("ABC", 1)])
    path = cursor_of(desk, "/v1/bypasses", (NOON, UUID(NOBODY)))
    assert desk.ask(path).status_code == 200
    assert desk.problem(path.replace("bypasses", "site-aliases")) == "invalid-parameters"


@pytest.mark.parametrize("later", [timedelta(), timedelta(days=1)])
@pytest.mark.parametrize("asked", ["near=10002&within=250", "q=main", "", "certified=true"])
def test_sites_that_move_between_two_pages_are_shown_once_as_the_first_page_knew_them(desk: Desk, asked: str, later: timedelta) -> None:
    """One moves here from afar, one away, one loses its certificate; one comes new. All pages tell of the same day and instant.

    A load has the instant at which its transaction began: it may be that of the first page, which knew nothing of it yet.
    """
    near = [site("A", 1, "10002"), site("B", 2, "11226"), site("C", 3, "11218"), site("D", 4, "02110")]
    desk.ledger.load(*near, world=())
    path = f"{SITES}&{asked}".rstrip("&")
    wanted = desk.answer(f"{path}&limit=200")["sites"]
    assert {each["site_id"] for each in wanted} == set("ABCD")
    first, *_ = pages(desk, path, "sites")
    cursor = desk.answer(f"{path}&limit=2")["next"]
    desk.ledger.set_clock(NOON + later)
    moved = [site("D", 11, "10002", effective_on="2026-11-10"), site("A", 12, "02110", effective_on="2026-11-10")]
    lost = site("C", 13, "11218", effective_on="2026-11-10", status="suspended")
    desk.ledger.load(*near, *moved, lost, site("A0", 14), world=(), as_of=NOON + later)
    rest = desk.answer(f"{path}&limit=2&cursor={cursor}")
    shown = [each["site_id"] for each in (*first, *rest["sites"]) if each["holds"]]
    assert shown == [each["site_id"] for each in wanted]
    assert {(each["on"], each["certified"]) for each in (*first, *rest["sites"])} == {("2026-11-20", True)}
