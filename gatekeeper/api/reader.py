"""The OpenAPI document, and a page that reads it to a person. The page is Swagger UI, served from here: nothing comes from elsewhere."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response

from gatekeeper.api.areas import OPEN
from gatekeeper.api.document import Document
from gatekeeper.api.problems import Problem

FOLDER: Final = Path(__file__).parent / "swagger_ui"
KINDS: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
SERVED: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "reader.js", "reader.css")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KEPT: Final = "max-age=3600"


def add_reader(app: Flask, document: Document) -> None:
    """Everybody may read the document: it shows nothing of the ledger."""
    told = cache(lambda: json.dumps(document.told()).encode())

    def openapi() -> Response:
        return Response(told(), content_type="application/json")

    for path, view in (("/openapi.json", openapi), ("/docs", reader), ("/docs/<name>", reader_file)):
        view.permission = OPEN  # type: ignore[union-attr] # as operations say it
        app.add_url_rule(path, view.__name__, view, methods=["GET"], provide_automatic_options=False)


def reader() -> Response:
    return _served("reader.html", "text/html; charset=utf-8")


def reader_file(name: str) -> Response:
    if name not in SERVED:
        raise Problem("not-found")
    return _served(name, KINDS[Path(name).suffix])


def _served(name: str, kind: str) -> Response:
    headers: Any = {"Content-Security-Policy": POLICY, "Cache-Control": KEPT}
    return Response(_content(name), content_type=kind, headers=headers)


@cache
def _content(name: str) -> bytes:
    """Once for all who read it, however slowly."""
    return (FOLDER / name).read_bytes()
