"""Who somebody is, from a token (JWT) that an issuer signed. Nothing in the token is believed before its signature has been verified."""

from typing import Any, Final, NamedTuple

import jwt

from gatekeeper.config import Settings
from gatekeeper.errors import Unusable
from gatekeeper.people.keys import Key, keys_named
from gatekeeper.people.permissions import Permission, granted

ALGORITHMS: Final = {"RS256": ("RSA", None), "PS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
"""The signatures that are accepted, all asymmetric, and the kind of key that each needs."""
LEEWAY_S: Final = 30
MOST_CHARACTERS: Final = 16_384
LEAST_RSA_BITS: Final = 2048
ALL: Final = "*"
MOST_OF_A_CLAIM: Final = 1000

REFUSALS: Final[dict[type[jwt.PyJWTError], str]] = {
    jwt.InvalidSignatureError: "The token's signature is wrong.",
    jwt.ExpiredSignatureError: "The token has expired: ask for a new one.",
    jwt.ImmatureSignatureError: "The token is not valid yet.",
    jwt.InvalidIssuerError: "The token was issued by another than GATEKEEPER_ISSUER.",
    jwt.InvalidAudienceError: "The token is for another than GATEKEEPER_AUDIENCE.",
    jwt.MissingRequiredClaimError: "The token lacks one of exp, iss, aud and sub.",
}


class Person(NamedTuple):
    subject: str
    """Who it is to the issuer; never given to another."""
    name: str


class Limits(NamedTuple):
    """Of which wholesalers, or of which programs."""

    every: bool
    names: frozenset[str]

    def allow(self, name: str | None) -> bool:
        """Whether this one is among them; what is nobody's belongs to those only who may see all."""
        return self.every or name in self.names

    def cover(self, others: "Limits") -> bool:
        """Whether whatever those allow is allowed."""
        return self.every or (not others.every and others.names <= self.names)


class Bearer(NamedTuple):
    """Whom a token names, and what it says that he may do, of which wholesalers and programs."""

    person: Person
    permissions: frozenset[Permission]
    wholesalers: Limits
    programs: Limits


def bearer(token: str, settings: Settings) -> Bearer:
    """Who brings ``token``. Raises ``Unusable``, with a sentence that shows nothing of the token, where it proves nothing."""
    claims = verified(token, settings)
    by = person_of(claims)
    return Bearer(by, granted(_words(claims, "roles"), settings.roles), _limits(claims, "wholesalers"), _limits(claims, "programs"))


def who(token: str, settings: Settings) -> Person:
    """The person whom ``token`` names. Raises ``Unusable`` as ``bearer`` does."""
    return person_of(verified(token, settings))


def must_recognize(settings: Settings) -> None:
    """Raises ``Unusable`` where the settings say too little to recognize anybody."""
    if (settings.jwks is None and settings.jwks_url is None) or settings.issuer is None or settings.audience is None:
        raise Unusable(
            "Nobody can be recognized: GATEKEEPER_JWKS or GATEKEEPER_JWKS_URL, GATEKEEPER_ISSUER and GATEKEEPER_AUDIENCE must be given."
        )


def verified(token: str, settings: Settings) -> dict[str, Any]:
    """What ``token`` claims, all of it signed for us by our issuer and in its time.

    Raises ``Unusable`` as ``who`` does, and ``TryAgain`` where the issuer's keys cannot be fetched.
    """
    must_recognize(settings)
    algorithm, key = _signed_by(token, settings)
    try:
        return jwt.decode(
            token, key, algorithms=[algorithm], issuer=settings.issuer, audience=settings.audience, leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise Unusable(REFUSALS.get(type(error), "The token's content cannot be used.")) from None
    except (ValueError, OverflowError, RecursionError):
        raise Unusable("The token's content cannot be used.") from None


def person(settings: Settings) -> Person:
    """The person whom the settings' token names, whatever he may do."""
    return who(_token(settings), settings)


def acting_by(settings: Settings) -> Bearer:
    """For whom a command acts: who brings the settings' token."""
    return bearer(_token(settings), settings)


def _token(settings: Settings) -> str:
    if settings.token is None:
        raise Unusable("This command acts for a person: GATEKEEPER_TOKEN must hold that person's token.")
    return settings.token.reveal()


def _signed_by(token: str, settings: Settings) -> tuple[str, jwt.PyJWK]:
    """By which algorithm, and by which of our keys, the token says that it is signed."""
    if len(token) > MOST_CHARACTERS:
        raise Unusable(f"The token is longer than {MOST_CHARACTERS} characters.")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Unusable("The token cannot be read: it must be a JSON Web Token.") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Unusable(f"The token is not signed in a way that is accepted: {', '.join(ALGORITHMS)}.")
    if not isinstance(kid, str):
        raise Unusable("The token does not say by which key it is signed (kid).")
    return algorithm, _key(algorithm, keys_named(kid, settings))


def _key(algorithm: str, found: list[Key]) -> jwt.PyJWK:
    if not found:
        raise Unusable("The token is signed by a key that is not among the issuer's.")
    kind, curve = ALGORITHMS[algorithm]
    wanted = found[0]
    if len(found) > 1:
        raise Unusable("The issuer's keys have the token's key twice.")
    if (
        wanted.get("kty") != kind
        or wanted.get("crv") != curve
        or wanted.get("alg", algorithm) != algorithm
        or wanted.get("use", "sig") != "sig"
    ):
        raise Unusable("The token is signed in another way than its key is for.")
    public = {name: value for name, value in wanted.items() if name in {"kty", "crv", "n", "e", "x", "y"}}
    try:
        key = jwt.PyJWK(public, algorithm)
    except (jwt.PyJWTError, ValueError, KeyError, TypeError):
        raise Unusable("The token's key is one that cannot be used.") from None
    if kind == "RSA" and key.key.key_size < LEAST_RSA_BITS:
        raise Unusable(f"The token's key is an RSA key of fewer than {LEAST_RSA_BITS} bits.")
    return key


def person_of(claims: dict[str, Any]) -> Person:
    """The person that verified claims name."""
    subject, name = claims["sub"], claims.get("name")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 200 or not subject.isprintable():
        raise Unusable("The token names nobody: its sub must be 1 to 200 characters that can be printed.")
    if not isinstance(name, str) or not 1 <= len(name) <= 200 or not name.isprintable():
        name = subject
    return Person(subject, name)


def _limits(claims: dict[str, Any], name: str) -> Limits:
    words = _words(claims, name)
    return Limits(ALL in words, frozenset(words) - {ALL, ""})


def _words(claims: dict[str, Any], name: str) -> list[str]:
    """A claim that is a list of texts that can be printed; anything else is as if it were not there, and permits nothing."""
    words = claims.get(name, [])
    well = isinstance(words, list) and len(words) <= MOST_OF_A_CLAIM and all(isinstance(word, str) and word.isprintable() for word in words)
    return words if well else []
