"""The labelled decisions through the gate: what `decide` answers from files is what the ledger has."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Cursor

from gatekeeper.arrivals import Answer, Position, Source
from gatekeeper.clock import now
from gatekeeper.instants import instant_of, read_instant
from gatekeeper.judging.deciding import line_document
from gatekeeper.registry.importing import SUBJECT
from gatekeeper.registry.snapshot import AHEAD_AT_MOST
from gatekeeper.storage import ledger as stored
from gatekeeper.storage import tables
from gatekeeper.storage.columns import Added, insert
from schemas.canonical import canonical
from schemas.fact import Heartbeat, SiteFact
from schemas.reading import Unreadable, read_fact, read_header
from tests.gate.ledger import RULES, Ledger, batches, judge_with, undone
from tests.labelled import Document, cases, difference, messages, registry_file

DECIDED = [(book, case) for book, case in cases() if case["expect"] != "unusable"]
SIZES = (1, 2, None)


def tell(cursor: Cursor[Any], facts: Iterable[bytes], at: datetime) -> None:
    """Puts the lines of a snapshot file into the registry's tables, as a load does."""
    rows: list[tuple[Any, ...]] = []
    identifiers: set[tuple[str, str, str]] = set()
    fresh: dict[str, datetime] = {}
    for number, line in enumerate(facts):
        header = read_header(line) if number == 0 else None
        if header is not None and not isinstance(header, Unreadable):
            fresh[header.snapshot] = instant_of(header.as_of)
            continue
        if line.isspace() or not line:
            continue
        fact = read_fact(line)
        assert not isinstance(fact, Unreadable), fact
        if isinstance(fact, Heartbeat):
            if fact.program in fresh and instant_of(fact.as_of) <= at + AHEAD_AT_MOST:
                fresh[fact.program] = max(fresh[fact.program], instant_of(fact.as_of))
            continue
        kind = type(fact)
        rows.append((
            number, 1, str(kind.__struct_config__.tag), fact.program, SUBJECT[kind](fact), fact.sequence, fact.effective_on, canonical(fact)
        ))  # fmt: skip
        if isinstance(fact, SiteFact):
            for name, values in msgspec.to_builtins(fact.identifiers).items():
                identifiers |= {(value, name, fact.site_id, 1) for value in values}
    insert(cursor, Added(tables.FACT, rows))
    insert(cursor, Added(tables.SITE_IDENTIFIER, sorted(identifiers)))
    insert(cursor, Added(tables.FRESHNESS, list((fresh or {program.name: at for program in RULES.programs}).items())))


def answered(answer: Answer, first: dict[int | None, Document], examination: int | None) -> Document:
    """An answer as `decide` prints it."""
    if answer.refusal is not None:
        return {"refused": json.loads(answer.refusal.body)}
    if answer.kind == "repeat":
        return {"repeat": True, "lines": first[examination]["lines"]}
    first[examination] = {"lines": [line_document(line) for line in answer.lines]}
    return first[examination]


def outcome(cursor: Cursor[Any], source: Source, raws: list[bytes], size: int | None) -> tuple[list[Document], list[Answer]]:
    """What is answered in batches of this size, and what is published of it; nothing of it stays."""
    placed = [(Position(0, offset), raw) for offset, raw in enumerate(raws)]
    cursor.execute("SAVEPOINT before")
    answers = [answer for part in batches(placed, size) for answer in judge_with(cursor, source, part)]
    rows = cursor.execute('SELECT "offset", last_examination FROM arrival WHERE source = %s ORDER BY 1', (source.number,)).fetchall()
    cursor.execute("ROLLBACK TO SAVEPOINT before")
    assert [offset for offset, _ in rows] == list(range(len(raws)))
    first: dict[int | None, Document] = {}
    said = [answered(answer, first, examination) for answer, (_, examination) in zip(answers, rows, strict=True)]
    return said, [answer._replace(head="") for answer in answers]


def test_every_case_in_batches_of_any_size(ledger: Ledger) -> None:
    """Every labelled case is answered by the gate as its label says, and byte for byte the same in batches of 1, 2 and all at once."""
    wrong = {}
    for book, case in DECIDED:
        at = now() if case["at"] == "now" else read_instant(case["at"], "--at")
        with undone(ledger.engine) as cursor:
            cursor.execute("UPDATE clock.stopped SET at = %s", (at,))
            cursor.execute("UPDATE moving_tail SET at = '1970-01-01T00:00:00Z'")
            tell(cursor, registry_file(book, case).splitlines(), at)
            results = [outcome(cursor, ledger.source, messages(book, case), size) for size in SIZES]
        expected = case["expect"]
        found = [difference(want, got) for want, got in zip(expected, results[0][0], strict=True) if want is not None]
        if any(found) or results[1] != results[0] or results[2] != results[0]:
            wrong[case["id"]] = found
    assert wrong == {}


def test_what_a_registry_loaded_by_import_answers(ledger: Ledger) -> None:
    """The registry as an import leaves it answers as the facts of its file do."""
    ledger.load()
    ledger.load(program="isotretinoin")
    world = [(book, case) for book, case in DECIDED if not {"facts", "as_of", "header"} & set(case) and case["at"] <= "2026-11-20T17"]
    assert len(world) > 50
    wrong = {}
    for book, case in world:
        with undone(ledger.engine) as cursor:
            cursor.execute("UPDATE clock.stopped SET at = %s", (read_instant(case["at"], "--at"),))
            cursor.execute("UPDATE moving_tail SET at = '1970-01-01T00:00:00Z'")
            said, _ = outcome(cursor, ledger.source, messages(book, case), None)
        found = [difference(want, got) for want, got in zip(case["expect"], said, strict=True) if want is not None]
        if any(found):
            wrong[case["id"]] = found
    assert wrong == {}


def test_the_ledgers_clock_is_the_databases(ledger: Ledger) -> None:
    """`decided_at` is the instant of the database's clock, never the machine's, to the millisecond."""
    ledger.set_clock(datetime.fromisoformat("2026-11-20T17:00:01.482999+00:00"))
    with undone(ledger.engine) as cursor:
        stored.take_lock(cursor)
        assert stored.read_tail(cursor).now == datetime.fromisoformat("2026-11-20T17:00:01.482+00:00")
