"""How fresh the registries are, as a program that runs for long knows it: for its health and its metrics."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import Engine

from gatekeeper import metrics
from gatekeeper.clock import now, seconds
from gatekeeper.registry.hearing import State, stale, states
from gatekeeper.storage.engine import transaction

LOOK_AGAIN_S = 10.0


class Freshness:
    """``limits`` says by program how old a registry may be."""

    def __init__(self, limits: Callable[[], Mapping[str, timedelta]]) -> None:
        self._limits = limits
        self._states: list[State] = []
        self._looked = float("-inf")

    def look(self, engine: Engine) -> None:
        """Asks the ledger, if it was not asked for a while."""
        if seconds() - self._looked < LOOK_AGAIN_S:
            return
        with transaction(engine) as cursor:
            self._states = states(cursor, self._limits(), now())
        self._looked = seconds()
        for state in self._states:
            metrics.REGISTRY_MISSING.labels(state.program).set(state.missing)
            if state.as_of is None:
                metrics.registry_never_heard(state.program)
            else:
                metrics.registry_as_of(state.program, state.as_of, self._limits().get(state.program))

    def told(self) -> str:
        """One line a program; the age is that of the moment. May be asked from any thread."""
        return "".join(map(self._line, self._states))

    def _line(self, state: State) -> str:
        limit = self._limits().get(state.program)
        age = "never" if state.as_of is None else f"{(now() - state.as_of).total_seconds():.0f}"
        word = "unknown" if limit is None else "yes" if stale(state.as_of, now(), limit) else "no"
        as_of = "never" if state.as_of is None else f"{state.as_of:%Y-%m-%dT%H:%M:%SZ}"
        return f"{state.program} as_of={as_of} age_s={age} stale={word} missing={state.missing}\n"
