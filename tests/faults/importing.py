"""The product's import of a snapshot, which may die half way: ``python -m tests.faults.importing``."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import click

from gatekeeper.programs import load_programs
from gatekeeper.registry.importing import Terms, import_file
from gatekeeper.storage.engine import open_engine
from schemas.fact import Fact

LOSS_PERCENT = 10


class Mortal:
    """Watches the import; dies before what was written is sealed and committed, if it shall."""

    def __init__(self, *, die: bool) -> None:
        self._die = die

    def reading(self, facts: Iterable[Fact], total: int) -> Iterable[Fact]:  # noqa: ARG002
        return facts

    def step(self, words: str) -> None:
        if self._die and words == "Sealing":
            os.kill(os.getpid(), signal.SIGKILL)


@click.command()
@click.option("--database", required=True)
@click.option("--die", is_flag=True)
@click.argument("file", type=click.Path(path_type=Path))
def main(database: str, file: Path, *, die: bool) -> None:
    """Loads FILE."""
    terms = Terms(load_programs(), LOSS_PERCENT)
    import_file(open_engine(database), file, terms, Mortal(die=die))


if __name__ == "__main__":
    main()
