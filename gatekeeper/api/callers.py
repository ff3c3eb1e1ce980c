"""Who calls, and for which wholesalers and programs, from a verified token; what is not permitted is refused."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import jwt
from flask import request

from gatekeeper.access import REFUSALS as SENTENCES
from gatekeeper.access import Person, person_of, verified
from gatekeeper.api.problems import Problem
from gatekeeper.config import Settings
from gatekeeper.errors import Unusable
from gatekeeper.permissions import Permission, granted

ALL: Final = "*"
MOST_OF_A_CLAIM: Final = 1000
_TIMES: Final = frozenset({SENTENCES[jwt.ExpiredSignatureError], SENTENCES[jwt.ImmatureSignatureError]})


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


class Caller(NamedTuple):
    person: Person
    permissions: frozenset[Permission]
    wholesalers: Limits
    programs: Limits

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def must(self, permission: Permission) -> None:
        """Ends the request where no role permits it."""
        if permission not in self.permissions:
            raise Problem("not-permitted")

    def must_see_wholesaler(self, wholesaler_id: str) -> None:
        if not self.wholesalers.allow(wholesaler_id):
            raise Problem("not-permitted")

    def must_see_program(self, program: str) -> None:
        if not self.programs.allow(program):
            raise Problem("not-permitted")

    def must_see_asked(self, query: Mapping[str, Any]) -> None:
        """Ends the request where it asks for a program or a wholesaler that is not the caller's."""
        if "program" in query:
            self.must_see_program(query["program"])
        if "wholesaler_id" in query:
            self.must_see_wholesaler(query["wholesaler_id"])

    def limits(self) -> dict[str, Any]:
        """The same limits as statements take them."""
        return {
            "every_program": self.programs.every, "programs": list(self.programs.names),
            "every_wholesaler": self.wholesalers.every, "wholesalers": list(self.wholesalers.names),
        }  # fmt: skip


def caller_of_request(settings: Settings) -> Caller:
    """Whom the request's token names, and what its roles permit. Ends the request where it proves nothing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem("token-missing")
    try:
        claims = verified(token, settings)
        acting = person_of(claims)
    except Unusable as error:
        # When a token is valid its holder may know; what else is wrong with one helps only those who make them.
        raise Problem("token-refused", str(error) if str(error) in _TIMES else "") from None
    return Caller(acting, granted(_words(claims, "roles"), settings.roles), _limits(claims, "wholesalers"), _limits(claims, "programs"))


def _limits(claims: dict[str, Any], name: str) -> Limits:
    words = _words(claims, name)
    return Limits(ALL in words, frozenset(words) - {ALL, ""})


def _words(claims: dict[str, Any], name: str) -> list[str]:
    """A claim that is a list of texts; anything else is as if it were not there, and permits nothing."""
    words = claims.get(name, [])
    well = isinstance(words, list) and len(words) <= MOST_OF_A_CLAIM and all(isinstance(word, str) for word in words)
    return words if well else []
