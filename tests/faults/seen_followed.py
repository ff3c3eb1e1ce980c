"""What followed from facts and events, as the ledger has it; and, undone afterwards, what judging everything once more would say."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.examinations.recording import TERMS
from gatekeeper.following.reexamination import judge_due
from gatekeeper.following.steps import LINES_AT_ONCE, expand
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger, moving
from gatekeeper.storage.engine import transaction
from tests.faults.followed import Event, Examination, Fact, Followed, LookBack, Name, Subject, Told
from tests.faults.labels import FACTS, SUBJECT, Answer, Telling, fact_said, said_by
from tests.faults.relayed import Output, Place
from tests.faults.scene import Scene

EXAMINATIONS = """
SELECT id, wholesaler_id, order_id, revision, number, cause, block, registry_version, released, stopped, evidence
FROM examination ORDER BY id
"""
FACT_ROWS = """
SELECT f.id, f.kind, f.subject, f.sequence, f.effective_on, f.body, l.block
FROM fact f JOIN (SELECT id, block FROM registry_load UNION ALL SELECT id, block FROM registry_batch) l ON l.id = f.load ORDER BY f.id
"""
VERSIONS = "SELECT version, block FROM registry_load UNION ALL SELECT version, block FROM registry_batch ORDER BY 1"
EVENT_ROWS = "SELECT event_id, wholesaler_id, order_id, revision, event, body, block FROM shipment_event ORDER BY block"
LOOK_BACKS = "SELECT id, fact, kind, findings, alert_id IS NOT NULL FROM look_back"
# What left past the gate has no examination: a number of its own stands in the place of one.
FINDINGS = """
SELECT look_back, examination, line FROM finding
UNION ALL SELECT look_back, -1 - dense_rank() OVER (ORDER BY bypass_id), 0 FROM finding_outside
"""
ARRIVED = 'SELECT s.topic, a.partition, a."offset", a.kind FROM arrival a JOIN source s ON s.id = a.source'
SEQUENCES = "SELECT program, upper(received) - 1, received = int8multirange(int8range(1, upper(received))) FROM moving_sequence"
HEARD = """
SELECT f.program FROM moving_freshness f WHERE f.as_of < (
    SELECT max(as_of) FROM (SELECT as_of, program FROM heartbeat UNION ALL SELECT as_of, program FROM registry_load) t
    WHERE t.program = f.program)
"""
ONCE_MORE = "SELECT id, wholesaler_id, order_id, revision, number, cause, released, stopped FROM examination WHERE id > %s ORDER BY id"
OPEN = "SELECT examination, line, order_id, wholesaler_id, revision FROM moving_open_line"
ORDERS_AT_ONCE = 500


def see_followed(scene: Scene, outputs: Iterable[Output]) -> Followed:
    """Everything, when nothing moves any more."""
    outdated = tuple(_once_more(scene.engine))
    with transaction(scene.engine) as cursor:
        facts = tuple(_facts(cursor))
        return Followed(
            examinations=tuple(_examinations(cursor)),
            living=frozenset(_living(scene)),
            facts=facts,
            versions=tuple(cursor.execute(VERSIONS).fetchall()),
            events=tuple(_events(cursor)),
            told=tuple(_told(cursor, scene, outputs)),
            expected=tuple(fact_said(json.loads(each.value)) for each in _all(scene, FACTS) if "fact" in each.kinds),
            expected_events=tuple(json.loads(each.value)["event_id"] for each in _all(scene, None) if each.kinds == {"event"}),
            look_backs=tuple(LookBack(*row) for row in cursor.execute(LOOK_BACKS)),
            findings=tuple(cursor.execute(FINDINGS).fetchall()),
            not_heard=tuple(_not_heard(cursor, scene)),
            outdated=outdated,
            left_undone=scene.in_hand()[0],
        )


def _all(scene: Scene, topic: str | None) -> list[Telling]:
    return [each for name, told in scene.told.items() if topic in (None, name) for each in told.values()]


def _living(scene: Scene) -> Iterator[Name]:
    for sending in scene.sent.values():
        if sending.living:
            order = json.loads(sending.value)
            yield order["wholesaler_id"], order["order_id"]


def _examinations(cursor: Cursor[Any]) -> Iterator[Examination]:
    for number, wholesaler, order, revision, count, cause, block, version, released, stopped, evidence in cursor.execute(EXAMINATIONS):
        out, codes = _said(released, stopped)
        yield Examination(
            number, (wholesaler, order), revision, count, cause, block, version,
            frozenset(line for line, said in out.items() if said == "released"),
            frozenset(line for line, said in out.items() if said == "withdrawn"),
            codes,
            dict(_hangs_on(json.loads(evidence))),
        )  # fmt: skip


def _said(released: bytes | None, stopped: bytes | None) -> tuple[dict[int, str], dict[int, frozenset[str]]]:
    out = {line["line"]: line["outcome"] for line in json.loads(released)["lines"]} if released else {}
    lines = json.loads(stopped)["lines"] if stopped else []
    return out, {line["line"]: frozenset(reason["code"] for reason in line["reasons"] if reason["stops"]) for line in lines}


def _hangs_on(evidence: Any) -> Iterator[tuple[int, tuple[Subject, ...]]]:
    order = evidence.get("order")
    for line in order["lines"] if order else ():
        if patient := line.get("patient"):
            yield (
                line["line"],
                tuple(
                    (kind, name)
                    for kind, name in (
                        ("site", order["ship_to"].get("rems_site_id")),
                        ("authorization", patient.get("authorization_id")),
                        ("recall", line.get("lot")),
                    )
                    if name is not None
                ),
            )


def _facts(cursor: Cursor[Any]) -> Iterator[Fact]:
    for number, kind, _, sequence, day, body, block in cursor.execute(FACT_ROWS):
        fact = json.loads(body)
        yield Fact(number, (kind, fact[SUBJECT[kind]]), sequence, str(day), fact["status"], block, fact_said(fact))


def _events(cursor: Cursor[Any]) -> Iterator[Event]:
    for name, wholesaler, order, revision, event, body, block in cursor.execute(EVENT_ROWS):
        lines = tuple(line["line"] for line in json.loads(body).get("lines", ()))
        yield Event(name, (wholesaler, order), revision, event, lines, block)


def _told(cursor: Cursor[Any], scene: Scene, outputs: Iterable[Output]) -> Iterator[Told]:
    kinds: dict[tuple[str, Place], list[str]] = defaultdict(list)
    for topic, partition, offset, kind in cursor.execute(ARRIVED):
        kinds[topic, (partition, offset)].append(kind)
    said: dict[tuple[str, Place], set[Any]] = defaultdict(set)
    for output in outputs:
        said[output.source, output.place].add(said_by(output.topic, json.loads(output.value)))
    for topic, told in scene.told.items():
        for place, telling in told.items():
            answer: Answer = frozenset(said[topic, place])
            yield Told(f"{topic}/{place[0]}/{place[1]}", telling, tuple(kinds[topic, place]), answer)


def _not_heard(cursor: Cursor[Any], scene: Scene) -> Iterator[str]:
    last = max((json.loads(each.value)["sequence"] for each in _all(scene, FACTS) if each.kinds != {"refused"}), default=0)
    for program, upper, whole in cursor.execute(SEQUENCES).fetchall():
        if not whole or upper < last:
            yield f"{program}: not all up to {last} has come, by the ledger"
    for (program,) in cursor.execute(HEARD):
        yield f"{program}: the registry is older than what it said"


def _once_more(engine: Engine) -> Iterator[str]:
    """Judges every line that waits once more: none may be released or withdrawn, and none has lost a reason."""
    with _undone(engine) as cursor:
        tail = ledger.read_tail(cursor)
        rows = {row[0]: row for row in cursor.execute(ONCE_MORE, (0,))}
        waits = {(*row[2:], row[1]): _said(*rows[row[0]][6:])[1] for row in cursor.execute(OPEN).fetchall()}
        moving.follow(cursor, "rules", tail.examination)
        book = RuleBook.read()
        while expand(cursor, book, LINES_AT_ONCE) or judge_due(cursor, book, TERMS, ORDERS_AT_ONCE):
            pass
        new = cursor.execute(ONCE_MORE, (tail.examination,)).fetchall()
    for _, wholesaler, order, revision, _, cause, released, stopped in new:
        out, codes = _said(released, stopped)
        yield from (f"{order} revision {revision}, line {line}: {said} ({cause})" for line, said in out.items())
        for line, now in codes.items():
            had = waits.get((order, wholesaler, revision, line), {}).get(line, frozenset())
            if lost := had - now:
                yield f"{order} revision {revision}, line {line}: {sorted(lost)} would not be said any more"


@contextmanager
def _undone(engine: Engine) -> Iterator[Cursor[Any]]:
    """A transaction that is never committed."""
    connection = engine.raw_connection()
    driver: Any = connection.driver_connection
    try:
        with driver.cursor() as cursor:
            yield cursor
    finally:
        connection.rollback()
        connection.close()
