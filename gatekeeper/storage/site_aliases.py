"""Site aliases in the ledger: what people proposed and decided, and the facts that follow from it."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Table

from gatekeeper.errors import Halt
from gatekeeper.storage import chain, ledger, moving, registry, tables
from gatekeeper.storage.columns import Added, insert

KIND = "site_alias"
ALIASES = """
SELECT a.alias_id, a.program, a.site_id, a.wholesaler_id, a.body, a.person, a.at, d.decision, d.reason, d.person, d.at
FROM (
    SELECT * FROM site_alias
    WHERE (%(alias_id)s::uuid IS NULL OR alias_id = %(alias_id)s) AND (%(program)s::text IS NULL OR program = %(program)s)
      AND (%(site_id)s::text IS NULL OR site_id = %(site_id)s) AND (%(wholesaler_id)s::text IS NULL OR wholesaler_id = %(wholesaler_id)s)
      AND (%(after_at)s::timestamptz IS NULL OR (at, alias_id) > (%(after_at)s, %(after_id)s::uuid))
    ORDER BY at, alias_id LIMIT %(most)s
) a LEFT JOIN site_alias_decision d ON d.alias_id = a.alias_id
ORDER BY a.at, a.alias_id, d.number
"""
FACTS_OF_SITE = "SELECT id, body FROM fact WHERE subject = %s AND kind = %s ORDER BY id"
NEXT_FACT = "SELECT nextval('fact_id')"


class Decision(NamedTuple):
    decision: str
    """``approved``, ``refused`` or ``withdrawn``."""
    reason: str
    person: str
    at: datetime


class Proposed(NamedTuple):
    """An alias as it was proposed, and what was decided of it since, in order."""

    alias_id: UUID
    program: str
    site_id: str
    wholesaler_id: str
    body: bytes
    person: str
    at: datetime
    decisions: tuple[Decision, ...] = ()


def proposed(
    cursor: Cursor[Any],
    *,
    alias_id: UUID | None = None,
    program: str | None = None,
    site_id: str | None = None,
    wholesaler_id: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    most: int | None = None,
) -> Iterator[Proposed]:
    """The aliases that fit all that is given, oldest first, after one by its instant and id; so many at most."""
    after_at, after_id = after or (None, None)
    named = {"alias_id": alias_id, "program": program, "site_id": site_id, "wholesaler_id": wholesaler_id}
    for _, several in groupby(
        cursor.execute(ALIASES, named | {"after_at": after_at, "after_id": after_id, "most": most}).fetchall(), key=itemgetter(0)
    ):
        rows = list(several)
        yield Proposed._make((*rows[0][:7], tuple([Decision(*row[7:]) for row in rows if row[7] is not None])))


def propose(cursor: Cursor[Any], tail: ledger.Tail, alias: Proposed) -> None:
    """Adds a proposal. It is known of, and counts for nothing."""
    ledger.add_block(cursor, tail, {tables.SITE_ALIAS: [(*alias[:7], tail.block + 1)]})


def refuse(cursor: Cursor[Any], tail: ledger.Tail, alias: Proposed, decision: Decision) -> None:
    ledger.add_block(cursor, tail, {tables.SITE_ALIAS_DECISION: [_row(tail, alias, decision)]})


def approve(
    cursor: Cursor[Any],
    tail: ledger.Tail,
    alias: Proposed,
    decision: Decision,
    day: date,
    body: bytes,
    account: str | None,
    approval: Sequence[Any],
) -> None:
    """From ``day`` on the alias is a fact, with this body. ``account`` is that which it gives, as it is looked up."""
    load = registry.next_load(cursor)
    fact = (_next_fact(cursor), load, KIND, alias.program, alias.site_id, 0, day, body)
    identifiers = [] if account is None else [(account, "account", alias.site_id, load)]
    insert(cursor, Added(tables.FACT, [fact]), Added(tables.SITE_IDENTIFIER, identifiers))
    _add_batch(cursor, tail, load, 1, (fact[0], *fact[2:]), _row(tail, alias, decision), approval)


def withdraw(cursor: Cursor[Any], tail: ledger.Tail, alias: Proposed, decision: Decision, day: date, fact: int) -> None:
    """From ``day`` on the alias's ``fact`` counts no longer."""
    load = registry.next_load(cursor)
    insert(cursor, Added(tables.FACT_PRESENCE, [(fact, load, day, False)]))
    _add_batch(cursor, tail, load, 0, (fact, day, False), _row(tail, alias, decision))


def facts_of_site(cursor: Cursor[Any], site_id: str) -> list[tuple[int, bytes]]:
    """The number and body of each alias of the site that was ever approved."""
    return cursor.execute(FACTS_OF_SITE, (site_id, KIND)).fetchall()


def _add_batch(
    cursor: Cursor[Any],
    tail: ledger.Tail,
    load: int,
    facts: int,
    changed: Sequence[Any],
    decision: Sequence[Any],
    *approval: Sequence[Any],
) -> None:
    """The batch that makes a change known, from a new version of the registry on; what hangs on it is looked at again."""
    version = tail.registry_version + 1
    batch = (load, version, "local", facts, chain.facts_digest([changed]), tail.now, tail.block + 1)
    rows: dict[Table, Sequence[Sequence[Any]]] = {
        tables.REGISTRY_BATCH: [batch],
        tables.SITE_ALIAS_DECISION: [decision],
        tables.APPROVAL: approval,
    }
    ledger.add_block(cursor, tail, rows, registry_version=version)
    moving.follow(cursor, "alias", tail.examination, load=load)


def _row(tail: ledger.Tail, alias: Proposed, decision: Decision) -> Sequence[Any]:
    return (alias.alias_id, len(alias.decisions) + 1, *decision, tail.block + 1)


def _next_fact(cursor: Cursor[Any]) -> int:
    row = cursor.execute(NEXT_FACT).fetchone()
    if row is None:
        raise Halt("The database gives no number for a fact.")
    return int(row[0])
