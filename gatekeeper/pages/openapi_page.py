"""The OpenAPI document, made from the operations of the API."""

import json

from gatekeeper.api.app import make_app
from gatekeeper.config import Settings
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import open_engine


def openapi() -> str:
    """The document, as JSON. Nothing is connected for it."""
    app = make_app(Settings(), open_engine("postgresql://nowhere/none"), RuleBook.of(()))
    return json.dumps(app.extensions["document"].told(), indent=2, ensure_ascii=False) + "\n"
