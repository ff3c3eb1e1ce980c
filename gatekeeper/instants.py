"""Instants as the contract writes them."""

from datetime import UTC, datetime

from gatekeeper.errors import Unusable
from schemas.text import is_instant


def instant_of(text: str) -> datetime:
    """The instant, in UTC, of a text that is known to be one."""
    return datetime.fromisoformat(text).astimezone(UTC)


def read_instant(text: str, name: str) -> datetime:
    """The instant, in UTC, that a person gave as ``name``."""
    if not is_instant(text):
        raise Unusable(f"{name} must be an instant such as 2026-11-20T15:00:00Z, with Z or an offset such as -05:00.")
    return instant_of(text)
