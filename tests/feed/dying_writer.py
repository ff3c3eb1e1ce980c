"""`gatekeeper feed`, killed before or after the n-th of the steps that last: ``python -m tests.feed.dying_writer N WORDS …``.

The steps: a part of the file given to the disk, the file's bytes on the disk, the name, the folder on the disk, and each commit.
"""

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from gatekeeper.cli import main
from gatekeeper.feeds import writing

_steps = count(1)
DIES_AT = 0


def step() -> None:
    if next(_steps) == DIES_AT:
        os.kill(os.getpid(), signal.SIGKILL)


def dying(done: Callable[..., Any]) -> Callable[..., Any]:
    """The same, that may die before and after it."""

    def run(*arguments: Any, **named: Any) -> Any:
        step()
        result = done(*arguments, **named)
        step()
        return result

    return run


class DyingConnection(psycopg.Connection[Any]):
    """Dies before and after what is committed."""

    def commit(self) -> None:
        dying(super().commit)()


if __name__ == "__main__":
    DIES_AT = int(sys.argv[1])
    os.fsync = dying(os.fsync)
    Path.replace = dying(Path.replace)  # type: ignore[method-assign]
    writing._parts = dying(writing._parts)  # noqa: SLF001
    psycopg.connect = DyingConnection.connect
    psycopg.Connection = DyingConnection  # type: ignore[misc]
    main(sys.argv[2:], prog_name="gatekeeper")
