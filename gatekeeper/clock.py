"""The one place that reads a clock of this machine. Decisions take their instant from the database's."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def seconds() -> float:
    """A count of seconds that never runs back, for measuring how long something took."""
    return time.monotonic()
