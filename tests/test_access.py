"""Who somebody is: only what an accepted key signed, for us, now."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from gatekeeper import clock
from gatekeeper.config import Settings
from gatekeeper.errors import Unusable
from gatekeeper.people.access import Person, person, who
from gatekeeper.readers import Secret

RSA = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
EC, ED, STRANGE = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)
PUBLIC = {
    "rsa": RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True),
    "pss": RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True) | {"alg": "PS256", "use": "sig"},
    "enc": RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True) | {"use": "enc"},
    "small": RSAAlgorithm.to_jwk(SMALL.public_key(), as_dict=True),
    "ec": ECAlgorithm.to_jwk(EC.public_key(), as_dict=True),
    "ed": OKPAlgorithm.to_jwk(ED.public_key(), as_dict=True),
    "bad": {"kty": "RSA", "n": "!", "e": "AQAB"},
    "oct": {"kty": "oct", "k": "c2VjcmV0"},
}
CLAIMS: dict[str, Any] = {"iss": "https://id", "aud": "gate", "sub": "u-17", "name": "J. Rivera"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    keys = [key | {"kid": kid} for kid, key in PUBLIC.items()]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [*keys, PUBLIC["ec"] | {"kid": "twice"}, PUBLIC["ed"] | {"kid": "twice"}]}))
    return Settings(jwks=tmp_path / "keys.json", issuer="https://id", audience="gate")


def after(seconds: int) -> datetime:
    return clock.now() + timedelta(seconds=seconds)


def signed(key: Any = RSA, algorithm: str = "RS256", kid: Any = "rsa", *, without: str = "", **claims: Any) -> str:
    content = {name: value for name, value in (CLAIMS | {"exp": after(3600)} | claims).items() if name != without}
    return jwt.encode(content, key, algorithm, headers={"kid": kid} if kid else None)


def parts(header: dict[str, Any]) -> str:
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, {"sub": "u-17"})]
    return ".".join([*encoded, "AAAA"])


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA, "RS256", "rsa"), (RSA, "PS256", "pss"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")]
)
def test_accepted_signatures_name_the_person(settings: Settings, key: Any, algorithm: str, kid: str) -> None:
    assert who(signed(key, algorithm, kid), settings) == Person("u-17", "J. Rivera")


def test_somebody_without_a_name_is_called_by_the_subject(settings: Settings) -> None:
    assert who(signed(without="name"), settings) == Person("u-17", "u-17")
    assert who(signed(name="two\nlines"), settings) == Person("u-17", "u-17")


def test_a_clock_may_be_a_little_off(settings: Settings) -> None:
    assert who(signed(exp=after(-5), nbf=after(15)), settings)
    assert who(signed(aud=["other", "gate"]), settings)


REFUSED: dict[str, tuple[Callable[[], str], str]] = {
    "expired": (lambda: signed(exp=after(-300)), "The token has expired: ask for a new one."),
    "not yet": (lambda: signed(nbf=after(3000)), "The token is not valid yet."),
    "issuer": (lambda: signed(iss="https://evil"), "The token was issued by another than GATEKEEPER_ISSUER."),
    "audience": (lambda: signed(aud="other"), "The token is for another than GATEKEEPER_AUDIENCE."),
    "no exp": (lambda: signed(without="exp"), "The token lacks one of exp, iss, aud and sub."),
    "no iss": (lambda: signed(without="iss"), "The token lacks one of exp, iss, aud and sub."),
    "no aud": (lambda: signed(without="aud"), "The token lacks one of exp, iss, aud and sub."),
    "no sub": (lambda: signed(without="sub"), "The token lacks one of exp, iss, aud and sub."),
    "empty sub": (lambda: signed(sub=""), "The token names nobody: its sub must be 1 to 200 characters that can be printed."),
    "endless": (lambda: signed(exp=float("inf")), "The token's content cannot be used."),
    "strange key": (lambda: signed(STRANGE), "The token's signature is wrong."),
    "cut": (lambda: signed()[:-8] + "AAAAAAAA", "The token's signature is wrong."),
    "unknown kid": (lambda: signed(kid="other"), "The token is signed by a key that is not among the issuer's."),
    "no kid": (lambda: signed(kid=None), "The token does not say by which key it is signed (kid)."),
    "kid twice": (lambda: signed(EC, "ES256", "twice"), "The issuer's keys have the token's key twice."),
    "bad key": (lambda: signed(kid="bad"), "The token's key is one that cannot be used."),
    "small key": (lambda: parts({"alg": "RS256", "kid": "small"}), "The token's key is an RSA key of fewer than 2048 bits."),
    "key of another way": (lambda: signed(RSA, "RS256", "pss"), "The token is signed in another way than its key is for."),
    "key of another kind": (lambda: signed(EC, "ES256", "rsa"), "The token is signed in another way than its key is for."),
    "key for secrets": (lambda: signed(kid="enc"), "The token is signed in another way than its key is for."),
    "none": (
        lambda: parts({"alg": "none", "kid": "rsa"}),
        "The token is not signed in a way that is accepted: RS256, PS256, ES256, EdDSA.",
    ),
    "several ways": (
        lambda: parts({"alg": ["EdDSA"], "kid": "rsa"}),
        "The token is not signed in a way that is accepted: RS256, PS256, ES256, EdDSA.",
    ),
    "a shared secret": (
        lambda: jwt.encode(CLAIMS | {"exp": after(3600)}, "secret" * 8, "HS256", headers={"kid": "oct"}),
        "The token is not signed in a way that is accepted: RS256, PS256, ES256, EdDSA.",
    ),
    "its own key": (
        lambda: jwt.encode(CLAIMS | {"exp": after(3600)}, STRANGE, "RS256", headers={"kid": "own", "jwk": PUBLIC["rsa"]}),
        "The token is signed by a key that is not among the issuer's.",
    ),
    "an extension": (
        lambda: jwt.encode(CLAIMS | {"exp": after(3600)}, RSA, "RS256", headers={"kid": "rsa", "crit": ["x"], "x": 1}),
        "The token cannot be read: it must be a JSON Web Token.",
    ),
    "no token": (lambda: "secret-words", "The token cannot be read: it must be a JSON Web Token."),
    "nested": (
        lambda: base64.urlsafe_b64encode(b"[" * 9000).decode() + ".e30.AAAA",
        "The token cannot be read: it must be a JSON Web Token.",
    ),
    "long": (lambda: "x" * 20_000, "The token is longer than 16384 characters."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_proves_nothing_is_refused_in_one_sentence(settings: Settings, name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises(Unusable) as refused:
        who(make(), settings)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(("content", "sentence"), [
    ("{", "GATEKEEPER_JWKS is not valid JSON (line 1)."),
    ('{"keys": {}}', "GATEKEEPER_JWKS names no JSON Web Key Set."),
    ('{"keys": ["x"]}', "GATEKEEPER_JWKS names no JSON Web Key Set."),
])  # fmt: skip
def test_a_file_without_keys_is_one_sentence(settings: Settings, content: str, sentence: str) -> None:
    assert settings.jwks
    settings.jwks.write_text(content)
    with pytest.raises(Unusable) as refused:
        who(signed(), settings)
    assert str(refused.value) == sentence


def test_nobody_is_recognized_without_the_settings(settings: Settings) -> None:
    with pytest.raises(Unusable, match="must be given"):
        who(signed(), Settings(jwks=settings.jwks, issuer="https://id"))


def test_a_command_acts_for_whom_its_token_names(settings: Settings) -> None:
    given = Settings(jwks=settings.jwks, issuer="https://id", audience="gate", token=Secret(signed()))
    assert person(given).subject == "u-17"
    with pytest.raises(Unusable, match="GATEKEEPER_TOKEN must hold"):
        person(settings)
