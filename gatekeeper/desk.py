"""What people do to the ledger, each on record with who did it and why."""

from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.errors import Unusable
from gatekeeper.people.access import Person
from gatekeeper.storage import ledger, tables
from gatekeeper.storage.engine import transaction
from schemas.topics import TOPICS, topic_name

MOST_OF_A_REASON = 500
ASIDE = 'SELECT person FROM set_aside WHERE source = %s AND partition = %s AND "offset" = %s'
DECISIONS: Final = ("acted_on", "no_action")
"""About an alert: what it asks for was done, or nothing is to be done."""
DECIDED = "SELECT name FROM alert_decision WHERE alert_id = %s"
LATEST_SOURCE = "SELECT max(id) FROM source WHERE topic = %s"


class Place(NamedTuple):
    """A position of a topic, which is named without the prefix, as the ledger does."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def set_aside(engine: Engine, place: Place, reason: str, person: Person, prefix: str) -> int:
    """Takes the message at ``place`` out of its consumer's way: it will be refused. Gives the number of the block that has it on record.

    Raises ``Unusable`` where nothing can be set aside there.
    """
    place = place._replace(topic=_inbound(place.topic, prefix))
    reason = read_reason(reason)
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        (source,) = cursor.execute(LATEST_SOURCE, (place.topic,)).fetchone() or (None,)
        if source is None:
            raise Unusable(f"No consumer has read {place.topic} yet, so nothing there is in anybody's way.")
        at = (source, place.partition, place.offset)
        before = cursor.execute(ASIDE, at).fetchone()
        if before:
            raise Unusable(f"{place} is set aside already, by {before[0]}.")
        head = ledger.heads(cursor, source).get(place.partition, 0)
        if place.offset < head:
            raise Unusable(f"{place} has been judged already: everything below {head} has, so nothing there is in anybody's way.")
        row = (*at, reason, person.subject, tail.now, tail.block + 1)
        block = ledger.add_block(
            cursor, tail, {tables.SET_ASIDE: [row]}, examination=tail.examination, registry_version=tail.registry_version
        )
    return block.number


def decide_alert(cursor: Cursor[Any], alert_id: UUID, decision: str, reason: str, person: Person) -> None:
    """Puts on record what became of an alert. Raises ``Unusable`` where that is decided. The caller holds the ledger lock, and commits."""
    before = cursor.execute(DECIDED, (alert_id,)).fetchone()
    if before:
        raise Unusable(f"It is decided already, by {before[0]}.")
    tail = ledger.read_tail(cursor)
    row = (alert_id, decision, read_reason(reason), person.subject, person.name, tail.now, tail.block + 1)
    ledger.add_block(cursor, tail, {tables.ALERT_DECISION: [row]})


def read_reason(text: str) -> str:
    """Why somebody does something, as it goes on record."""
    if not 1 <= len(text.strip()) <= MOST_OF_A_REASON or not text.isprintable():
        raise Unusable(f"The reason must be a text of 1 to {MOST_OF_A_REASON} characters on one line.")
    return text.strip()


def _inbound(topic: str, prefix: str) -> str:
    """The name without the prefix of an inbound topic, which may be given with it."""
    inbound = [known for known in TOPICS if known.direction == "in"]
    for known in inbound:
        if topic in {known.name, topic_name(prefix, known)}:
            return known.name
    raise Unusable(f"The topic must be one of {', '.join(known.name for known in inbound)}.")
