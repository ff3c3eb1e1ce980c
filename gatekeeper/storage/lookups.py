"""Everything that a batch asks, answered by a handful of statements, whatever its size."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.domain.case import Question
from gatekeeper.translate import kept_fact

MOVED = """
SELECT 0::bigint, 'units', program, authorization_id, convert_to(units::text, 'UTF8'), NULL::date
FROM moving_units WHERE authorization_id = ANY(%s)
UNION ALL
SELECT 0, 'serial', gtin, serial, convert_to(to_json(place)::text, 'UTF8'), NULL FROM moving_serial WHERE serial = ANY(%s)
UNION ALL
SELECT 0, 'as_of', program, NULL, convert_to(to_json(as_of)::text, 'UTF8'), NULL FROM moving_freshness WHERE program = ANY(%s)
"""
# By an expression, so that the whole table is never gone through in the order of its ids where statistics are missing.
REGISTRY = """
SELECT f.id + 0, f.kind, f.program, f.subject, f.body,
       (SELECT CASE WHEN p.present THEN NULL ELSE p.day END FROM fact_presence p WHERE p.fact = f.id ORDER BY p.load DESC LIMIT 1)
FROM fact f WHERE f.subject = ANY(%s)
UNION ALL
SELECT DISTINCT 0, 'identifier', kind, value, convert_to(site_id, 'UTF8'), NULL::date FROM moving_site_identifier WHERE value = ANY(%s)
UNION ALL
SELECT registry_version, 'stood', block::text, date_trunc('milliseconds', clock_timestamp())::text, NULL, NULL FROM moving_tail
"""
ORDERED = "ORDER BY 1"
ALL = f"{REGISTRY} UNION ALL {MOVED} {ORDERED}"

OF_ALL_PROGRAMS = frozenset({"site", "site_alias"})
MOVING: dict[str, Any] = {"units": 0, "serial": None, "as_of": None}
"""Kinds of questions whose answers may change without a new version of the registry, and what is answered where nothing has moved yet.

``order`` is one too, but is not asked here.
"""
KIND_OF_FACT = {
    "mode": "program",
    "site": "site",
    "alias": "site_alias",
    "patient": "patient",
    "prescriber": "prescriber",
    "authorization": "authorization",
    "recall": "recall",
}


class Said(NamedTuple):
    """What was answered to a question, and the same as it is kept as evidence (JSON)."""

    answer: Any
    raw: bytes


class Stood(NamedTuple):
    """Where the ledger stood, as it was asked without the lock."""

    at: datetime
    block: int
    registry_version: int


class Told(NamedTuple):
    """What was answered."""

    said: dict[Question, Said]
    stood: Stood | None
    """Where the ledger stood then; None where the registry was not asked."""


NOTHING = Said((), b"[]")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def ask(cursor: Cursor[Any], questions: Collection[Question]) -> dict[Question, Said]:
    """The answers to ``questions``, all as of this moment of the transaction. ``order`` is not asked here."""
    return ask_all(cursor, questions).said


def ask_all(cursor: Cursor[Any], questions: Iterable[Question]) -> Told:
    """The same by one statement, and where the ledger stood, if the registry was asked anything."""
    asked: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        asked["fact" if question[0] in KIND_OF_FACT else question[0]].append(question)
    names = [list({question[-1] for question in asked[kind]}) for kind in ("fact", "identifier", *MOVING)]
    stood = None
    facts: dict[tuple[str, ...], list[tuple[bytes, date | None]]] = defaultdict(list)
    sites: dict[tuple[str, str], list[str]] = defaultdict(list)
    moved: dict[Question, Any] = {}
    for number, kind, program, subject, body, until in _found(cursor, names):
        if kind == "stood":
            stood = Stood(datetime.fromisoformat(subject).astimezone(UTC), int(program), number)
        elif kind == "identifier":
            sites[program, subject].append(body.decode())
        elif kind == "as_of":
            moved[kind, program] = datetime.fromisoformat(_decode(body))
        elif kind in MOVING:
            moved[kind, program, subject] = _decode(body)
        else:
            facts[(kind, subject) if kind in OF_ALL_PROGRAMS else (kind, subject, program)].append((body, until))
    said = {question: plain(tuple(sorted(sites.get((question[1], question[2]), ())))) for question in asked["identifier"]}
    for question in asked["fact"]:
        kind, subject = KIND_OF_FACT[question[0]], question[-1]
        of_fact = facts.get((kind, subject) if kind in OF_ALL_PROGRAMS else (kind, subject, question[1]))
        said[question] = _facts_said(of_fact) if of_fact else NOTHING
    for kind, nothing in MOVING.items():
        said |= {question: plain(moved.get(question, nothing)) for question in asked[kind]}
    return Told(said, stood)


def _found(cursor: Cursor[Any], names: list[list[str]]) -> Iterable[tuple[Any, ...]]:
    if any(names[:2]):
        return cursor.execute(ALL, names) if any(names[2:]) else cursor.execute(REGISTRY + ORDERED, names[:2])
    return cursor.execute(MOVED, names[2:]) if any(names) else ()


def plain(answer: Any) -> Said:
    """An answer that is kept as it is."""
    return Said(answer, _encode(answer))


def _facts_said(found: list[tuple[bytes, date | None]]) -> Said:
    return Said(tuple([_fact(*row) for row in found]), b"[" + b",".join([_raw(*row) for row in found]) + b"]")


def _fact(body: bytes, until: date | None) -> Any:
    fact = kept_fact(body)
    return fact._replace(until=until) if until else fact


def _raw(body: bytes, until: date | None) -> bytes:
    return b'{"until":"%s","fact":%s}' % (until.isoformat().encode(), body) if until else body
