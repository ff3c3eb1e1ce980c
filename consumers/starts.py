"""From where a partition is read. Where the broker and the ledger contradict each other, nothing is read at all."""

from collections.abc import Mapping, Sequence

from consumers.kafka.log import Offsets
from gatekeeper.errors import Halt


def starts(found: Sequence[Offsets], heads: Mapping[int, int], topic: str) -> dict[int, int]:
    """By partition, the offset at which reading begins: where the group has committed.

    What lies between that and the ledger's head was judged and perhaps not published; it is read back. Raises ``Halt``, naming the range,
    where messages expired before they were read, where the ledger is older than what was published, and where the group forgot its place.
    """
    return {offsets.partition: _start(offsets, heads.get(offsets.partition), topic) for offsets in found}


def _start(offsets: Offsets, head: int | None, topic: str) -> int:
    partition, committed, low, _ = offsets
    place = f"{topic}/{partition}"
    if committed is None:
        if head is not None:
            raise Halt(
                f"The group has no offset for {place}, but the ledger has judged up to {head}: the offsets expired or were deleted. "
                "See the runbook, «the group forgot its place»."
            )
        if low > 0:
            raise Halt(f"The messages {place}/0 to {low - 1} expired before anybody read them. See the runbook, «orders expired unread».")
        return low
    if committed > 0 and head is None:
        raise Halt(
            f"The group has published {place} up to {committed}, but the ledger has judged nothing of this topic: it was made anew while "
            "a consumer read it, or this database is another. See the runbook, «the topic was made anew»."
        )
    if head is not None and committed > head:
        raise Halt(
            f"The group has published {place} up to {committed}, but the ledger knows it up to {head} only: "
            "this database is an older copy. See the runbook, «the ledger is older than what was published»."
        )
    if low > committed:
        raise Halt(
            f"The messages {place}/{committed} to {low - 1} expired before they were published. See the runbook, «orders expired unread»."
        )
    return committed
