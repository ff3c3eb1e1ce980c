"""What an answer says to the world. Pure: the bytes are those that the ledger has."""

from typing import NamedTuple

from gatekeeper.arrivals import Answer, Examined

Header = tuple[str, bytes]


class Publication(NamedTuple):
    topic: str
    """The contract's name, without the deployment's prefix."""
    key: bytes
    value: bytes
    headers: list[Header]


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
        for stored in own:
            name = stored.id.encode()
            said.append(Publication(topic, name, stored.body, [("id", name), *origin]))
    return said
