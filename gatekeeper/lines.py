"""Lines of a file, one message each, however long somebody made them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gatekeeper.errors import Unusable
from schemas.text import MOST_BYTES

_MOST_LINE = MOST_BYTES + 1  # the newline, or the byte by which a message is too long


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """The file, open for reading; where it cannot be opened, ``Unusable``."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise Unusable("The path of a file cannot hold a NUL.") from None
    with file:
        yield file


def read_lines(stream: BinaryIO, name: object) -> Iterator[bytes]:
    """Each line with its newline. Of one that is too long to be a message only the start is given, still too long to be one.

    ``name`` is what the file is called where it cannot be read any further: that is ``Unusable``.
    """
    try:
        while line := stream.readline(_MOST_LINE):
            yield line
            rest = line
            while len(rest) == _MOST_LINE and not rest.endswith(b"\n"):
                rest = stream.readline(_MOST_LINE)
    except OSError as error:
        raise Unusable(f"{name} cannot be read: {error.strerror}.") from None


def message_of(line: bytes) -> bytes | None:
    """The message on a line, without its newline; None for a line of white space only."""
    message = line.removesuffix(b"\n")
    return None if not message or message.isspace() else message
