"""Files of a feed, written once and for all: which records are in a file is fixed by its row before the file has its name.

1. The bytes go to a temporary name, and are on the disk.
2. The row is committed: number, records, layout, digest. From now on these records are in this file, and in no other.
3. The file gets its name.
4. A second row says that it has.

Whoever dies in between has promised nothing (before 2), or has promised a file that the next one who writes makes whole: the same bytes,
made again of the same records by the layout that the row keeps, and held to its digest.
"""

import hashlib
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.errors import Halt, Unusable
from gatekeeper.feeds import form_of
from gatekeeper.feeds.forms import File, Form
from gatekeeper.feeds.layout import EACH, MONTHLY, SUFFIXES, Layout, document, layout_from
from gatekeeper.rules import day_begins
from gatekeeper.storage import feed_files as storage
from gatekeeper.storage import ledger
from gatekeeper.storage.acknowledgements import last_before, last_sequence, recorded_at
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.feed_files import FeedFile

ONE_DAY: Final = timedelta(days=1)


class Written(NamedTuple):
    """A file that stands whole under its name."""

    file: FeedFile
    path: Path
    what: str
    """``made``: it is new. ``made whole``: somebody had begun it. ``made again``: it was not there. ``there``: it was, byte for byte."""


def write(engine: Engine, folder: Path, layout: Layout, zone: str, through: date) -> Iterator[Written]:
    """Makes whole what was interrupted, then the files of all records up to the end of a day that are in none yet, and gives each.

    Called again for the same day it gives the same files. Raises ``Unusable`` where the day is not over yet, or a record cannot be
    written by the layout; what was given before that stands.
    """
    _refuse_folder(folder)
    with transaction(engine) as held:
        storage.take_feed_lock(held)
        _refuse_day(layout, zone, through, ledger.now(held))
        done: set[int] = set()
        for file in storage.unfinished(held, layout.program):
            path = _make_again(held, folder, file)
            _say_written(engine, file)
            done.add(file.number)
            yield Written(file, path, "made whole")
        for file in storage.files_of_day(held, layout.program, through):
            if file.number not in done:
                yield _again(held, folder, file)
        while (new := _next(held, layout, zone, through)) is not None:
            yield Written(*_make(engine, held, folder, new, layout), "made")


def write_again(engine: Engine, folder: Path, program: str, number: int) -> Written:
    """The same file once more: the same number, the same bytes."""
    _refuse_folder(folder)
    with transaction(engine) as held:
        storage.take_feed_lock(held)
        file = storage.file_numbered(held, program, number)
        if file is None:
            raise Unusable(f"There is no file {number} of {program}.")
        return _again(held, folder, file)


def name_of(file: FeedFile) -> str:
    """The name of the file: program and number, nothing of what is in it."""
    return f"{file.program}-{file.number:06}.{SUFFIXES[layout_from(file.layout).form]}"


def _refuse_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(f"The folder of files {folder} cannot be made: {error.strerror}.") from None


def _refuse_day(layout: Layout, zone: str, through: date, now: datetime) -> None:
    """A day or month that is not over could still get records, and a file is made once."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if through > today or (through == today and layout.cadence != EACH):
        raise Unusable(f"{through} is not over yet where {layout.program} is ({zone}): no file can be made of it.")


def _next(cursor: Cursor[Any], layout: Layout, zone: str, through: date) -> FeedFile | None:
    """The next file, as far as it is known before it is written: records from the first that is in no file to the end of their period."""
    before = storage.last_file(cursor, layout.program)
    first = before.last + 1 if before else 1
    last = last_sequence(cursor, layout.program)
    if first > last:
        return None
    day = recorded_at(cursor, layout.program, first).astimezone(ZoneInfo(zone)).date()
    end = _period_end(layout.cadence, day, through)
    if day > through or end > through:
        return None
    last = last_before(cursor, layout.program, day_begins(end + ONE_DAY, zone), last)
    number, now = before.number + 1 if before else 1, ledger.now(cursor)
    return FeedFile(layout.program, number, first, last, 0, end, document(layout), now, 0, b"")


def _period_end(cadence: str, day: date, through: date) -> date:
    if cadence == EACH:
        return through
    if cadence == MONTHLY:
        return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - ONE_DAY
    return day


def _make(engine: Engine, held: Cursor[Any], folder: Path, file: FeedFile, layout: Layout) -> tuple[FeedFile, Path]:
    temporary, file = _render(held, folder, file, layout)
    with transaction(engine) as cursor:
        storage.add_file(cursor, file)
    path = _name(temporary, folder / name_of(file))
    _say_written(engine, file)
    return file, path


def _again(held: Cursor[Any], folder: Path, file: FeedFile) -> Written:
    path = folder / name_of(file)
    if path.exists() and _digest(path) == file.sha256:
        return Written(file, path, "there")
    return Written(file, _make_again(held, folder, file), "made again")


def _make_again(held: Cursor[Any], folder: Path, file: FeedFile) -> Path:
    temporary, made = _render(held, folder, file, layout_from(file.layout))
    if made != file:
        temporary.unlink()
        raise Halt(f"File {file.number} of {file.program} cannot be made again as it was: its bytes would be others.")
    return _name(temporary, folder / name_of(file))


def _render(held: Cursor[Any], folder: Path, file: FeedFile, layout: Layout) -> tuple[Path, FeedFile]:
    """The file under a temporary name, on the disk, and all that is known of it then."""
    form = form_of(File(file.program, file.number, file.made_at, file.first, file.last), layout)
    temporary = folder / f".{name_of(file)}.part"
    digest, size = hashlib.sha256(), 0
    try:
        # Patients are in it: nobody but the owner and the group reads it.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as to:
            for part in _parts(held, file, form):
                to.write(part)
                digest.update(part)
                size += len(part)
            to.flush()
            os.fsync(to.fileno())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Unusable(f"{temporary} cannot be written: {error.strerror}.") from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary, file._replace(quantity=form.quantity, size=size, sha256=digest.digest())


def _parts(held: Cursor[Any], file: FeedFile, form: Form) -> Iterator[bytes]:
    yield form.begin()
    for bodies, void_returns in storage.bodies(held, file.program, file.first, file.last):
        yield form.add(bodies, void_returns)
    yield form.end()


def _name(temporary: Path, path: Path) -> Path:
    """Gives the file its name, which is then on the disk too."""
    try:
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Unusable(f"{path} cannot be written: {error.strerror}.") from None
    return path


def _say_written(engine: Engine, file: FeedFile) -> None:
    with transaction(engine) as cursor:
        storage.add_written(cursor, file)


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as of:
            return hashlib.file_digest(of, "sha256").digest()
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None
