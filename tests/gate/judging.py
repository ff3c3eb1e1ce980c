"""A process that judges messages as a consumer does: it says that it is ready, waits for the word, and ends when all are committed.

    python -m tests.gate.judging URL PARTITION BATCH SPOILED MESSAGES-FILE

One in SPOILED transactions (0: none) is rolled back after its batch was judged, and the batch judged again.
"""

import sys
from itertools import count
from pathlib import Path

import msgspec

from gatekeeper.arrivals import Position, Source
from gatekeeper.errors import TryAgain
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import open_engine, transaction
from tests.gate.ledger import TOPIC, batches, judge_with


class SpoiledError(Exception):
    """The process would have died here."""


def spoil(attempt: int, spoiled: int) -> None:
    if spoiled and attempt % spoiled == 0:
        raise SpoiledError


def main() -> None:
    url, partition, batch, spoiled, path = sys.argv[1:]
    messages = msgspec.msgpack.decode(Path(path).read_bytes(), type=list[bytes])
    placed = [(Position(int(partition), offset), message) for offset, message in enumerate(messages)]
    engine, attempts = open_engine(url), count(1)
    with transaction(engine) as cursor:
        source = Source(ledger.source_of(cursor, TOPIC, "the topic"), TOPIC, "the topic")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for part in batches(placed, int(batch)):
        while True:
            try:
                with transaction(engine) as cursor:
                    judge_with(cursor, source, part)
                    spoil(next(attempts), int(spoiled))
                break
            except (SpoiledError, TryAgain):
                continue


if __name__ == "__main__":
    main()
