"""A command that acts for a person: who that is, and the ledger, opened for him."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from sqlalchemy import Engine

from gatekeeper.access import Person, person
from gatekeeper.config import Settings, read_settings
from gatekeeper.domain.program import Program
from gatekeeper.opening import open_ledger
from gatekeeper.recording import Terms
from gatekeeper.rules import RuleBook


class Acting:
    """The person of the settings' token, on the ledger of the settings."""

    def __init__(self, settings: Settings, acting: Person, engine: Engine) -> None:
        self.settings, self.person, self.engine = settings, acting, engine

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


@contextmanager
def acting() -> Iterator[Acting]:
    """Nothing is opened before it is known who acts. Raises ``Unusable`` where that is nobody."""
    settings = read_settings(os.environ)
    who = person(settings)
    engine = open_ledger(settings)
    try:
        yield Acting(settings, who, engine)
    finally:
        engine.dispose()
