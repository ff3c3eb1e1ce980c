"""Everything that a batch asks, answered by a handful of statements, whatever its size."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.domain.case import Question
from gatekeeper.translate import kept_fact

# By an expression, so that the whole table is never gone through in the order of its ids where statistics are missing.
FACTS = """
SELECT f.kind, f.subject, f.program, f.body,
       (SELECT CASE WHEN p.present THEN NULL ELSE p.day END FROM fact_presence p WHERE p.fact = f.id ORDER BY p.load DESC LIMIT 1)
FROM fact f WHERE f.subject = ANY(%s) ORDER BY f.id + 0
"""
IDENTIFIERS = "SELECT DISTINCT kind, value, site_id FROM moving_site_identifier WHERE value = ANY(%s) ORDER BY site_id"
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


NOTHING = Said((), b"[]")
_encode = msgspec.json.Encoder().encode


def ask(cursor: Cursor[Any], questions: Iterable[Question]) -> dict[Question, Said]:
    """The answers to ``questions``, all as of this moment of the transaction. ``order`` is not asked here."""
    by_kind: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_kind[question[0]].append(question)
    said: dict[Question, Said] = {}
    _ask_facts(cursor, by_kind, said)
    if asked := by_kind.get("identifier"):
        _ask_identifiers(cursor, asked, said)
    if asked := [question for kind in MOVING for question in by_kind.get(kind, ())]:
        _ask_what_moves(cursor, asked, said)
    return said


def plain(answer: Any) -> Said:
    """An answer that is kept as it is."""
    return Said(answer, _encode(answer))


def _ask_facts(cursor: Cursor[Any], by_kind: dict[str, list[Question]], said: dict[Question, Said]) -> None:
    asked = [question for kind in KIND_OF_FACT for question in by_kind.get(kind, ())]
    if not asked:
        return
    rows: dict[tuple[str, ...], list[tuple[bytes, date | None]]] = defaultdict(list)
    for kind, subject, program, body, until in cursor.execute(FACTS, (list({question[-1] for question in asked}),)):
        rows[(kind, subject) if kind in OF_ALL_PROGRAMS else (kind, subject, program)].append((body, until))
    for question in asked:
        kind, subject = KIND_OF_FACT[question[0]], question[-1]
        found = rows.get((kind, subject) if kind in OF_ALL_PROGRAMS else (kind, subject, question[1]))
        said[question] = _facts_said(found) if found else NOTHING


def _facts_said(found: list[tuple[bytes, date | None]]) -> Said:
    return Said(tuple([_fact(*row) for row in found]), b"[" + b",".join([_raw(*row) for row in found]) + b"]")


def _fact(body: bytes, until: date | None) -> Any:
    fact = kept_fact(body)
    return fact._replace(until=until) if until else fact


def _raw(body: bytes, until: date | None) -> bytes:
    return b'{"until":"%s","fact":%s}' % (until.isoformat().encode(), body) if until else body


def _ask_identifiers(cursor: Cursor[Any], asked: list[Question], said: dict[Question, Said]) -> None:
    sites: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, value, site_id in cursor.execute(IDENTIFIERS, (list({question[2] for question in asked}),)):
        sites[kind, value].append(site_id)
    said |= {question: plain(tuple(sites.get((question[1], question[2]), ()))) for question in asked}


def _ask_what_moves(cursor: Cursor[Any], asked: list[Question], said: dict[Question, Said]) -> None:
    named = [[question[-1] for question in asked if question[0] == kind] for kind in MOVING]
    moved: dict[Question, Any] = {}
    for kind, program, name, answer in cursor.execute(MOVED, named):
        if kind == "as_of":
            moved[kind, program] = datetime.fromisoformat(answer)
        else:
            moved[kind, program, name] = answer
    said |= {question: plain(moved.get(question, MOVING[question[0]])) for question in asked}
