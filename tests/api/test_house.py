"""What holds of every answer: headers, limits, problems, health, metrics; and that nothing of a fault shows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from gatekeeper import telemetry
from gatekeeper.api.app import HEADERS, make_app
from gatekeeper.api.problems import KINDS, PREFIX
from gatekeeper.config import Settings
from gatekeeper.domain.reasons import REASONS
from gatekeeper.errors import Unusable
from gatekeeper.people.permissions import BUILT_IN, read_roles
from gatekeeper.readers import WrongValueError
from gatekeeper.rules import RuleBook
from gatekeeper.serving import serve
from gatekeeper.storage.engine import open_engine
from tests.api.desk import DOCUMENT, Desk, token

DOCS = Path(__file__).parents[2] / "docs"
PATIENT = "P-00001234"


@pytest.fixture
def away(desk: Desk) -> Iterator[Flask]:
    """The API with a database that cannot be reached."""
    engine = open_engine("postgresql://nobody@127.0.0.1:1/none")
    yield make_app(desk.settings, engine, RuleBook.read())
    engine.dispose()


def test_health_and_readiness_are_for_everybody(desk: Desk, away: Flask) -> None:
    assert desk.answer("/health/live") == {"live": True}
    assert desk.ask("/health/ready", None).get_json() == {"ready": True, "lists": False}
    assert away.test_client().get("/health/live").status_code == 200
    gone = away.test_client().get("/health/ready")
    assert (gone.status_code, gone.get_json()) == (503, {"ready": False, "lists": False})


def test_a_database_that_is_away_is_a_problem_that_passes(desk: Desk, away: Flask) -> None:
    bearer = {"Authorization": f"Bearer {token(roles=['lead'], wholesalers=['*'], programs=['*'])}"}
    answer = away.test_client().get("/v1/alerts", headers=bearer)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert json.loads(answer.data) == {"type": PREFIX + "unavailable", "title": KINDS["unavailable"].title, "status": 503}
    assert desk.ask("/v1/alerts").status_code == 200


def test_keys_that_cannot_be_fetched_are_a_problem_that_passes(desk: Desk) -> None:
    settings = Settings(jwks_url="http://127.0.0.1:1/keys", issuer="id", audience="gate")
    answer = (
        make_app(settings, desk.engine, RuleBook.read()).test_client().get("/v1/reasons", headers={"Authorization": f"Bearer {token()}"})
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert b"127.0.0.1" not in answer.data


def test_every_answer_has_the_headers(desk: Desk) -> None:
    for path, role in (("/health/live", None), ("/v1/reasons", "lead"), ("/v1/reasons", None), ("/nowhere", None)):
        answer = desk.ask(path, role)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_what_is_not_there(desk: Desk) -> None:
    assert desk.problem("/v2/orders") == "not-found"
    assert desk.problem("/v1/sites/lemtrada/a%20b") == "not-found"
    assert desk.problem("/v1/sites/lemtrada/" + "x" * 65) == "not-found"
    answer = desk.ask("/v1/reasons", method="POST")
    assert (answer.status_code, sorted(answer.headers["Allow"].split(", "))) == (405, ["GET", "HEAD"])
    assert desk.problem("/v1/reasons", method="OPTIONS") == "method-not-allowed"
    assert desk.problem("/v1/reasons/") == "not-found"


@pytest.mark.parametrize(("query", "errors"), [
    ("program=lemtrada&colour=red", [{"parameter": "colour", "detail": "Is not in the contract."}]),
    ("program=lemtrada&program=lemtrada", [{"parameter": "program", "detail": "Stands twice."}]),
    ("", [{"parameter": "program", "detail": "Must be given."}]),
    ("program=a%00b", [{"parameter": "program", "detail": "Must be a program's name."}]),
    ("program=lemtrada&limit=0", [{"parameter": "limit", "detail": "Must be a whole number from 1 to 200."}]),
    ("program=lemtrada&limit=1e1", [{"parameter": "limit", "detail": "Must be a whole number from 1 to 200."}]),
    ("program=lemtrada&limit=" + "9" * 400, [{"parameter": "limit", "detail": "Must be a whole number from 1 to 200."}]),
    ("program=lemtrada&limit=%D9%A5", [{"parameter": "limit", "detail": "Must be a whole number from 1 to 200."}]),
    ("program=lemtrada&at=2026-02-30", [{"parameter": "at", "detail": "Must be a day, YYYY-MM-DD, from 1900 to 2199."}]),
    ("program=lemtrada&P-00001234=1", [{"parameter": "*", "detail": "Is not in the contract."}]),
    ("program=lemtrada&identifier=%0d%0aX:%201", [{"parameter": "identifier", "detail": "Must not hold a control character."}]),
])  # fmt: skip
def test_a_query_is_read_strictly(desk: Desk, query: str, errors: list[dict[str, str]]) -> None:
    answer = desk.ask(f"/v1/sites?{query}")
    assert (answer.status_code, json.loads(answer.data).get("errors")) == (400, errors)
    assert PATIENT.encode() not in answer.data


def test_a_query_that_is_not_utf8_is_none(desk: Desk) -> None:
    answer = desk.ask("/v1/sites?program=lemtrada&identifier=%ED%A0%80")
    assert (answer.status_code, json.loads(answer.data)["detail"]) == (400, "The query is not UTF-8.")


@pytest.mark.parametrize("cursor", ["x", "AAAA", "gg", "k" * 400, "%00", "../../x", "kgAA", "ks8AAAAAAAAAAAE"])
def test_a_cursor_that_no_page_gave(desk: Desk, cursor: str) -> None:
    assert desk.problem(f"/v1/refusals?cursor={cursor}") == "invalid-parameters"


def test_a_fault_shows_nothing_of_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr("gatekeeper.api.problems.log", lambda event, **fields: logged.append((event, fields)))

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError(PATIENT)

    monkeypatch.setattr("gatekeeper.api.rules.ReasonList", broken)
    answer = desk.ask("/v1/reasons")
    assert (answer.status_code, json.loads(answer.data)["type"]) == (500, PREFIX + "fault")
    assert PATIENT.encode() not in answer.data
    assert logged == [("request_failed", {"code": "ValueError"})]
    assert logged[0][0] in telemetry.EVENTS


def test_metrics_are_those_of_the_program(desk: Desk) -> None:
    answer = desk.ask("/metrics", "operator")
    assert answer.content_type.startswith("text/plain")
    assert b"gatekeeper_refused_messages_total" in answer.data


def test_reasons_and_programs_are_those_in_force(desk: Desk) -> None:
    assert [reason["code"] for reason in desk.answer("/v1/reasons")["reasons"]] == list(REASONS)
    desk.ledger.load()
    [program] = desk.answer("/v1/programs")["programs"]
    assert (program["program"], program["registry_as_of"], program["registry_stale"]) == ("lemtrada", "2026-11-20T17:00:00.000Z", False)
    assert program["rules"]["packages"][0]["units"] == {"vial": 1}
    assert desk.answer("/v1/programs", programs=["tegsedi"])["programs"] == []


def test_the_page_tells_every_problem_permission_and_role() -> None:
    page = (DOCS / "http.md").read_text(encoding="utf-8")
    for name in (*KINDS, *[role.name for role in BUILT_IN], *[permission for role in BUILT_IN for permission in role.permissions]):
        assert f"`{name}`" in page, name
    for path in DOCUMENT["paths"]:
        assert path in page, path


def test_roles_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text('night = ["orders.read", "alerts.read"]\n')
    [role] = read_roles(str(path))
    assert (role.name, sorted(role.permissions)) == ("night", ["alerts.read", "orders.read"])
    for content, sentence in (
        ('night = "orders.read"', "which must be a list"),
        ('night = ["all"]', "which must be a list"),
        ('"a b" = []', "whose name"),
    ):
        path.write_text(content)
        with pytest.raises(WrongValueError, match=sentence):
            read_roles(str(path))


def test_nobody_is_served_who_could_not_be_recognized() -> None:
    with pytest.raises(Unusable, match="Nobody can be recognized"):
        serve(Settings())
