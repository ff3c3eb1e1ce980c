"""Facts that come one by one: what is held of the same subject, day and sequence, and what snapshots have said already."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from gatekeeper.errors import Halt

# Each by its own look into the index: a join over all of them might read the whole table.
HELD = """
SELECT f.* FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::date[]) AS w(kind, program, subject, sequence, effective_on),
LATERAL (
    SELECT f.kind, f.program, f.subject, f.sequence, f.effective_on, f.body FROM fact f
    WHERE (f.subject, f.kind, f.program) = (w.subject, w.kind, w.program) AND (f.sequence, f.effective_on) = (w.sequence, w.effective_on)
    OFFSET 0
) f
"""
COVERED = """
SELECT l.program, c.kind, max(l.sequence) FROM registry_load l, unnest(l.covers) AS c(kind) WHERE l.program = ANY(%s) GROUP BY 1, 2
"""
ALERTED = "SELECT alert_id FROM alert WHERE alert_id = ANY(%s)"
NUMBERS = "SELECT nextval('registry_load_id'), ARRAY(SELECT nextval('fact_id') FROM generate_series(1, %s))"


class Identity(NamedTuple):
    """What two facts agree in that say the same or contradict each other."""

    kind: str
    program: str
    subject: str
    sequence: int
    effective_on: date


Held = dict[Identity, list[bytes]]
"""The bodies of the facts that are held, by what they are about."""


def held(cursor: Cursor[Any], identities: Collection[Identity]) -> Held:
    """What is held under these identities, from whatever load."""
    found: Held = defaultdict(list)
    if identities:
        for *identity, body in cursor.execute(HELD, tuple(map(list, zip(*identities, strict=True)))):
            found[Identity(*identity)].append(body)
    return found


def covered(cursor: Cursor[Any], programs: Iterable[str]) -> dict[tuple[str, str], int]:
    """By program and kind, the sequence of the last snapshot that covers it."""
    return {(program, kind): sequence for program, kind, sequence in cursor.execute(COVERED, (sorted(set(programs)),))}


def alerted(cursor: Cursor[Any], alert_ids: list[UUID]) -> set[UUID]:
    """Which of these alerts were raised before."""
    return {name for (name,) in cursor.execute(ALERTED, (alert_ids,))} if alert_ids else set()


def next_numbers(cursor: Cursor[Any], facts: int) -> tuple[int, list[int]]:
    """A number that no load before has, and as many higher than those of every fact. Taken under the ledger lock alone."""
    row = cursor.execute(NUMBERS, (facts,)).fetchone()
    if row is None:
        raise Halt("The database gives no numbers for facts.")
    return int(row[0]), sorted(row[1])
