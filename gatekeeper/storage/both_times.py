"""What the registries said of one subject, with when it was recorded: by index, however many facts there are."""

from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg import Cursor

FACTS = """
SELECT id, load, sequence, effective_on, body FROM fact WHERE subject = %s AND kind = %s AND program = %s ORDER BY id
"""
PRESENCES = "SELECT fact, load, day, present FROM fact_presence WHERE fact = ANY(%s) ORDER BY load"
SOURCES = """
SELECT id, 'snapshot', version, at, sequence, as_of FROM registry_load WHERE id = ANY(%(loads)s)
UNION ALL SELECT id, origin, version, at, NULL, NULL FROM registry_batch WHERE id = ANY(%(loads)s)
"""


class FactRow(NamedTuple):
    id: int
    load: int
    sequence: int
    effective_on: date
    body: bytes


class PresenceRow(NamedTuple):
    fact: int
    load: int
    day: date
    present: bool


class Source(NamedTuple):
    """With what something became known."""

    load: int
    origin: str
    """``snapshot``, ``topic`` or ``local``."""
    version: int
    """The registry's version from then on."""
    at: datetime
    sequence: int | None
    as_of: datetime | None
    """Of a snapshot: its sequence, and the instant of which it speaks."""


def facts(cursor: Cursor[Any], program: str, kind: str, subject: str) -> list[FactRow]:
    """Every fact about the subject, in the order in which they came."""
    return [FactRow(*row) for row in cursor.execute(FACTS, (subject, kind, program))]


def presences(cursor: Cursor[Any], fact_ids: list[int]) -> list[PresenceRow]:
    """What snapshots changed about whether these facts count, in the order in which they came."""
    return [PresenceRow(*row) for row in cursor.execute(PRESENCES, (fact_ids,))]


def sources(cursor: Cursor[Any], loads: set[int]) -> dict[int, Source]:
    """The snapshots and batches of these loads."""
    return {row[0]: Source(*row) for row in cursor.execute(SOURCES, {"loads": list(loads)})}
