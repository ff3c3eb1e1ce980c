"""The one chain: each block binds what a database transaction recorded to all that was recorded before."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Table

from gatekeeper.storage import tables

GENESIS = sha256(b"genesis").digest()


def _by_primary_key(table: Table) -> Callable[[Sequence[Any]], Any]:
    names = list(table.columns.keys())
    return itemgetter(*[names.index(column.name) for column in table.primary_key])


KEYS: dict[Table, Callable[[Sequence[Any]], Any]] = {
    **{table: _by_primary_key(table) for table in tables.EVIDENCE},
    tables.DISTRIBUTION_RECORD: lambda row: row[1:3],
}
"""In which order the rows of a table stand in a block's digest."""

_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode


class Block(NamedTuple):
    number: int
    at: datetime
    registry_version: int
    rows: int
    digest: bytes
    previous: bytes
    hash: bytes


def block(number: int, at: datetime, registry_version: int, rows: Mapping[Table, Sequence[Sequence[Any]]], previous: bytes) -> Block:
    """The block for ``rows``; a row's last member, the number of its block, is no part of the digest."""
    digest, count = sha256(), 0
    for table in tables.EVIDENCE:
        recorded = rows.get(table, ())
        if recorded:
            count += len(recorded)
            digest.update(_encode((str(table.name), [row[:-1] for row in sorted(recorded, key=KEYS[table])])))
    return seal(number, at, registry_version, count, digest.digest(), previous)


def seal(number: int, at: datetime, registry_version: int, rows: int, digest: bytes, previous: bytes) -> Block:
    """The block with its hash, over everything that it says and the hash of the one before."""
    bound = sha256(_encode((number, at, registry_version, rows, digest, previous))).digest()
    return Block(number, at, registry_version, rows, digest, previous, bound)


class FactsDigest:
    """Over the facts and presences of one load, in their order."""

    def __init__(self) -> None:
        self._digest = sha256()

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """The next rows."""
        for row in rows:
            self._digest.update(_encode(tuple(row)))

    def digest(self) -> bytes:
        """Of all that was added so far."""
        return self._digest.digest()


def facts_digest(rows: Iterable[Sequence[Any]]) -> bytes:
    """The digest of a whole load."""
    digest = FactsDigest()
    digest.add(rows)
    return digest.digest()
