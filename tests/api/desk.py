"""Callers of the API: each with a token of their own; every answer is held to the published document."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519
from jsonschema import Draft202012Validator
from jwt.algorithms import OKPAlgorithm
from werkzeug.test import TestResponse

from gatekeeper import clock
from gatekeeper.api.app import make_app
from gatekeeper.api.callers import Caller
from gatekeeper.api.disclosure import Disclosure, Names
from gatekeeper.api.problems import PREFIX
from gatekeeper.config import Settings
from gatekeeper.listing import catch_up
from gatekeeper.people.access import Limits, Person
from gatekeeper.registry import site_list
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import open_engine, transaction
from schemas.documents import PUBLISHED
from tests.gate.ledger import Ledger

KEY: Final = ed25519.Ed25519PrivateKey.generate()
EVERY: Final = ("*",)
DOCUMENT: Final[dict[str, Any]] = json.loads((PUBLISHED / "openapi.json").read_text(encoding="utf-8"))
TOLD: Final = {"ETag", "Retry-After", "WWW-Authenticate", "Content-Disposition"}
"""Headers that say something about one answer."""
PURPOSE: Final = {"Gatekeeper-Purpose": "checks for a test"}


class Desk:
    """The API, and tokens for it."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger = ledger
        self.keys = folder / "keys.json"
        self.keys.write_text(json.dumps({"keys": [OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "1"}]}))
        self.settings = Settings(jwks=self.keys, issuer="id", audience="gate", http_rate=100_000)
        self.engine = open_engine(ledger.url)
        self.app = make_app(self.settings, self.engine, RuleBook.read())
        self.client = self.app.test_client()

    def close(self) -> None:
        self.engine.dispose()

    def ask(
        self,
        path: str,
        role: str | None = "lead",
        *,
        method: str = "GET",
        wholesalers: Any = EVERY,
        programs: Any = EVERY,
        headers: dict[str, str] | None = None,
        person: str = "u-17",
        **sent: Any,
    ) -> TestResponse:
        """An answer, which the document must describe. What is posted has a key of its own, where none is given.

        The lists are told all that the ledger has before.
        """
        if path.startswith(("/v1/orders", "/v1/exports/orders", "/v1/digest")):
            catch_up(self.engine)
        if path.startswith(("/v1/sites", "/v1/exports/sites")):
            site_list.catch_up(self.engine)
        claims = {"wholesalers": list(wholesalers), "programs": list(programs), "sub": person}
        given = {} if role is None else {"Authorization": f"Bearer {token(roles=[role], **claims)}"}
        if method == "POST":
            given["Idempotency-Key"] = str(uuid4())
        answer = self.client.open(path, method=method, headers=given | (headers or {}), **sent)
        check(method, path, answer)
        return answer

    def let_out(self, document: Any) -> Any:
        """What leaves of a document to who sees every wholesaler and program, but no patient."""
        every = Limits(every=True, names=frozenset())
        reader = Caller(Person("u-17", "J. Rivera"), frozenset(), every, every)
        door = Disclosure(reader, Names(frozenset(), frozenset()), on_record=False)
        [shown] = door.let_out([document], lambda: transaction(self.engine))
        return shown

    def bearer(self, role: str = "lead") -> str:
        """What a caller of all wholesalers and programs sends."""
        return f"Bearer {token(roles=[role], wholesalers=list(EVERY), programs=list(EVERY))}"

    def answer(self, path: str, role: str = "lead", **options: Any) -> Any:
        """What is answered well, as JSON."""
        answer = self.ask(path, role, **options)
        assert answer.status_code == 200, answer.data
        return answer.get_json()

    def act(self, path: str, role: str = "lead", *, seen: str | None = None, **options: Any) -> TestResponse:
        """What comes of a call that records something; ``seen`` is the path whose `ETag` it sends."""
        headers = options.pop("headers", {})
        if seen is not None:
            headers = {"If-Match": self.ask(seen).headers["ETag"]} | headers
        return self.ask(path, role, method="POST", headers=headers, **options)

    def problem(self, path: str, role: str | None = "lead", **options: Any) -> str:
        """The kind of problem that it is."""
        answer = self.ask(path, role, **options)
        assert answer.content_type == "application/problem+json", answer.data
        return str(json.loads(answer.data)["type"]).removeprefix(PREFIX)


def token(key: Any = KEY, algorithm: str = "EdDSA", kid: str = "1", **claims: Any) -> str:
    given = {"iss": "id", "aud": "gate", "sub": "u-17", "name": "J. Rivera", "exp": clock.now() + timedelta(hours=1)} | claims
    return jwt.encode({name: value for name, value in given.items() if value is not None}, key, algorithm, headers={"kid": kid})


def check(method: str, path: str, answer: TestResponse) -> None:
    """Nothing is answered that the document does not describe."""
    found = _operation(method, path)
    if found is None:
        assert answer.status_code in {404, 405}
        holds("Problem", json.loads(answer.data))
        return
    responses = found["responses"]
    assert str(answer.status_code) in responses, (method, path, answer.status_code, answer.data)
    described = _followed(responses[str(answer.status_code)])
    kind = answer.content_type.partition(";")[0]
    assert kind in described["content"], (path, kind)
    assert TOLD & set(answer.headers.keys()) <= set(described.get("headers", ())), (method, path, answer.status_code)
    schema = described["content"][kind]["schema"]
    if "$ref" in schema:
        holds(schema["$ref"].rpartition("/")[2], json.loads(answer.data))


def _operation(method: str, path: str) -> dict[str, Any] | None:
    for documented, operations in DOCUMENT["paths"].items():
        parts, wanted = path.partition("?")[0].split("/"), documented.split("/")
        if len(parts) == len(wanted) and all(w == p or w.startswith("{") for w, p in zip(wanted, parts, strict=True)):
            operation: dict[str, Any] | None = operations.get(method.lower())
            return operation
    return None


def _followed(response: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = response
    while "$ref" in found:
        found = DOCUMENT["components"]["responses"][found["$ref"].rpartition("/")[2]]
    return found


def holds(name: str, content: Any) -> None:
    """Whether it is what the document calls so."""
    _validator(name).validate(content)


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]})
