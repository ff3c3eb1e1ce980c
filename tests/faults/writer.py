"""`feed write` as the product does it, killed when it has come to a named step: ``python -m tests.faults.writer …``."""

import os
import signal
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import psycopg

from gatekeeper.clock import now
from gatekeeper.feeds import read_layouts, writing
from gatekeeper.storage import feed_files
from gatekeeper.storage.engine import open_engine

LAYOUTS = Path(__file__).parents[1] / "feed" / "layouts" / "json_lines"
ZONE = "America/New_York"
RENDERED, ON_DISK, PROMISED, NAMED, NAME_ON_DISK, SAID = STEPS = (
    "when its bytes were made", "when they were on the disk", "when its records were promised", "when it had its name",
    "when its name was on the disk", "when that was said",
)  # fmt: skip
"""In their order. What stands outside is another thing after each of them."""
PROMISES_LATE = "gives a file its name before its records are promised"


class Mortal:
    """Dies when it comes to its step for the first time."""

    def __init__(self, dies_at: str) -> None:
        self._dies_at = dies_at
        self._next = ""

    def reached(self, step: str) -> None:
        if step == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def then(self, step: str, done: Callable[..., Any]) -> Callable[..., Any]:
        """The same, and then the step."""

        def run(*arguments: Any) -> Any:
            result = done(*arguments)
            self.reached(step)
            return result

        return run

    def synced(self, done: Callable[[int], None]) -> Callable[[int], None]:
        def run(file: int) -> None:
            done(file)
            self.reached(NAME_ON_DISK if stat.S_ISDIR(os.fstat(file).st_mode) else ON_DISK)

        return run

    def committed(self, step: str, done: Callable[..., Any]) -> Callable[..., Any]:
        """The same; the step is when it is committed."""

        def run(*arguments: Any) -> Any:
            self._next = step
            return done(*arguments)

        return run

    def connection(self) -> type[psycopg.Connection[Any]]:
        mortal = self

        class Watched(psycopg.Connection[Any]):
            def commit(self) -> None:
                super().commit()
                step, mortal._next = mortal._next, ""
                mortal.reached(step)

        return Watched


def _parts_and_then(mortal: Mortal, parts: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        yield from parts(*arguments)
        mortal.reached(RENDERED)

    return run


def _named_first(engine: Any, held: Any, folder: Path, file: Any, layout: Any) -> Any:
    """The mutant: what others see before what the ledger knows."""
    temporary, file = writing._render(held, folder, file, layout)  # noqa: SLF001
    path = writing._name(temporary, folder / writing.name_of(file))  # noqa: SLF001
    with writing.transaction(engine) as cursor:
        feed_files.add_file(cursor, file)
    writing._say_written(engine, file)  # noqa: SLF001
    return file, path


@click.command()
@click.option("--database", required=True)
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--die", "dies_at", type=click.Choice(STEPS), default=None)
@click.option("--kind", default="the product")
def main(database: str, folder: Path, dies_at: str | None, kind: str) -> None:
    """Writes all that is in no file yet."""
    if kind == PROMISES_LATE:
        writing._make = _named_first
    if dies_at is not None:
        mortal = Mortal(dies_at)
        writing._parts = _parts_and_then(mortal, writing._parts)  # noqa: SLF001
        os.fsync = mortal.synced(os.fsync)  # type: ignore[assignment]
        Path.replace = mortal.then(NAMED, Path.replace)  # type: ignore[method-assign]
        feed_files.add_file = mortal.committed(PROMISED, feed_files.add_file)
        feed_files.add_written = mortal.committed(SAID, feed_files.add_written)
        watched = mortal.connection()
        psycopg.connect, psycopg.Connection = watched.connect, watched  # type: ignore[misc]
    [layout] = read_layouts(LAYOUTS).values()
    today = datetime.astimezone(now(), ZoneInfo(ZONE)).date()
    for written in writing.write(open_engine(database), folder, layout, ZONE, today):
        click.echo(f"{written.path.name}: {written.what}")


if __name__ == "__main__":
    main()
