"""Goods that left, with the authorization that they left on and what came back of them, a bounded part at a time."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType
from psycopg import Cursor

from gatekeeper.storage.records import Recorded
from schemas.record import DistributionRecord

STANDING: Final = """
SELECT r.record_id, r.kind, r.replaces, r.units, r.program, r.body FROM distribution_record r
WHERE r.program = %s AND r.sequence BETWEEN %s AND %s AND r.kind IN ('original', 'correction')
    AND NOT EXISTS (SELECT FROM distribution_record n WHERE n.replaces = r.record_id AND n.kind IN ('void', 'correction'))
ORDER BY r.sequence
"""
# What a snapshot leaves out later was submitted all the same.
FORMS: Final = """
SELECT subject, body FROM fact WHERE subject = ANY(%s) AND kind = 'authorization' AND program = %s ORDER BY effective_on, sequence, id
"""
PLACES: Final = "SELECT program, day, sequence, through FROM moving_unused WHERE program = ANY(%s)"
LOOKED: Final = """
INSERT INTO moving_unused (program, day, sequence, through) VALUES (%s, %s, %s, %s)
ON CONFLICT (program) DO UPDATE SET day = EXCLUDED.day, sequence = EXCLUDED.sequence, through = EXCLUDED.through
"""
_record = msgspec.json.Decoder(DistributionRecord)


class Looked(NamedTuple):
    """How far it was looked on a day at what left."""

    program: str
    day: date
    sequence: int
    through: int
    """The last sequence that is looked at on this day."""


class _Form(Struct):
    form_submitted_on: date | UnsetType = UNSET


_form = msgspec.json.Decoder(_Form)


def places(cursor: Cursor[Any], programs: Iterable[str]) -> dict[str, Looked]:
    """By program, how far it was looked."""
    return {row[0]: Looked(*row) for row in cursor.execute(PLACES, (sorted(programs),))}


def note(cursor: Cursor[Any], looked: Looked) -> None:
    """So far it was looked."""
    cursor.execute(LOOKED, looked)


def standing(cursor: Cursor[Any], program: str, first: int, last: int) -> list[Recorded]:
    """The records with these sequences that are live."""
    found = cursor.execute(STANDING, (program, first, last))
    return [Recorded._make((*row[:-1], _record.decode(row[-1]))) for row in found]


def forms(cursor: Cursor[Any], program: str, authorizations: Collection[str]) -> dict[str, date]:
    """By authorization, when its form was submitted: what the newest fact says that says it."""
    said = {}
    for authorization, body in cursor.execute(FORMS, (list(authorizations), program)) if authorizations else ():
        submitted = _form.decode(body).form_submitted_on
        if submitted is not UNSET:
            said[authorization] = submitted
    return said
