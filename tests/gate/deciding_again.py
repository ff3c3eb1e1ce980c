"""Decides rows again in a process of its own: rows on standard input, what follows from them on standard output (msgpack).

It reaches nothing: whoever opens a connection in it ends it.
"""

import sys
from typing import Any
from uuid import UUID

import msgspec

from gatekeeper.judging.again import ExaminationRow, again


class Exported(msgspec.Struct):
    """A row of ``examination`` as bytes, and the sequences of its records."""

    row: ExaminationRow
    sequences: dict[str, int]


def alone(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith("socket."):
        raise SystemExit("a verdict is decided again from its row alone")


def main() -> None:
    sys.addaudithook(alone)
    rows = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[Exported])
    decided = [again(each.row, {UUID(name): number for name, number in each.sequences.items()}) for each in rows]
    sys.stdout.buffer.write(msgspec.msgpack.encode(decided))


if __name__ == "__main__":
    main()
