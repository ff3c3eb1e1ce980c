"""`python -m tests.bench [WHAT …] [--quick]`: measures, and prints Markdown tables; progress goes to the standard error."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.bench import costs, events, facts, feed, history, http, latency, look_back, sites, snapshots, suspension, throughput, wave
from tests.bench.place import Place, prepared
from tests.bench.profile import profile
from tests.bench.tables import machine
from tests.bench.world import Sizes

QUICK_SIZES = Sizes(500, 500, 200, 50)

ALONE: dict[str, Callable[[Path, bool], str]] = {
    "decision": lambda folder, quick: costs.decision(folder, repeat=200 if quick else 20_000),
    "command": lambda folder, quick: costs.command(folder, times=3 if quick else 11),
    "history": lambda folder, quick: history.measure(folder, history.QUICK if quick else history.Asked()),
    "feed": lambda folder, quick: feed.measure(folder, feed.QUICK if quick else feed.Asked()),
    "sites": lambda folder, quick: sites.measure(folder, sites.QUICK if quick else sites.Asked()),
    "http": lambda folder, quick: http.measure(http.quick(folder) if quick else http.Asked()),
}
"""What needs no broker and no registry that was imported."""
PLACED: dict[str, Callable[[Place, bool], str]] = {
    "throughput": lambda place, quick: throughput.measure(place, throughput.QUICK if quick else throughput.Load()),
    "latency": lambda place, quick: latency.measure(place, latency.QUICK if quick else latency.Pace()),
    "recovery": lambda place, quick: costs.recovery(place, times=2 if quick else 7),
    "bytes": lambda place, quick: costs.left_behind(place, count=200 if quick else 20_000),
    "profile": lambda place, quick: profile(place, 400 if quick else 20_000),
    "facts": lambda place, quick: facts.measure(place, facts.QUICK if quick else facts.Load()),
    "import": lambda place, _: costs.importing(place),
}
"""What is measured on one broker and one database, in this order; the import is last, for it changes the registry."""
LONG: dict[str, Callable[[Place, bool], str]] = {
    "memory": lambda place, quick: costs.memory(place, first=200, last=600) if quick else costs.memory(place),
}
"""What is measured only when it is named."""
OWN: dict[str, Callable[[Place, bool], str]] = {
    "events": lambda place, quick: events.measure(place, events.QUICK if quick else events.Load()),
    "snapshots": lambda place, quick: snapshots.measure(place, snapshots.QUICK if quick else snapshots.Load()),
    "suspension": lambda place, quick: suspension.measure(place, suspension.QUICK if quick else suspension.Load()),
    "look_back": lambda place, quick: look_back.measure(place, look_back.FEW if quick else look_back.Load()),
    "wave": lambda place, quick: wave.measure(place, wave.QUICK if quick else wave.Load()),
}
"""The same, each on a ledger of its own."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    named = ", ".join(LONG | OWN)
    parser.add_argument("what", nargs="*", choices=[*ALONE, *PLACED, *LONG, *OWN, []], help=f"all but {named} where nothing is named")
    parser.add_argument("--quick", action="store_true", help="tiny numbers: that it runs, not how fast")
    parser.add_argument("--history", type=int, metavar="N", help="orders that the ledger has before it is measured (333,500)")
    asked = parser.parse_args()
    what = asked.what or [*ALONE, *PLACED]
    click.echo(f"`python -m tests.bench {' '.join(sys.argv[1:])}`, {machine()}\n")
    with TemporaryDirectory() as folder:
        for name in [name for name in ALONE if name in what]:
            click.echo(f"## {name}\n\n{ALONE[name](Path(folder), asked.quick)}\n")
    placed = {name: step for name, step in (PLACED | LONG | OWN).items() if name in what}
    if not placed:
        return
    load = throughput.QUICK if asked.quick else throughput.Load()
    with prepared(QUICK_SIZES if asked.quick or placed.keys() <= OWN.keys() else Sizes()) as place:
        if {"throughput", "latency", "bytes", "profile"} & placed.keys():
            throughput.make_history(place, load.history if asked.history is None else asked.history)
        for name, step in placed.items():
            click.echo(f"## {name}\n\n{step(place, asked.quick)}\n")


if __name__ == "__main__":
    main()
