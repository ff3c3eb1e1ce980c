"""What the registries said of a subject, with when it was recorded: by index, however many facts there are."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg import Cursor

FACTS = """
SELECT subject, id, load, sequence, effective_on, body FROM fact WHERE subject = ANY(%s) AND kind = %s AND program = %s ORDER BY id
"""
PRESENCES = "SELECT fact, load, day, present FROM fact_presence WHERE fact = ANY(%s) ORDER BY load"
SOURCES = """
SELECT id, 'snapshot', version, at, sequence, as_of FROM registry_load WHERE id = ANY(%(loads)s)
UNION ALL SELECT id, origin, version, at, NULL, NULL FROM registry_batch WHERE id = ANY(%(loads)s)
"""
KEPT_ASIDE = """
SELECT a.why, a.body, b.at, s.topic, a.partition, a."offset"
FROM aside a JOIN block b ON b.number = a.block JOIN source s ON s.id = a.source
WHERE subject_of_fact(a.body) = %s ORDER BY a.block, a.source, a.partition, a."offset"
"""


class FactRow(NamedTuple):
    subject: str
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


class AsideRow(NamedTuple):
    """A fact that changed nothing: why, when it came, and where it stood."""

    why: str
    body: bytes
    at: datetime
    topic: str
    partition: int
    offset: int


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


def facts(cursor: Cursor[Any], program: str, kind: str, subjects: Sequence[str]) -> list[FactRow]:
    """Every fact about the subjects, in the order in which they came."""
    return [FactRow(*row) for row in cursor.execute(FACTS, (list(subjects), kind, program), binary=True)]


def presences(cursor: Cursor[Any], fact_ids: list[int]) -> list[PresenceRow]:
    """What snapshots changed about whether these facts count, in the order in which they came."""
    return [PresenceRow(*row) for row in cursor.execute(PRESENCES, (fact_ids,))]


def kept_aside(cursor: Cursor[Any], subject: str) -> list[AsideRow]:
    """Every fact about the subject, written as its topic's keys are, that was kept and changed nothing, in the order in which they came."""
    return [AsideRow(*row) for row in cursor.execute(KEPT_ASIDE, (subject,))]


def sources(cursor: Cursor[Any], loads: set[int]) -> dict[int, Source]:
    """The snapshots and batches of these loads."""
    return {row[0]: Source(*row) for row in cursor.execute(SOURCES, {"loads": list(loads)})}
