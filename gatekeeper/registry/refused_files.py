"""Snapshot files that were refused: each is kept with its problem, and raises an alert. The registry stays as it was."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import BufferedReader, BytesIO, RawIOBase
from os import fstat
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final, NamedTuple
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.errors import Unusable
from gatekeeper.examinations.alerts import registry_alert
from gatekeeper.people.access import Person
from gatekeeper.registry.snapshot import header_of
from gatekeeper.storage import ledger, tables
from gatekeeper.storage import refused_files as held
from gatekeeper.storage.certified import Lost
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.refused_files import Counted
from schemas.canonical import canonical
from schemas.fact import SnapshotHeader

PIECE: Final = 1 << 20
"""So many bytes of a file are one row. Each is added by a transaction of its own, so that nobody waits long for the ledger lock."""

MOST_NAMED: Final = 10
"""So many sites stand in a sentence."""
ONLY_FIRST: Final = " Only its beginning is kept: "


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


def refuse_loss(name: object, lost: Lost, last: int, loss_percent: int) -> None:
    """Raises ``Loss`` where more of the certified sites would go than may; ``last`` is the sequence of the last snapshot."""
    before, _, count = lost.certified
    if count * 100 > loss_percent * before:
        raise Loss(
            f"{name}: {count} of the {before} sites that are certified would vanish or lose certification, "
            f"more than {loss_percent} percent",
            Counted(count, before, last, lost.sites),
        )


def refuse_other_loss(name: object, lost: Lost, last: int, seen: Counted | None) -> None:
    """Who confirms a loss has seen one: of other sites than those, or after another snapshot, it is another."""
    before, _, count = lost.certified
    told = frozenset() if seen is None or seen.sites is None else frozenset(seen.sites)
    others = [site for site in lost.sites if site not in told]
    if seen is None or last != seen.base or others:
        then = f", {seen.lost} of the {seen.certified} when it was refused" if seen else ""
        more = f", {_named(others)} not among those" if others and told else ""
        raise Loss(
            f"{name}: the registry has changed since: {count} of the {before} sites that are certified would vanish or "
            f"lose certification by now{then}{more}",
            Counted(count, before, last, lost.sites),
        )


def _named(sites: Sequence[str]) -> str:
    shown = sites[:MOST_NAMED]
    return ", ".join(shown) + (f" and {len(sites) - len(shown)} more" if len(sites) > len(shown) else "")


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

    file: BinaryIO | None
    """With all of it; None where the first piece is all that is kept."""
    first: bytes
    sha256: str
    size: int
    ended: bool
    """It could be read to its end."""
    why: str
    """Where it is not what was judged, or less than could be kept, a sentence that says so."""

    @property
    def kept(self) -> int:
        return len(self.first) if self.file is None else self.size

    @property
    def whole(self) -> bool:
        return self.ended and self.kept == self.size

    def pieces(self) -> Iterator[bytes]:
        if self.file is None:
            yield from [self.first] if self.first else []
            return
        self.file.seek(0)
        while piece := self.file.read(PIECE):
            yield piece


class Judged(RawIOBase):
    """An open file as it is judged. Where another is put in its place meanwhile, what is kept of it is what was judged."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.path = path
        self._file, self._digest, self._size, self._ended = file, hashlib.sha256(), 0, False
        self.changed = False
        """What was judged is not there any more."""

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

    def about(self) -> int:
        """About how many bytes it has."""
        return self._size if self._ended else fstat(self._file.fileno()).st_size

    def again(self) -> Iterator[bytes]:
        """Its bytes once more; where the judge read to the end, no more than he read. Ask ``changed`` afterwards."""
        self._file.seek(0)
        left, digest = self._size, hashlib.sha256()
        while left and (piece := self._file.read(min(PIECE, left))):
            left -= len(piece)
            digest.update(piece)
            yield piece
        self.changed = digest.digest() != self._digest.digest()
        while not self._ended and (piece := self._file.read(PIECE)):
            yield piece


def keep(engine: Engine, judged: Judged, offered: Offered, refused: Unusable, programs: frozenset[str], most: int) -> str:
    """Keeps the file, which was ``refused``, and raises the alert; gives the sentence that says so.

    Of a file of more than ``most`` bytes only the first piece is kept; of one that was written over as it was judged, what stands there by
    then. ``programs`` are those with rules here.
    """
    with ExitStack() as opened:
        copy = _copy_of(judged, opened, most)
        confirmable = isinstance(refused, Loss) and offered.person is not None and copy.whole and not judged.changed
        sentence = f"{refused}{_advice(offered, judged, copy, most)}" if isinstance(refused, Loss) else str(refused)
        sentence += copy.why
        # Where the file lies on the machine of who offers it is for him alone.
        problem = sentence.replace(str(judged.path), judged.path.name)
        for number, piece in enumerate(copy.pieces()):
            _add_piece(engine, copy.sha256, number, piece)
        header = offered.said or header_of(BytesIO(copy.first))
        program = header.snapshot if header is not None and header.snapshot in programs else None
        said = canonical(offered.said) if offered.said else None
        with transaction(engine) as cursor:
            ledger.take_lock(cursor)
            counted = refused.counted if isinstance(refused, Loss) else None
            kept = held.RefusedFile(copy.sha256, program, problem, copy.size, copy.kept, said, confirmable, offered.person, counted)
            _add_refusal(cursor, kept)
    return sentence


def keep_recounted(engine: Engine, file: held.RefusedFile, loss: Loss) -> str:
    """Keeps what was counted as a person confirmed a file that was refused before, and raises the alert; gives the sentence."""
    sentence = f"{loss}: if these are lost too, confirm it again, by `gatekeeper registry confirm {file.sha256} --reason …`."
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        _add_refusal(cursor, file._replace(problem=sentence, counted=loss.counted))
    return sentence


def _advice(offered: Offered, judged: Judged, copy: _Copy, most: int) -> str:
    if judged.changed:
        return "."
    if offered.person is None:
        return ": import it with a token (GATEKEEPER_TOKEN), so that another person can confirm it."
    if copy.whole:
        return f": another person must confirm it, by `gatekeeper registry confirm {copy.sha256} --reason …`."
    if copy.size > most:
        limit = f"the {most >> 20} MiB that are kept of a file (GATEKEEPER_REFUSED_FILE_MIB)"
        return f": it is larger than {limit}, so nobody can confirm it."
    return ": nobody can confirm it before it is imported again, and kept whole."


def _copy_of(judged: Judged, opened: ExitStack, most: int) -> _Copy:
    """A copy that nobody changes meanwhile, so that what is kept is what the digest is of. It is there as long as ``opened``."""
    file, trouble = _new_file(opened) if judged.about() <= most else (None, "")
    digest, size, first, ended, why = hashlib.sha256(), 0, bytearray(), False, ""
    pieces = judged.again()
    while not ended:
        try:
            piece = next(pieces, b"")
        except OSError as error:
            why = f" It cannot be read any further: {error.strerror}."
            break
        digest.update(piece)
        size += len(piece)
        first += piece[: PIECE - len(first)]
        if size > most:
            file = None
        if file is not None and (trouble := _written(file, piece)):
            file = None
        ended = not piece
    if len(first) < size:
        why = trouble + why
    if judged.changed:
        why += " It was changed while it was read, so what is kept is what it is by now: import it again when nobody writes to it."
    return _Copy(file, bytes(first), digest.hexdigest(), size, ended, why)


def _new_file(opened: ExitStack) -> tuple[BinaryIO | None, str]:
    """Without a buffer, whose rest may be impossible to write as it is closed."""
    try:
        return opened.enter_context(TemporaryFile(buffering=0)), ""
    except OSError as error:
        return None, f"{ONLY_FIRST}{error.strerror}."


def _written(file: BinaryIO, piece: bytes) -> str:
    """Adds a piece to the copy; where that cannot be done, a sentence that says why."""
    rest = memoryview(piece)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        return f"{ONLY_FIRST}{error.strerror}."
    return ""


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
            rows[tables.FILE_LOSS] = [(number, counted.lost, counted.certified, counted.base, tail.block + 1)]
            rows[tables.FILE_LOST_SITES] = [(number, counted.kept_sites, tail.block + 1)]
    lost = (file.counted and file.counted.sites) or ()
    name, body = registry_alert(tail.now, file.program, file.sha256, file.problem, lost)
    alert_id = UUID(name)
    if not held.has_alert(cursor, alert_id):
        rows[tables.ALERT] = [(alert_id, "registry_refused", None, body, tail.block + 1)]
        outbox.append(ledger.Outgoing(alert_id=alert_id))
    if rows:
        ledger.add_block(cursor, tail, rows, outbox=outbox)
