"""Snapshot files that were refused: each is kept with its problem, and raises an alert. The registry stays as it was."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from os import fstat
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final, NamedTuple
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.access import Person
from gatekeeper.alerts import registry_alert
from gatekeeper.errors import Unusable
from gatekeeper.snapshot import header_of
from gatekeeper.storage import ledger, tables
from gatekeeper.storage import refused_files as held
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.refused_files import Counted
from schemas.canonical import canonical
from schemas.fact import SnapshotHeader

PIECE: Final = 1 << 20
"""So many bytes of a file are one row. Each is added by a transaction of its own, so that nobody waits long for the ledger lock."""


class Confirmation(NamedTuple):
    """A person's word that the sites that a file loses are really lost."""

    sha256: str
    person: Person
    reason: str
    seen: Counted | None = None
    """What the refusal told that is confirmed."""


class Loss(Unusable):
    """More of the certified sites would go than may go without a person's word, or than he has given it for."""

    def __init__(self, sentence: str, counted: Counted) -> None:
        super().__init__(sentence)
        self.counted = counted


class Offered(NamedTuple):
    """How a file was offered to the registry."""

    said: SnapshotHeader | None = None
    """What the options of a CSV file said in place of its header line."""
    person: str | None = None
    """Who offered it, where that is known."""


UNNAMED: Final = Offered()
"""With its header line, by nobody knows whom."""


class _Copy(NamedTuple):
    """What is kept of a file: the whole of it, or its first piece."""

    file: BinaryIO
    sha256: str
    size: int
    kept: int

    @property
    def whole(self) -> bool:
        return self.kept == self.size

    def pieces(self) -> Iterator[bytes]:
        self.file.seek(0)
        while piece := self.file.read(PIECE):
            yield piece


class Judged(RawIOBase):
    """An open file as it is judged. Whatever is put in its place or written into it meanwhile, what is kept of it is what was judged."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.path = path
        self._file, self._digest, self._size, self._ended = file, hashlib.sha256(), 0, False

    def once(self) -> BinaryIO:
        """The file, to be read from its beginning."""
        return BufferedReader(self, 1 << 16)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size: int = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self._digest.update(memoryview(buffer)[:size])
        self._size += size
        self._ended = not size
        return size

    def again(self) -> tuple[int, Iterator[bytes]]:
        """About how many bytes it has, and these once more; where the judge read to the end, no more than he read.

        Raises ``Unusable`` where what was judged is not there any more.
        """
        self._file.seek(0)
        return self._size if self._ended else fstat(self._file.fileno()).st_size, self._again()

    def _again(self) -> Iterator[bytes]:
        left, digest = self._size, hashlib.sha256()
        while left and (piece := self._file.read(min(PIECE, left))):
            left -= len(piece)
            digest.update(piece)
            yield piece
        if digest.digest() != self._digest.digest():
            raise Unusable(f"{self.path} was changed while it was read: import it again when nobody writes to it.")
        while not self._ended and (piece := self._file.read(PIECE)):
            yield piece


def keep(engine: Engine, judged: Judged, offered: Offered, refused: Unusable, programs: frozenset[str], most: int) -> str:
    """Keeps the file, which was ``refused``, and raises the alert; gives the sentence that says so.

    Of a file of more than ``most`` bytes only the first piece is kept. ``programs`` are those with rules here.
    """
    with _copy_of(judged, most) as copy:
        confirmable = isinstance(refused, Loss) and offered.person is not None and copy.whole
        sentence = f"{refused}{_advice(offered, copy, most)}" if isinstance(refused, Loss) else str(refused)
        # Where the file lies on the machine of who offers it is for him alone.
        problem = sentence.replace(str(judged.path), judged.path.name)
        for number, piece in enumerate(copy.pieces()):
            _add_piece(engine, copy.sha256, number, piece)
        copy.file.seek(0)
        header = offered.said or header_of(copy.file)
        program = header.snapshot if header is not None and header.snapshot in programs else None
        said = canonical(offered.said) if offered.said else None
        with transaction(engine) as cursor:
            ledger.take_lock(cursor)
            counted = refused.counted if isinstance(refused, Loss) else None
            file = held.RefusedFile(copy.sha256, program, problem, copy.size, copy.kept, said, confirmable, offered.person, counted)
            _add_refusal(cursor, file)
    return sentence


def keep_recounted(engine: Engine, file: held.RefusedFile, loss: Loss) -> str:
    """Keeps what was counted as a person confirmed a file that was refused before, and raises the alert; gives the sentence."""
    sentence = f"{loss}: if these are lost too, confirm it again, by `gatekeeper registry confirm {file.sha256} --reason …`."
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        _add_refusal(cursor, file._replace(problem=sentence, counted=loss.counted))
    return sentence


def _advice(offered: Offered, copy: _Copy, most: int) -> str:
    if offered.person is None:
        return ": import it with a token (GATEKEEPER_TOKEN), so that another person can confirm it."
    if not copy.whole:
        return f": it is larger than the {most >> 20} MiB that are kept of a file (GATEKEEPER_REFUSED_FILE_MIB), so nobody can confirm it."
    return f": another person must confirm it, by `gatekeeper registry confirm {copy.sha256} --reason …`."


@contextmanager
def _copy_of(judged: Judged, most: int) -> Iterator[_Copy]:
    """A copy that nobody changes meanwhile, so that what is kept is what the digest is of."""
    digest, size = hashlib.sha256(), 0
    with TemporaryFile() as copy:
        try:
            about, pieces = judged.again()
            enough = most if about <= most else PIECE
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                if size <= enough:
                    copy.write(piece)
            copy.truncate(size if size <= enough else PIECE)
        except OSError as error:
            raise Unusable(f"{judged.path} was refused, but it cannot be kept: {error.strerror}.") from None
        yield _Copy(copy, digest.hexdigest(), size, copy.seek(0, 2))


def _add_piece(engine: Engine, sha256: str, number: int, piece: bytes) -> None:
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        if not held.has_piece(cursor, sha256, number):
            tail = ledger.read_tail(cursor)
            ledger.add_block(cursor, tail, {tables.FILE_PIECE: [(sha256, number, piece, tail.block + 1)]})


def _add_refusal(cursor: Cursor[Any], file: held.RefusedFile) -> None:
    tail = ledger.read_tail(cursor)
    rows: dict[Any, list[tuple[Any, ...]]] = {}
    outbox = []
    if not held.has_refusal(cursor, file):
        number, (*said, counted) = held.next_refusal(cursor), file
        rows[tables.REFUSED_FILE] = [(number, *said, tail.now, tail.block + 1)]
        if counted is not None:
            rows[tables.FILE_LOSS] = [(number, *counted, tail.block + 1)]
    name, body = registry_alert(tail.now, file.program, file.sha256, file.problem)
    alert_id = UUID(name)
    if not held.has_alert(cursor, alert_id):
        rows[tables.ALERT] = [(alert_id, "registry_refused", None, body, tail.block + 1)]
        outbox.append(ledger.Outgoing(alert_id=alert_id))
    if rows:
        ledger.add_block(cursor, tail, rows, outbox=outbox)
