"""A command that acts for a person: who that is, what he may do, and the ledger, opened for him."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from uuid import UUID

from sqlalchemy import Engine

from gatekeeper.config import Settings, read_settings
from gatekeeper.domain.program import Program
from gatekeeper.errors import Unusable
from gatekeeper.examinations.recording import Terms
from gatekeeper.opening import open_ledger
from gatekeeper.people.access import Bearer, Person, acting_by
from gatekeeper.people.permissions import Permission
from gatekeeper.rules import RuleBook


class Acting:
    """Who brings the settings' token, on the ledger of the settings."""

    def __init__(self, settings: Settings, bearer: Bearer, engine: Engine) -> None:
        self.settings, self.engine = settings, engine
        self._bearer = bearer

    @property
    def person(self) -> Person:
        return self._bearer.person

    @cached_property
    def book(self) -> RuleBook:
        return RuleBook.read(self.settings.programs, self.settings.programs_added)

    @property
    def programs(self) -> tuple[Program, ...]:
        """Of each program the rules that hold last."""
        return self.book.newest

    @property
    def terms(self) -> Terms:
        return Terms.of(self.settings)

    def must_act_for(self, program: str | None, wholesaler_id: str | None = None) -> None:
        """Raises ``Unusable`` where the token is for other programs or wholesalers; what is nobody's is for tokens that are for all."""
        if not (self._bearer.programs.allow(program) and self._bearer.wholesalers.allow(wholesaler_id)):
            raise Unusable("This is of a program or a wholesaler for which the token is not (its claims programs and wholesalers).")


def id_of(text: str) -> UUID | None:
    """The id that was typed; None where it is none, of which whoever takes the step tells."""
    try:
        return UUID(text)
    except ValueError:
        return None


@contextmanager
def acting(*permissions: Permission) -> Iterator[Acting]:
    """Nothing is opened before it is known who acts, and that he may: a command asks for what the same call over HTTP asks for.

    Raises ``Unusable`` where it is nobody, or somebody who may not.
    """
    settings = read_settings(os.environ)
    bearer = acting_by(settings)
    for permission in permissions:
        if permission not in bearer.permissions:
            raise Unusable(f"This command needs the permission {permission}, which no role of the token grants.")
    engine = open_ledger(settings)
    try:
        yield Acting(settings, bearer, engine)
    finally:
        engine.dispose()
