"""How often one may ask, and from where."""

import json
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from gatekeeper.api.app import make_app
from gatekeeper.api.limits import BURST_S, MOST_CALLERS, Rates
from gatekeeper.api.problems import PREFIX, Problem
from gatekeeper.config import read_settings
from gatekeeper.errors import Unusable
from gatekeeper.rules import RuleBook
from tests.api.desk import Desk, check, token


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def asked(rates: Rates, caller: str = "u") -> int:
    """After how many seconds he may ask again; 0 where he may now."""
    try:
        rates.count(caller)
    except Problem as problem:
        return problem.retry_after_s
    return 0


def test_so_much_at_once_and_then_at_the_rate() -> None:
    clock = Clock()
    rates = Rates(4, clock)
    assert [asked(rates) for _ in range(4 * BURST_S)] == [0] * 4 * BURST_S
    assert asked(rates) == 1
    assert asked(rates, "another") == 0
    clock.at += 0.25
    assert [asked(rates), asked(rates)] == [0, 1]
    clock.at += 100
    assert [asked(rates) for _ in range(4 * BURST_S + 1)] == [0] * 4 * BURST_S + [1]


def test_those_who_were_quiet_are_forgotten() -> None:
    clock = Clock()
    rates = Rates(1, clock)
    for number in range(MOST_CALLERS):
        assert asked(rates, str(number)) == 0
    clock.at += 1
    assert asked(rates, "one more") == 0
    assert list(rates._paid) == ["one more"]  # noqa: SLF001


@pytest.fixture
def client(desk: Desk) -> FlaskClient:
    """A client of an application that lets one ask ten times, and a page from one origin."""
    settings = replace(desk.settings, http_rate=1, http_origins=frozenset({"https://desk.example"}))
    return make_app(settings, desk.engine, RuleBook.read()).test_client()


def bearer(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(**({'roles': ['lead']} | claims))}"}


def test_who_asks_too_often_is_told_when_to_ask_again(client: FlaskClient) -> None:
    """Also whoever may not ask; the rate is the person's, whatever token is sent."""
    assert {client.get("/v1/reasons", headers=bearer(roles=[role])).status_code for role in ["lead", "nobody"] * 5} == {200, 403}
    answer = client.get("/v1/reasons", headers=bearer(name="Another"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert json.loads(answer.data)["type"] == PREFIX + "too-many-requests"
    check("GET", "/v1/reasons", answer)
    assert client.get("/v1/reasons", headers=bearer(sub="u-18")).status_code == 200
    assert client.get("/health/live").status_code == 200


ASKS = {"Origin": "https://desk.example", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


def test_a_page_of_a_named_origin_may_ask(client: FlaskClient) -> None:
    first = client.options("/v1/reasons", headers=ASKS)
    assert (first.status_code, first.headers["Access-Control-Allow-Origin"], first.data) == (204, "https://desk.example", b"")
    assert "Authorization" in first.headers["Access-Control-Allow-Headers"]
    answer = client.get("/v1/reasons", headers=bearer() | {"Origin": "https://desk.example"})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://desk.example")
    assert client.get("/v1/reasons", headers={"Origin": "https://desk.example"}).headers["Access-Control-Allow-Origin"]
    for each in (first, answer, client.get("/v1/reasons", headers=bearer())):
        assert "Origin" in each.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in each.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "https://desk.example.evil.example", "http://desk.example", "null", ""])
def test_no_other_may(client: FlaskClient, origin: str) -> None:
    first = client.options("/v1/reasons", headers=ASKS | {"Origin": origin})
    answer = client.get("/v1/reasons", headers=bearer() | {"Origin": origin})
    assert (first.status_code, answer.status_code) == (405, 200)
    for each in (first, answer):
        assert not [name for name, _ in each.headers if name.startswith("Access-Control")]


def test_none_may_where_none_is_named(desk: Desk) -> None:
    answer = desk.client.options("/v1/reasons", headers=ASKS)
    assert (answer.status_code, "Access-Control-Allow-Origin" in answer.headers, "Vary" in answer.headers) == (405, False, False)


@pytest.mark.parametrize("text", ["*", "desk.example", "https://desk.example/", "https://Desk.example", "null", "https://a,", "ftp://a"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(Unusable, match="GATEKEEPER_HTTP_ORIGINS must be origins"):
        read_settings({"GATEKEEPER_HTTP_ORIGINS": text})
