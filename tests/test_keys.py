"""Keys that are fetched: how often, from where, and what is not believed."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm

from gatekeeper.config import Settings, read_settings
from gatekeeper.doctor import CHECKS
from gatekeeper.errors import TryAgain, Unusable
from gatekeeper.people import keys
from gatekeeper.people.access import Person, who
from gatekeeper.people.keys import AGAIN_S, FRESH_S, MOST_BYTES, USABLE_S, FetchedKeys
from tests.test_access import after

FIRST, SECOND = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
UNREACHABLE = "The issuer's keys cannot be fetched."
[DOCTOR] = [check for check in CHECKS if check.about == "keys"]


def key_set(**named: ed25519.Ed25519PrivateKey) -> dict[str, Any]:
    return {"keys": [OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid} for kid, key in named.items()]}


class Issuer(ThreadingHTTPServer):
    """Serves what a test says, and counts what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.answers: dict[str, Any] = {"/keys": key_set(first=FIRST)}
        self.asked: list[str] = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.before: Callable[[], object] = lambda: None

    def settings(self, url: str | None = None) -> Settings:
        return Settings(jwks_url=url or f"{self.address}/keys", issuer=self.address, audience="gate")


class _Asked(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.before()
        answer = self.server.answers.get(self.path)
        if isinstance(answer, str):
            self.send_response(302)
            self.send_header("Location", answer)
            self.end_headers()
            return
        self.send_response(404 if answer is None else 200)
        self.end_headers()
        self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def serving() -> Iterator[Issuer]:
    with Issuer() as issuer:
        thread = Thread(target=issuer.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield issuer
        finally:
            issuer.shutdown()
            thread.join()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serving() as issuer:
        yield issuer


def signed(issuer: Issuer, key: ed25519.Ed25519PrivateKey = FIRST, kid: str = "first", **headers: Any) -> str:
    claims = {"iss": issuer.address, "aud": "gate", "sub": "u-17", "exp": after(3600)}
    return jwt.encode(claims, key, "EdDSA", headers={"kid": kid} | headers)


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def fetched(issuer: Issuer) -> tuple[FetchedKeys, Clock]:
    clock = Clock()
    return FetchedKeys(f"{issuer.address}/keys", None, clock), clock


def test_a_token_is_checked_by_keys_that_are_fetched_once(issuer: Issuer) -> None:
    for _ in range(3):
        assert who(signed(issuer), issuer.settings()) == Person("u-17", "u-17")
    assert issuer.asked == ["/keys"]


def test_keys_are_asked_for_again_when_they_are_old(issuer: Issuer) -> None:
    found, clock = fetched(issuer)
    assert found.named("first")
    clock.at += FRESH_S - 1
    assert found.named("first")
    assert len(issuer.asked) == 1
    clock.at += 1
    issuer.answers["/keys"] = key_set(second=SECOND)
    assert (found.named("first"), len(found.named("second")), len(issuer.asked)) == ([], 1, 2)


def test_an_unknown_key_asks_again_and_not_too_often(issuer: Issuer) -> None:
    """A key that is new counts at once; whoever makes ids up does not make the issuer work."""
    found, clock = fetched(issuer)
    assert found.named("first")
    issuer.answers["/keys"] = key_set(first=FIRST, second=SECOND)
    assert found.named("second") == []
    clock.at += AGAIN_S
    assert len(found.named("second")) == 1
    for number in range(50):
        assert found.named(f"made-up-{number}") == []
    assert len(issuer.asked) == 2


def test_while_the_issuer_is_away_the_last_keys_count_for_a_time(issuer: Issuer) -> None:
    found, clock = fetched(issuer)
    assert found.named("first")
    del issuer.answers["/keys"]
    clock.at += USABLE_S
    assert found.named("first")
    clock.at += 1
    with pytest.raises(TryAgain, match=UNREACHABLE):
        found.named("first")
    issuer.answers["/keys"] = key_set(first=FIRST)
    clock.at += AGAIN_S
    assert found.named("first")


def test_nobody_waits_for_who_asks(issuer: Issuer) -> None:
    found, clock = fetched(issuer)
    assert found.named("first")
    clock.at += AGAIN_S
    asked, answer = Event(), Event()
    issuer.before = lambda: (asked.set(), answer.wait(30))
    with ThreadPoolExecutor() as threads:
        unknown = threads.submit(found.named, "second")
        assert asked.wait(30)
        clock.at += FRESH_S
        assert found.named("first")
        # Nor does whoever has none: made-up ids would hold all threads.
        with pytest.raises(TryAgain):
            found.named("third")
        assert not unknown.done()
        answer.set()
        assert unknown.result(30) == []


def test_the_issuers_own_document_names_the_keys(issuer: Issuer) -> None:
    issuer.answers["/.well-known/openid-configuration"] = {"issuer": issuer.address, "jwks_uri": f"{issuer.address}/keys"}
    assert who(signed(issuer), issuer.settings("discover")).subject == "u-17"
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]
    assert DOCTOR.run(issuer.settings("discover")) == "The issuer has 1 for people's tokens."


@pytest.mark.parametrize("told", [
    {"issuer": "https://other.example", "jwks_uri": "{}/keys"}, {"jwks_uri": "{}/keys"}, {"issuer": "{}/", "jwks_uri": "{}/keys"},
    {"issuer": "{}"}, {"issuer": "{}", "jwks_uri": "file:///etc/passwd"}, {"issuer": "{}", "jwks_uri": "http://id.example/keys"},
    {"issuer": "{}", "jwks_uri": ["{}/keys"]}, [], None,
])  # fmt: skip
def test_a_document_that_is_not_the_issuers_is_not_believed(issuer: Issuer, told: Any) -> None:
    issuer.answers["/.well-known/openid-configuration"] = json.loads(json.dumps(told).replace("{}", issuer.address))
    with pytest.raises(TryAgain, match=UNREACHABLE):
        who(signed(issuer), issuer.settings("discover"))
    assert "/keys" not in issuer.asked


def test_an_issuer_by_https_does_not_name_keys_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def told(address: str) -> dict[str, Any]:
        asked.append(address)
        return {"issuer": "https://id.example", "jwks_uri": "http://127.0.0.1/keys"}

    monkeypatch.setattr(keys, "_fetch", told)
    with pytest.raises(TryAgain, match=UNREACHABLE):
        FetchedKeys("discover", "https://id.example").named("first")
    assert asked == ["https://id.example/.well-known/openid-configuration"]


@pytest.mark.parametrize("answer", [
    None, b"{", b"", b"[]", {"keys": {}}, {"keys": ["x"]}, b" " * MOST_BYTES + b"{}", b"[" * 100_000, b"\xff", "/elsewhere",
])  # fmt: skip
def test_what_is_no_set_of_keys_is_not_used(issuer: Issuer, answer: Any) -> None:
    """Also: nobody is sent elsewhere."""
    issuer.answers |= {"/keys": answer, "/elsewhere": key_set(first=FIRST)}
    found, _ = fetched(issuer)
    for _ in range(2):
        with pytest.raises(TryAgain, match=UNREACHABLE):
            found.named("first")
    assert issuer.asked == ["/keys"]


def test_an_answer_that_takes_too_long_is_none(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "TIMEOUT_S", 0.05)
    late = Event()
    issuer.before = lambda: late.wait(30)
    with pytest.raises(TryAgain, match=UNREACHABLE):
        fetched(issuer)[0].named("first")
    late.set()


def test_what_a_token_says_of_keys_is_not_looked_at(issuer: Issuer) -> None:
    with serving() as evil:
        evil.answers["/keys"] = key_set(second=SECOND)
        own = key_set(second=SECOND)["keys"][0]
        for headers in ({"jwk": own}, {"jku": f"{evil.address}/keys"}, {"x5u": f"{evil.address}/keys"}, {"x5c": ["AAAA"]}):
            for kid in ("first", "second"):
                with pytest.raises(Unusable):
                    who(signed(issuer, SECOND, kid, **headers), issuer.settings())
        assert evil.asked == []
    assert len(issuer.asked) == 1


@pytest.mark.parametrize(("text", "good"), [
    ("https://id.example/keys", True), ("http://127.0.0.1:8081/keys", True), ("http://localhost/keys", True), ("http://[::1]/keys", True),
    ("http://id.example/keys", False), ("http://127.0.0.1.id.example/keys", False), ("http://127.0.0.1@id.example/keys", False),
    ("https://me:secret@id.example/", False), ("ftp://id.example/", False), ("file:///etc/passwd", False), ("https://", False),
    ("https://id.example:port/", False), ("https://id.example/#x", False), ("https://[::1/keys", False), ("keys.json", False),
])  # fmt: skip
def test_keys_are_fetched_by_https_or_on_this_machine(text: str, good: bool) -> None:  # noqa: FBT001
    given = {"GATEKEEPER_JWKS_URL": text, "GATEKEEPER_ISSUER": text}
    for changed in (given, given | {"GATEKEEPER_JWKS_URL": "discover"}):
        if good:
            assert read_settings(changed).jwks_url == changed["GATEKEEPER_JWKS_URL"]
        else:
            with pytest.raises(Unusable, match="must be an address"):
                read_settings(changed)


def test_keys_come_from_one_place() -> None:
    with pytest.raises(Unusable, match="Only one of"):
        read_settings({"GATEKEEPER_JWKS_URL": "https://id.example", "GATEKEEPER_JWKS": __file__})


def test_doctor_says_whether_anybody_can_be_recognized(issuer: Issuer) -> None:
    assert DOCTOR.run(issuer.settings()) == "The issuer has 1 for people's tokens."
    assert DOCTOR.run(Settings()).startswith("None are named")
    issuer.answers["/keys"] = {"keys": []}
    with pytest.raises(Unusable, match="is empty"):
        DOCTOR.run(issuer.settings())
    issuer.answers["/keys"] = None
    with pytest.raises(TryAgain, match=UNREACHABLE):
        DOCTOR.run(issuer.settings())
