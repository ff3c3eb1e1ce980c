"""The page that reads the document to a person: served from here, whole, and nothing from elsewhere."""

import hashlib
import json
import re

import pytest

from gatekeeper.api.app import HEADERS
from gatekeeper.api.reader import FOLDER, POLICY, SERVED
from tests.api.desk import DOCUMENT, Desk

VENDORED = {
    "LICENSE": "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30",
    "NOTICE": "0d20d1adef18aee3f40dd258172155521ce702ac445cb5f7b7d60ed32dad2fb2",
    "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui-bundle.js.LICENSE.txt": "37eb6e7e59aed57b2c1acf076574b818ea07b74265717e0bd67b59e0baf9abbb",
    "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
}
"""The SHA-256 of each file as it is in swagger-ui-dist 5.35.0."""


def test_the_document_is_the_published_one(desk: Desk) -> None:
    answer = desk.client.get("/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert json.loads(answer.data) == DOCUMENT


def test_the_page_has_all_that_it_names(desk: Desk) -> None:
    page = desk.client.get("/docs")
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
    named = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert named[0] == "data:,"
    assert sorted(named[1:]) == sorted(f"docs/{name}" for name in SERVED)
    for name in SERVED:
        answer = desk.client.get(f"/docs/{name}")
        assert answer.status_code == 200
        assert answer.content_type.startswith("text/javascript" if name.endswith(".js") else "text/css")
        assert answer.data == (FOLDER / name).read_bytes()


def test_nothing_comes_from_elsewhere(desk: Desk) -> None:
    """The browser is told so; the rest of the headers is that of every answer."""
    for path in ("/docs", *[f"/docs/{name}" for name in SERVED]):
        headers = desk.client.get(path).headers
        assert headers["Content-Security-Policy"] == POLICY
        assert {name: headers[name] for name in HEADERS.keys() - {"Content-Security-Policy", "Cache-Control"}}.items() <= HEADERS.items()
    assert not re.search(r"unsafe|https?:|\*", POLICY)
    ours = "".join((FOLDER / name).read_text(encoding="utf-8") for name in ("reader.html", "reader.js", "reader.css"))
    assert not re.search(r"//\w|<script>|style=|\son\w+=", ours)


@pytest.mark.parametrize(
    "name", ["reader.html", "README.md", "..%2Freader.py", "%2e%2e/reader.py", "swagger-ui.css%00", "SWAGGER-UI.CSS", ""]
)
def test_no_other_file_is_served(desk: Desk, name: str) -> None:
    assert desk.problem(f"/docs/{name}", None) == "not-found"


def test_what_others_wrote_is_as_they_wrote_it() -> None:
    assert {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in VENDORED} == VENDORED
    assert "swagger-ui-dist` 5.35.0" in (FOLDER / "README.md").read_text(encoding="utf-8")
