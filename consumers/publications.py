"""What an answer says to the world. Pure: the bytes are those that the ledger has."""

from typing import NamedTuple

from gatekeeper.arrivals import Answer, Examined, Stored

Header = tuple[str, bytes]


class Publication(NamedTuple):
    topic: str
    """The contract's name, without the deployment's prefix."""
    key: bytes
    value: bytes
    headers: list[Header]


class Again(NamedTuple):
    """A record that is sent once more, as it was."""

    record: Stored


def publications_for(answer: Answer, topic: str) -> tuple[Publication, ...]:
    """All that is published for ``answer`` to a message of ``topic``, in this order: withdrawals before what comes in their place.

    A repeat says nothing.
    Headers: ``id``, ``source`` (topic/partition/offset) and ``chain``, the hash of the block that recorded the answer.
    """
    position = f"{topic}/{answer.position.partition}/{answer.position.offset}".encode()
    origin = [("source", position), ("chain", answer.head.encode())]
    if answer.refusal is not None:
        name, body = answer.refusal
        return (Publication("refused-messages", name.encode(), body, [("id", name.encode()), *origin]),)
    return tuple(publication for examined in answer.examinations for publication in _examined(examined, origin))


def _examined(examined: Examined, origin: list[Header]) -> list[Publication]:
    key, identity = examined.order_id.encode(), [("id", str(examined.verdict_id).encode()), *origin]
    answers = (("shipments-released", examined.released), ("shipments-stopped", examined.stopped))
    said = [Publication(topic, key, value, identity) for topic, value in answers if value is not None]
    for topic, own in (("distribution-records", examined.records), ("compliance-alerts", examined.alerts)):
        said += [_stored(topic, stored, origin) for stored in own]
    return said


def relayed(said: Examined | Stored | Again, chain: str) -> list[Publication]:
    """What the relay publishes for one entry of the outbox: an examination, an alert, or a record once more. ``chain`` is its block's hash.

    Headers as for an answer, without ``source``: no single message brought it about.
    """
    origin = [("chain", chain.encode())]
    if isinstance(said, Again):
        return [_stored("distribution-records", said.record, origin)]
    return _examined(said, origin) if isinstance(said, Examined) else [_stored("compliance-alerts", said, origin)]


def _stored(topic: str, stored: Stored, origin: list[Header]) -> Publication:
    name = stored.id.encode()
    return Publication(topic, name, stored.body, [("id", name), *origin])
