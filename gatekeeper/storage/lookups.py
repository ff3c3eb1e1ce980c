"""Everything that a batch asks, answered by a handful of statements, whatever its size."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.domain.case import Question
from gatekeeper.translate import kept_fact

# By an expression, so that the whole table is never gone through in the order of its ids where statistics are missing.
REGISTRY = """
SELECT f.id + 0, f.kind, f.program, f.subject, f.body,
       (SELECT CASE WHEN p.present THEN NULL ELSE p.day END FROM fact_presence p WHERE p.fact = f.id ORDER BY p.load DESC LIMIT 1)
FROM fact f WHERE f.subject = ANY(%s)
UNION ALL
SELECT DISTINCT 0, 'identifier', kind, value, convert_to(site_id, 'UTF8'), NULL::date FROM moving_site_identifier WHERE value = ANY(%s)
UNION ALL
SELECT registry_version, 'version', NULL, NULL, NULL, NULL FROM moving_tail
ORDER BY 1
"""
MOVED = """
SELECT 'units', program, authorization_id, to_json(units) FROM moving_units WHERE authorization_id = ANY(%s)
UNION ALL SELECT 'serial', gtin, serial, to_json(place) FROM moving_serial WHERE serial = ANY(%s)
UNION ALL SELECT 'as_of', program, NULL, to_json(as_of) FROM moving_freshness WHERE program = ANY(%s)
"""

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


class Told(NamedTuple):
    """What the registry said."""

    said: dict[Question, Said]
    version: int | None
    """The registry's version that said so; None where nothing was asked."""


NOTHING = Said((), b"[]")
_encode = msgspec.json.Encoder().encode


def ask(cursor: Cursor[Any], questions: Collection[Question]) -> dict[Question, Said]:
    """The answers to ``questions``, all as of this moment of the transaction. ``order`` is not asked here."""
    moving = [question for question in questions if question[0] in MOVING]
    return ask_the_registry(cursor, questions).said | (_what_moves(cursor, moving) if moving else {})


def ask_the_registry(cursor: Cursor[Any], questions: Iterable[Question]) -> Told:
    """The registry's answers to those of the ``questions`` that are asked of it, by one statement."""
    of_facts, of_identifiers = [], []
    for question in questions:
        if question[0] in KIND_OF_FACT:
            of_facts.append(question)
        elif question[0] == "identifier":
            of_identifiers.append(question)
    if not of_facts and not of_identifiers:
        return Told({}, None)
    version = None
    facts: dict[tuple[str, ...], list[tuple[bytes, date | None]]] = defaultdict(list)
    sites: dict[tuple[str, str], list[str]] = defaultdict(list)
    named = [list({question[-1] for question in asked}) for asked in (of_facts, of_identifiers)]
    for number, kind, program, subject, body, until in cursor.execute(REGISTRY, named):
        if kind == "version":
            version = number
        elif kind == "identifier":
            sites[program, subject].append(body.decode())
        else:
            facts[(kind, subject) if kind in OF_ALL_PROGRAMS else (kind, subject, program)].append((body, until))
    said = {question: plain(tuple(sorted(sites.get((question[1], question[2]), ())))) for question in of_identifiers}
    for question in of_facts:
        kind, subject = KIND_OF_FACT[question[0]], question[-1]
        found = facts.get((kind, subject) if kind in OF_ALL_PROGRAMS else (kind, subject, question[1]))
        said[question] = _facts_said(found) if found else NOTHING
    return Told(said, version)


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


def _what_moves(cursor: Cursor[Any], asked: list[Question]) -> dict[Question, Said]:
    named = [[question[-1] for question in asked if question[0] == kind] for kind in MOVING]
    moved: dict[Question, Any] = {}
    for kind, program, name, answer in cursor.execute(MOVED, named):
        if kind == "as_of":
            moved[kind, program] = datetime.fromisoformat(answer)
        else:
            moved[kind, program, name] = answer
    return {question: plain(moved.get(question, MOVING[question[0]])) for question in asked}
