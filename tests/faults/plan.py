"""Which faults a run has: who is hit, and where."""

import random
from collections.abc import Iterable
from typing import NamedTuple

from tests.faults.points import (
    AFTER_COMMIT,
    AT_RANDOM,
    BEFORE_COMMIT,
    BEFORE_OFFSETS,
    BEFORE_PLACE,
    BETWEEN,
    FIRST_PRODUCE,
    IN_COMMIT,
    KILLED_AT,
    OFFSETS,
)
from tests.faults.scene import RELAY
from tests.faults.writer import STEPS

WRITER = "files"
"""Whoever writes files of records."""
PAUSED = "paused past the session timeout"
BROKER = "broker killed"
DATABASE = "database killed"
IMPORT = "snapshot imported half way"


WORKERS = {
    "w0": "orders", "w1": "orders", "w2": "orders", "f0": "facts", "f1": "facts", "e0": "events", "a0": "acknowledgements", "r0": RELAY
}  # fmt: skip
FROZEN_AT = (BEFORE_COMMIT, AFTER_COMMIT, FIRST_PRODUCE, OFFSETS)
IN_A_TRANSACTION = {
    "orders": (FIRST_PRODUCE, BEFORE_OFFSETS, OFFSETS), "facts": (OFFSETS,), "events": (OFFSETS,), "acknowledgements": (OFFSETS,),
    RELAY: (FIRST_PRODUCE, BEFORE_PLACE)
}  # fmt: skip
"""By consumer, where it has a transaction open."""


class Fault(NamedTuple):
    """Something that befalls a worker of one kind, or all of them."""

    what: str
    consumer: str = "orders"

    def __str__(self) -> str:
        return self.what if self.what in (BROKER, DATABASE, IMPORT) else f"{self.consumer}: {self.what}"


KILLED = (
    *(Fault(point) for point in KILLED_AT),
    *(Fault(point, "facts") for point in (BEFORE_COMMIT, AFTER_COMMIT, FIRST_PRODUCE, IN_COMMIT)),
    *(
        Fault(point, consumer)
        for consumer in ("events", "acknowledgements")
        for point in (BEFORE_COMMIT, AFTER_COMMIT, FIRST_PRODUCE, OFFSETS, IN_COMMIT)
    ),
    *(Fault(step, WRITER) for step in STEPS),
    *(Fault(point, RELAY) for point in (BEFORE_COMMIT, AFTER_COMMIT, BETWEEN, FIRST_PRODUCE, BEFORE_PLACE, IN_COMMIT, AT_RANDOM)),
)
KINDS = (*KILLED, Fault(PAUSED), Fault(PAUSED, RELAY), Fault(BROKER), Fault(DATABASE), Fault(IMPORT))
OFTEN = (*KILLED, *KILLED, *KILLED, *KINDS[len(KILLED) :])


ALONE = (IN_COMMIT, AT_RANDOM, PAUSED, BROKER, DATABASE, IMPORT, *STEPS)
"""What needs a wave of its own; who is to die at a point may do so while others do."""


def together(faults: Iterable[Fault]) -> list[list[Fault]]:
    """The faults of each wave: of those that may come together, as many as hit workers of different kinds. The relay dies last."""
    waves: list[list[Fault]] = []
    for fault in faults:
        room = (wave for wave in waves if wave[0].what not in ALONE and all(other.consumer != fault.consumer for other in wave))
        wave = None if fault.what in ALONE else next(room, None)
        if wave is None:
            waves.append([fault])
        else:
            wave.append(fault)
    return [sorted(wave, key=lambda fault: fault.consumer == RELAY) for wave in waves]


def plan(number: int, seed: int) -> list[Fault]:
    """The faults of a run: each kind once as long as there is room, then by chance, the cheap ones more often."""
    chance = random.Random(seed)  # noqa: S311 - the same every time
    first = chance.sample(KINDS, len(KINDS))
    return (first + [chance.choice(OFTEN) for _ in range(number)])[: max(number, len(KINDS))]
