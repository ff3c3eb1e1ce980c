"""Who calls, and for which wholesalers and programs, from a verified token; what is not permitted is refused."""

from collections.abc import Mapping
from typing import Any, Final

import jwt
from flask import request

from gatekeeper.api.problems import Problem
from gatekeeper.config import Settings
from gatekeeper.errors import Unusable
from gatekeeper.people.access import REFUSALS as SENTENCES
from gatekeeper.people.access import Bearer, bearer
from gatekeeper.people.permissions import Permission

_TIMES: Final = frozenset({SENTENCES[jwt.ExpiredSignatureError], SENTENCES[jwt.ImmatureSignatureError]})


class Caller(Bearer):
    """Who brings a request's token."""

    __slots__ = ()

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
        return Caller(*bearer(token, settings))
    except Unusable as error:
        # When a token is valid its holder may know; what else is wrong with one helps only those who make them.
        raise Problem("token-refused", str(error) if str(error) in _TIMES else "") from None
