"""The keys by which tokens are signed: of a file, or fetched from the issuer and kept for a while."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from http.client import HTTPException
from threading import Lock
from typing import Any, Final

from gatekeeper import clock
from gatekeeper.config import Settings
from gatekeeper.errors import TryAgain, Unusable
from gatekeeper.readers import DISCOVER, WrongValueError, document, web_address
from gatekeeper.telemetry import log

Key = dict[str, Any]

FRESH_S: Final = 300
"""So long keys that were fetched are used without asking again."""
USABLE_S: Final = 3600
"""So long they are used while the issuer cannot be asked."""
AGAIN_S: Final = 10
"""So often, at most, the issuer is asked because a token names a key that is not among them, or because asking failed."""
TIMEOUT_S: Final = 3
MOST_BYTES: Final = 262_144


def keys_named(kid: str, settings: Settings) -> list[Key]:
    """The issuer's keys of this id. Raises ``Unusable`` where there is no set of keys, ``TryAgain`` where it cannot be fetched now."""
    if settings.jwks_url is not None:
        return _fetched(settings.jwks_url, settings.issuer).named(kid)
    if settings.jwks is None:
        return []
    try:
        return _named(_key_set(document(settings.jwks)), kid)
    except WrongValueError as error:
        raise Unusable(f"GATEKEEPER_JWKS {error}") from None


def count_keys(settings: Settings) -> int:
    """How many keys there are, asked for now. Raises as ``keys_named`` does."""
    if settings.jwks_url is not None:
        return FetchedKeys(settings.jwks_url, settings.issuer).count()
    try:
        return len(_key_set(document(settings.jwks))) if settings.jwks is not None else 0
    except WrongValueError as error:
        raise Unusable(f"GATEKEEPER_JWKS {error}") from None


class FetchedKeys:
    """The set of keys of one address, or of the one that the issuer's own document names. One for all threads."""

    def __init__(self, address: str, issuer: str | None, seconds: Callable[[], float] = clock.seconds) -> None:
        self._address, self._issuer, self._seconds = address, issuer, seconds
        self._keys: list[Key] | None = None
        self._fetched = 0.0
        self._asked: float | None = None
        self._asking = Lock()

    def named(self, kid: str) -> list[Key]:
        """The keys of this id. One at a time asks the issuer, and nobody waits for him: else tokens of no key would hold all threads."""
        if self._must_ask(kid):
            if self._asking.acquire(blocking=False):
                try:
                    if self._must_ask(kid):
                        self._ask()
                finally:
                    self._asking.release()
            elif not _named(self._keys or [], kid):
                raise TryAgain("The issuer's keys are being fetched.")
        if self._keys is None or self._seconds() - self._fetched > USABLE_S:
            raise TryAgain("The issuer's keys cannot be fetched.")
        return _named(self._keys, kid)

    def count(self) -> int:
        """How many there are, asked for now."""
        self._ask()
        if self._keys is None:
            raise TryAgain("The issuer's keys cannot be fetched.")
        return len(self._keys)

    def _must_ask(self, kid: str) -> bool:
        if self._asked is None:
            return True
        if self._seconds() - self._asked < AGAIN_S:
            return False
        return self._keys is None or self._seconds() - self._fetched >= FRESH_S or not _named(self._keys, kid)

    def _ask(self) -> None:
        try:
            keys = _key_set(_fetch(self._found()))
        except (OSError, ValueError, RecursionError, HTTPException, WrongValueError) as error:
            log("keys_not_fetched", code=type(error).__name__)
        else:
            self._keys, self._fetched = keys, self._seconds()
        finally:
            self._asked = self._seconds()

    def _found(self) -> str:
        """The address of the keys. What the issuer's document names must be as safe as the issuer's own address."""
        if self._address != DISCOVER:
            return self._address
        issuer = self._issuer or ""
        told = _fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if told.get("issuer") != issuer:
            raise WrongValueError("names an issuer whose document is of another issuer.")
        address = web_address(str(told.get("jwks_uri")))
        if address.startswith("http:") and not issuer.startswith("http:"):
            raise WrongValueError("names an issuer whose keys are not served by https.")
        return address


@cache
def _fetched(address: str, issuer: str | None) -> FetchedKeys:
    """One a process for each address."""
    return FetchedKeys(address, issuer)


def _named(keys: list[Key], kid: str) -> list[Key]:
    return [key for key in keys if key.get("kid") == kid]


def _key_set(told: dict[str, Any]) -> list[Key]:
    keys = told.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise WrongValueError("names no JSON Web Key Set.")
    return keys


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Where the keys are is said by settings, or by the issuer's document, and by nothing else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _fetch(address: str) -> dict[str, Any]:
    """The JSON object at an address, of a bounded size in a bounded time."""
    # On this machine there is no proxy in between; elsewhere the environment names it.
    proxies = urllib.request.ProxyHandler({} if address.startswith("http:") else None)
    request = urllib.request.Request(address, headers={"Accept": "application/json", "User-Agent": "gatekeeper"})  # noqa: S310
    until, read = clock.seconds() + TIMEOUT_S, b""
    with urllib.request.build_opener(_NoRedirect, proxies).open(request, timeout=TIMEOUT_S) as answer:
        while piece := answer.read1(MOST_BYTES):
            read += piece
            if len(read) > MOST_BYTES or clock.seconds() > until:
                raise WrongValueError("gives too much, or too slowly.")
    told = json.loads(read)
    if not isinstance(told, dict):
        raise WrongValueError("gives no JSON object.")
    return told
