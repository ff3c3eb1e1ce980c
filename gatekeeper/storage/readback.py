"""What was judged before is read back: the stored bytes, and nothing else, are published again."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import Cursor

from gatekeeper.arrivals import Answer, Arrived, Examined, Source, Stored
from gatekeeper.domain.ids import verdict_id
from gatekeeper.errors import Halt
from schemas.refusal import RefusedMessage

ARRIVALS = """
SELECT a.partition, a."offset", a.kind, a.digest, a.first_examination, a.last_examination, b.hash, r.body
FROM unnest(%s::int[], %s::bigint[]) AS w(partition, "offset")
JOIN arrival a ON a.source = %s AND a.partition = w.partition AND a."offset" = w."offset"
JOIN block b ON b.number = a.block
LEFT JOIN refusal r ON r.source = a.source AND r.partition = a.partition AND r."offset" = a."offset"
"""
EXAMINATIONS = """
SELECT id, wholesaler_id, order_id, revision, number, released, stopped, EXISTS (SELECT FROM outbox o WHERE o.examination = e.id)
FROM examination e WHERE id = ANY(%s)
"""
RECORDS = 'SELECT examination, record_id, body FROM distribution_record WHERE examination = ANY(%s) ORDER BY program COLLATE "C", sequence'
ALERTS = "SELECT examination, alert_id, body FROM alert WHERE examination = ANY(%s) ORDER BY alert_id"


def read_back(cursor: Cursor[Any], source: Source, arrivals: Sequence[Arrived]) -> list[Answer]:
    """The stored answers. Raises ``Halt`` where the ledger has another message, or none, at a position below its head."""
    places = ([a.position.partition for a in arrivals], [a.position.offset for a in arrivals], source.number)
    rows = {(row[0], row[1]): row[2:] for row in cursor.execute(ARRIVALS, places)}
    for arrival in arrivals:
        row = rows.get(arrival.position)
        if row is None or row[1] != arrival.digest:
            place = f"{source.topic}/{arrival.position.partition}/{arrival.position.offset}"
            raise Halt(
                f"The ledger has {'no message' if row is None else 'another message'} at {place}: "
                "this topic is not the one that was judged. See the runbook, «another message at the same place»."
            )
    wanted = [number for kind, _, first, last, *_ in rows.values() if kind == "order" for number in range(first, last + 1)]
    said = _examinations(cursor, wanted)
    return [_answer(arrival, rows[arrival.position], said) for arrival in arrivals]


def _answer(arrival: Arrived, row: tuple[Any, ...], said: dict[int, Examined | None]) -> Answer:
    kind, _, first, last, head, refusal = row
    return Answer(
        arrival.position,
        kind,
        head.hex(),
        read_back=True,
        examinations=tuple(one for number in range(first, last + 1) if (one := said[number])) if kind == "order" else (),
        refusal=Stored(msgspec.json.decode(refusal, type=RefusedMessage).refusal_id, refusal) if refusal is not None else None,
    )


def examined(cursor: Cursor[Any], wanted: Sequence[int]) -> dict[int, Examined]:
    """What examinations say, by their numbers, whoever publishes it."""
    return {number: said for number, (said, _) in _said(cursor, wanted).items()}


def _examinations(cursor: Cursor[Any], wanted: Sequence[int]) -> dict[int, Examined | None]:
    """None for those that the relay publishes."""
    return {number: None if relayed else said for number, (said, relayed) in _said(cursor, wanted).items()}


def _said(cursor: Cursor[Any], wanted: Sequence[int]) -> dict[int, tuple[Examined, bool]]:
    """By number: what it says, and whether the relay publishes that."""
    numbers = list(wanted)
    records, alerts = _stored(cursor, RECORDS, numbers), _stored(cursor, ALERTS, numbers)
    return {
        number: (
            Examined(
                verdict_id(wholesaler, order, revision, count), order, released, stopped, tuple(records[number]), tuple(alerts[number])
            ),
            relayed,
        )
        for number, wholesaler, order, revision, count, released, stopped, relayed in cursor.execute(EXAMINATIONS, (numbers,))
    }


def _stored(cursor: Cursor[Any], statement: str, wanted: list[int]) -> dict[int, list[Stored]]:
    found: dict[int, list[Stored]] = defaultdict(list)
    for number, name, body in cursor.execute(statement, (wanted,)):
        found[number].append(Stored(str(name), body))
    return found
