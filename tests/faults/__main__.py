"""``make faults N=200 SEED=1``: faults under load, and what went wrong, as a table."""

import random
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.faults.plan import KINDS
from tests.faults.report import Report
from tests.faults.run import run
from tests.real.broker import Broker, NotInstalledError
from tests.real.database import Database


@click.command()
@click.option("--number", type=click.IntRange(1), default=200, show_default=True, help="How many faults; each kind comes at least once.")
@click.option("--seed", type=int, default=None, help="Which orders, which faults, whom they hit; by default another each time.")
def main(number: int, seed: int | None) -> None:
    """Kill workers, broker and database under a load whose right answers are known, and count what went wrong."""
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    click.echo(f"{number} faults, seed {seed}")
    with tempfile.TemporaryDirectory(prefix="faults-") as made:
        folder = Path(made)
        broker, database = Broker(folder / "kafka"), Database(folder / "postgres")
        try:
            broker.start()
            database.start()
            report = run(broker, database, folder / "scene", number, seed, click.echo)
        except NotInstalledError as missing:
            raise click.ClickException(str(missing)) from None
        finally:
            broker.stop()
            database.stop()
    show(report, seed)
    raise SystemExit(0 if report.judgement.clean and report.proves_something else 1)


def show(report: Report, seed: int) -> None:
    """The tables, for a person."""
    console = Console()
    faults = Table("what must not be", "times", title=f"seed {seed}: {report.sent} orders, {report.read} messages read")
    for fault, count in report.judgement.counts.items():
        faults.add_row(fault, str(count), style="bold red" if count else "")
    proof = Table("what must have happened", "times")
    happened = {str(kind): report.hits.get(kind, 0) for kind in KINDS} | report.happened
    for what, count in happened.items():
        proof.add_row(what, str(count), style="" if count else "bold red")
    console.print(faults, proof)
    for fault, examples in report.judgement.examples.items():
        for example in examples:
            console.print(f"{fault}: {example}", markup=False)
    if not report.proves_something:
        console.print("Something never happened, so this run proves nothing.")


if __name__ == "__main__":
    main()
