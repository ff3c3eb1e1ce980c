"""How often one caller may ask: a rate, and so much at once. Each process counts for itself."""

from collections.abc import Callable
from math import ceil
from threading import Lock
from typing import Final

from gatekeeper import clock
from gatekeeper.api.problems import Problem

BURST_S: Final = 10
"""Whoever was quiet may ask so many seconds' worth at once."""
MOST_CALLERS: Final = 10_000
"""Beyond it those are forgotten who were quiet long enough."""


class Rates:
    """Counts by caller, for all threads."""

    def __init__(self, per_second: int, seconds: Callable[[], float] = clock.seconds) -> None:
        self._each, self._seconds = 1 / per_second, seconds
        self._paid: dict[str, float] = {}
        """By caller, until when what he asked is paid for at the rate."""
        self._lock = Lock()

    def count(self, caller: str) -> None:
        """One more request of this caller. Ends it where he asks too often."""
        now = self._seconds()
        with self._lock:
            paid = max(self._paid.get(caller, now), now)
            late = paid + self._each - now - BURST_S
            if late <= 0:
                self._paid[caller] = paid + self._each
            if len(self._paid) > MOST_CALLERS:
                self._paid = {name: until for name, until in self._paid.items() if until > now}
        if late > 0:
            raise Problem("too-many-requests", retry_after_s=ceil(late))
