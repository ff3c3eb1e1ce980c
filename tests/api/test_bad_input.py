"""Bad input of all kinds, for every operation of the document: a clear problem, nothing of it in an answer or on a log, nothing changed."""

import gzip
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from gatekeeper.api.areas import KIB
from gatekeeper.storage import tables
from schemas.documents import HERE
from tests.api.desk import DOCUMENT, Desk
from tests.gate.ledger import order

MARKER = "P-MARKER-4711"
EXAMPLES = json.loads((HERE / "http-examples.json").read_text(encoding="utf-8"))
OPERATIONS = [
    (path, method.upper(), operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if method in {"get", "post"}
]
NAMES = [operation["operationId"] for *_, operation in OPERATIONS]
HOSTILE = {
    "SQL": f"'; DROP TABLE fact; --{MARKER}",
    "SQL that is true": f"{MARKER}' OR '1'='1",
    "a header": f"{MARKER}\r\nSet-Cookie: {MARKER}=1",
    "NUL": f"{MARKER}\0",
    "overlong": MARKER * 600,
    "a huge number": "9" * 400,
    "a number beyond": "18446744073709551616",
    "below zero": "-1",
    "not a number": "NaN",
    "a list": f"[{MARKER}]",
    "a template": f"{{{{{MARKER}}}}}%s%n${{jndi:x}}",
    "a path": f"../../{MARKER}",
    "bidirectional": f"\u202e{MARKER}",
}
RAW = {"not UTF-8": "%ff%fe" + MARKER, "half of a pair": "%ED%A0%80" + MARKER, "a cut escape": MARKER + "%"}
NOT_UTF8 = (RAW["not UTF-8"], RAW["half of a pair"])
VALUES = [*[quote(value, safe="") for value in HOSTILE.values()], *RAW.values()]
BODIES = {
    "nothing": b"",
    "not JSON": MARKER.encode(),
    "not UTF-8": b'{"reason": "\xff' + MARKER.encode() + b'"}',
    "UTF-16": f'{{"reason": "{MARKER}"}}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a member twice": f'{{"reason": "{MARKER}", "reason": "x"}}'.encode(),
    "null": b"null",
    "a null member": b'{"reason": null, "text": null, "purpose": null, "orders": null}',
    "a list": f'["{MARKER}"]'.encode(),
    "a text": f'"{MARKER}"'.encode(),
    "a huge number": b'{"limit": ' + b"9" * 5000 + b"}",
    "no number": b'{"limit": NaN, "revision": Infinity}',
    "nested lists": b"[" * 30_000,
    "nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a member of no contract": f'{{"{MARKER}": "{MARKER}"}}'.encode(),
    "a constructor": f'{{"__class__": "{MARKER}", "__proto__": {{}}}}'.encode(),
    "cut": f'{{"reason": "{MARKER}'.encode(),
    "packed": gzip.compress(b'{"reason": "x"}'),
    "half of a pair": b'{"reason": "\\ud800", "text": "\\ud800", "purpose": "\\ud800"}',
    "NUL": b'{"reason": "\\u0000", "text": "\\u0000", "purpose": "\\u0000"}',
}
ROLES = {"/v1/acknowledgements": "rems"}
"""Who may ask what a lead may not."""
KINDS = ("text/plain", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "", f"a/{MARKER}")


@pytest.fixture
def watched(desk: Desk, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Desk]:
    """At the end nothing was added to the ledger, and nothing that was sent stands in what was logged."""
    desk.ledger.load()
    desk.ledger.judge(order(), order("SO-2", {"/lines/0/patient": None}))
    caplog.set_level(logging.DEBUG)
    before = _tail(desk)
    yield desk
    assert _tail(desk) == before
    said = capsys.readouterr()
    assert MARKER not in said.out + said.err + caplog.text


def _tail(desk: Desk) -> Any:
    connection = desk.engine.raw_connection()
    try:
        return connection.driver_connection.execute("SELECT * FROM moving_tail").fetchall()  # type: ignore[union-attr] # psycopg's
    finally:
        connection.close()


def clear(desk: Desk, path: str, method: str, *, accepted: bool = False, **sent: Any) -> int:
    """It is answered by a problem that shows nothing of what was sent; ``accepted``: or well."""
    answer = desk.ask(path, ROLES.get(path, "lead"), method=method, **sent)
    text = answer.get_data(as_text=True)
    if accepted and answer.status_code == 200:
        return 200
    assert 400 <= answer.status_code < 500, (path[:200], answer.status_code)
    assert answer.content_type == "application/problem+json"
    assert answer.status_code != 429
    assert MARKER not in text + str(answer.headers), path[:200]
    assert json.loads(text)["title"]
    return answer.status_code


def example_of(path: str, name: str) -> str:
    """The path of the operation's example, without its query."""
    example = EXAMPLES.get(name)
    return str(example["path"]).partition("?")[0] if example else path


def of_place(operation: dict[str, Any], place: str) -> list[dict[str, Any]]:
    return [parameter for parameter in operation.get("parameters", ()) if parameter["in"] == place]


def fits(schema: dict[str, Any], text: str) -> bool:
    """Whether the document lets the text stand there."""
    value = int(text) if schema.get("type") == "integer" and text.removeprefix("-").isdecimal() else text
    return Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_parameters_of_the_query(watched: Desk, path: str, method: str, operation: dict[str, Any]) -> None:
    """A text that is only strange is a text like any other, where one may stand."""
    here, taken = example_of(path, operation["operationId"]), of_place(operation, "query")
    for parameter in taken:
        for value in VALUES:
            accepted = value not in NOT_UTF8 and fits(parameter["schema"], unquote(value))
            # An export that is answered goes on record.
            if not accepted or not path.startswith("/v1/exports/"):
                clear(watched, f"{here}?{parameter['name']}={value}", method, accepted=accepted)
    for name in (MARKER, "a[]", "a.b", "%00", "x" * 3000):
        clear(watched, f"{here}?{name}={MARKER}", method, accepted=not taken)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_parts_of_the_path(watched: Desk, path: str, method: str, operation: dict[str, Any]) -> None:
    here = example_of(path, operation["operationId"])
    for part in [part for part in path.split("/") if part.startswith("{")]:
        for value in VALUES:
            steps = zip(path.split("/"), here.split("/"), strict=True)
            clear(watched, "/".join(value if step == part else given for step, given in steps), method, accepted=MARKER not in value)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_headers(watched: Desk, path: str, method: str, operation: dict[str, Any]) -> None:
    here, query = example_of(path, operation["operationId"]), EXAMPLES.get(operation["operationId"], {"path": ""})["path"].partition("?")
    for parameter in of_place(operation, "header"):
        for value in HOSTILE.values():
            if "\r" not in value and not fits(parameter["schema"], value):
                sent = {parameter["name"]: value.encode().decode("latin-1")}
                clear(watched, here + query[1] + query[2], method, headers=sent)


POSTS = [(path, operation) for path, method, operation in OPERATIONS if method == "POST" and "requestBody" in operation]


@pytest.mark.parametrize(("path", "operation"), POSTS, ids=[operation["operationId"] for _, operation in POSTS])
def test_bodies(watched: Desk, path: str, operation: dict[str, Any]) -> None:
    here = example_of(path, operation["operationId"])
    for name, raw in BODIES.items():
        assert clear(watched, here, "POST", data=raw, content_type="application/json") in {400, 422}, name
    for kind in KINDS:
        assert clear(watched, here, "POST", data=b"{}", content_type=kind) == 415, kind
    most = 8 * KIB * KIB if operation["operationId"] in {"rehearse_orders", "acknowledge_records"} else 64 * KIB
    assert clear(watched, here, "POST", data=b" " * (most + 1), content_type="application/json") == 413


@pytest.mark.parametrize("role", ["order-system", None])
def test_whoever_may_not_ask_is_told_nothing_of_what_he_sent(watched: Desk, role: str | None) -> None:
    """Permission comes first: what is wrong with a request that is not permitted is not looked at."""
    for raw in BODIES.values():
        answer = watched.ask("/v1/orders/searches", role, method="POST", data=raw, content_type="application/json")
        assert answer.status_code == (401 if role is None else 403)


def test_what_an_operation_does_not_take_is_refused(desk: Desk) -> None:
    """A query or a body that is not read must not seem to count; nothing is recorded, and a patient in it is not repeated."""
    desk.ledger.load()
    desk.ledger.judge(order())
    one = "/v1/orders/WD-001/SO-1"
    for path in (
        "/v1/reasons?x=1",
        "/v1/programs?program=lemtrada",
        f"{one}?revision=7",
        "/v1/settings?x",
        f"/v1/bypasses/{UUID(int=1)}?x=1",
    ):
        assert desk.problem(path) == "invalid-parameters", path
    asked = {"purpose": "looking"}
    search = desk.ask("/v1/orders/searches?patient_id=P-1", method="POST", json=asked)
    assert (search.status_code, b"P-1" in search.data) == (400, False)
    assert desk.act(f"{one}/notes?x=1&x=2", json={"text": "a"}).status_code == 400
    for body in ({"data": b"garbage", "content_type": "text/plain"}, {"json": {}}):
        assert desk.act(f"{one}/take", seen=one, **body).status_code == 400
    assert desk.ask("/v1/reasons", data=b"x").status_code == 400
    assert desk.ledger.rows(tables.DESK_ENTRY) == []
    assert desk.act(f"{one}/take", seen=one).status_code == 200
