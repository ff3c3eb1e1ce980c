"""Files that come from a REMS: a 997 or 999 says whether our files could be read, a CSV of receipts what becomes of records."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Engine, Table

from gatekeeper.arrivals import Position, Source
from gatekeeper.domain.acknowledgements import ACCEPTED, COUNTS, REPEAT, what_it_does
from gatekeeper.errors import Unusable
from gatekeeper.examinations.alerts import acknowledgement_alert
from gatekeeper.feeds.acknowledging import read_acknowledgement_arrival, take_acknowledgements
from gatekeeper.feeds.layout import layout_from
from gatekeeper.feeds.receipts import receipts
from gatekeeper.feeds.x12_acknowledgement import MOST_BYTES, Group, X12Acknowledgement, read_x12
from gatekeeper.messages import written
from gatekeeper.storage import ledger, tables
from gatekeeper.storage import received as storage
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.facts import alerted
from gatekeeper.storage.received import ReceivedFile, SentFile
from schemas.acknowledgement import Acknowledgement
from schemas.canonical import canonical

AT_ONCE: Final = 2000
RECEIPTS: Final = "receipts"
TOPIC: Final = "received-files"
"""Each file is a partition of this source, each row of it a position: what was taken is never taken twice."""


class Received(NamedTuple):
    """What became of a file that came."""

    number: int
    kind: str
    """``997``, ``999`` or ``receipts``."""
    counts: dict[str, int]
    """Of its rows or groups, by what became of each; the same file again is what it was."""
    accepted: int
    """Records that were accepted with their file, by the program's rules."""


def receive(engine: Engine, path: Path, program: str) -> Received:
    """Takes a file, whole and once. Raises ``Unusable``, and nothing of it is taken, where it cannot be read to its end."""
    digest, size, beginning = _looked_at(path)
    if beginning == b"ISA":
        return _receive_x12(engine, path, program, digest)
    for _ in receipts(path, program):
        pass
    file = _note(engine, ReceivedFile(0, program, RECEIPTS), digest, size)
    with transaction(engine) as cursor:
        source = Source(ledger.source_of(cursor, TOPIC, TOPIC), TOPIC, TOPIC)
    counts: Counter[str] = Counter()
    for first, rows in _parts(receipts(path, program)):
        arrivals = [read_acknowledgement_arrival(Position(file.number, first + place), raw) for place, raw in enumerate(rows)]
        with transaction(engine) as cursor:
            counts.update(answer.kind for answer in take_acknowledgements(cursor, source, arrivals))
    return Received(file.number, RECEIPTS, dict(counts), 0)


def _receive_x12(engine: Engine, path: Path, program: str, digest: bytes) -> Received:
    raw = _read(path)
    if hashlib.sha256(raw).digest() != digest:
        raise Unusable(f"{path} changed while it was read.")
    said = read_x12(raw, path)
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        known = storage.known(cursor, digest)
        taking = _Taking(cursor, said, program, known)
        if known is None:
            taking.take(raw, digest, path)
    accepted = 0
    with transaction(engine) as cursor:
        files = storage.accepted_by(cursor, program, taking.number)
    for file in files:
        if layout_from(file.layout).accepted_file_accepts_records:
            accepted += _accept_records(engine, program, file, said)
    return Received(taking.number, said.kind, dict(taking.counts), accepted)


class _Taking:
    """What one 997 or 999 changes, in one transaction."""

    def __init__(self, cursor: Any, said: X12Acknowledgement, program: str, known: ReceivedFile | None) -> None:
        self._cursor, self._said, self._program = cursor, said, program
        self._rows: dict[Table, list[Sequence[Any]]] = defaultdict(list)
        self._alerts: dict[UUID, tuple[str, bytes]] = {}
        self.counts: Counter[str] = Counter()
        _refuse_other(known, program)
        self.number = storage.next_number(cursor) if known is None else known.number
        self.counts.update({REPEAT: len(said.groups)} if known else {})

    def take(self, raw: bytes, digest: bytes, path: Path) -> None:
        """Adds the file, and what counts of what it says."""
        tail = ledger.read_tail(self._cursor)
        block = tail.block + 1
        files = storage.sent(self._cursor, self._program, {group.number for group in self._said.groups})
        self._refuse_of_others(files, path)
        for group in self._said.groups:
            self._take(group, files, tail, block)
        self._rows[tables.RECEIVED_FILE] = [(self.number, self._program, self._said.kind, digest, len(raw), raw, tail.now, block)]
        before = alerted(self._cursor, list(self._alerts))
        new = {name: alert for name, alert in self._alerts.items() if name not in before}
        self._rows[tables.ALERT] = [(name, kind, None, body, block) for name, (kind, body) in new.items()]
        ledger.add_block(self._cursor, tail, self._rows, outbox=[ledger.Outgoing(alert_id=name) for name in new])

    def _take(self, group: Group, files: dict[int, SentFile], tail: ledger.Tail, block: int) -> None:
        file = files.get(group.number)
        digest = hashlib.sha256(f"{group.number}/{group.status}".encode()).digest()
        what = what_it_does(None if file is None else file.said, None, group.status, digest)
        if file is not None and what == COUNTS:
            said = file.said
            body = msgspec.json.encode({"file": group.number, "status": group.status, "interchange": self._said.interchange})
            row = (self._program, group.number, len(said.statuses) + 1, group.status, digest, body, self.number, block)
            self._rows[tables.FILE_ACKNOWLEDGEMENT].append(row)
            files[group.number] = file._replace(
                said=said._replace(statuses=(*said.statuses, group.status), digests=(*said.digests, digest))
            )
            if group.status != ACCEPTED:
                self._tell("feed_file_rejected", group, tail, {"first": file.first, "last": file.last})
        elif what != REPEAT:
            self._tell(f"file_{what}", group, tail, {})
            what = "aside"
        self.counts[what] += 1

    def _tell(self, kind: str, group: Group, tail: ledger.Tail, seen: dict[str, Any]) -> None:
        seen = {"file": group.number, "status": group.status, "received_file": self.number} | seen
        name, body = acknowledgement_alert(kind, tail.now, f"{self._program}/{group.number}/{self.number}", self._program, seen)
        self._alerts[UUID(name)] = (kind, body)

    def _refuse_of_others(self, files: dict[int, SentFile], path: Path) -> None:
        """Whose files are acknowledged by whom, the envelope must say as ours did, the other way round."""
        for file in files.values():
            x12 = layout_from(file.layout).x12
            if x12 is None:
                raise Unusable(f"{path} acknowledges file {file.number} of {self._program}, which is no X12.")
            if (x12.sender, x12.receiver) != (self._said.receiver, self._said.sender):
                raise Unusable(f"{path} is not between the parties of file {file.number} of {self._program}.")


def _accept_records(engine: Engine, program: str, file: SentFile, said: X12Acknowledgement) -> int:
    """Of the records in the file those of which nothing was said are accepted; it can be ended anywhere, and begun again."""
    count = 0
    while True:
        with transaction(engine) as cursor:
            ledger.take_lock(cursor)
            tail = ledger.read_tail(cursor)
            rows = []
            for sequence, record in storage.open_records(cursor, program, file.first, file.last, AT_ONCE):
                receipt = f"{said.kind} {said.interchange} of file {file.number}"
                body = canonical(
                    Acknowledgement(record_id=str(record), status="accepted", receipt=receipt, at=written(said.at), program=program)
                )
                rows.append((program, sequence, 1, record, ACCEPTED, hashlib.sha256(body).digest(), body, tail.block + 1))
            if not rows:
                return count
            ledger.add_block(cursor, tail, {tables.ACKNOWLEDGEMENT: rows})
        count += len(rows)


def _note(engine: Engine, file: ReceivedFile, digest: bytes, size: int) -> ReceivedFile:
    """The file has a number of its own, the same whenever it comes."""
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        known = storage.known(cursor, digest)
        _refuse_other(known, file.program)
        if known is not None:
            return known
        tail = ledger.read_tail(cursor)
        file = file._replace(number=storage.next_number(cursor))
        row = (*file, digest, size, None, tail.now, tail.block + 1)
        ledger.add_block(cursor, tail, {tables.RECEIVED_FILE: [row]})
    return file


def _refuse_other(known: ReceivedFile | None, program: str) -> None:
    if known is not None and known.program != program:
        raise Unusable(f"This very file came before, as file {known.number} of {known.program}.")


def _parts(rows: Iterator[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    first = 0
    while part := list(islice(rows, AT_ONCE)):
        yield first, part
        first += len(part)


def _looked_at(path: Path) -> tuple[bytes, int, bytes]:
    """Digest, size and the first three bytes."""
    try:
        with path.open("rb") as file:
            beginning = file.read(3)
            file.seek(0)
            return hashlib.file_digest(file, "sha256").digest(), path.stat().st_size, beginning
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None
    if len(raw) > MOST_BYTES:
        raise Unusable(f"{path} has more than {MOST_BYTES:,} bytes.")
    return raw
