"""The pipelines that are compared: what each is, how its workers are started, and what it must publish."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.place import GATEKEEPER, OUTPUTS, Place
from tests.bench.world import Sent
from tests.real.broker import ROOT

BATCH = 2000
QUIX = ROOT / ".bench" / "quix"


class Pipeline(NamedTuple):
    name: str
    kind: str
    """``bare``, ``gate`` or ``quix``."""
    about: str
    workers: int = 1
    database: bool = False

    def group(self, prefix: str) -> str:
        """The consumer group that commits what it has done."""
        return prefix + {"gate": "gatekeeper.orders", "bare": "bare", "quix": "quix"}[self.kind]

    @contextmanager
    def running(self, place: Place, prefix: str) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Its workers, reading what is in the topic."""
        with ExitStack() as stack:
            yield [self.start(place, prefix, f"{self.name}{number}", stack) for number in range(self.workers)]

    def start(self, place: Place, prefix: str, instance: str, stack: ExitStack) -> subprocess.Popen[bytes]:
        """One worker, until the stack is left."""
        if self.kind == "gate":
            command = [*GATEKEEPER, "consume", "orders", "--instance", instance]
            return stack.enter_context(place.running(command, instance, place.environment(prefix)))
        python = str(quix_python()) if self.kind == "quix" else sys.executable
        command = [python, "-m", f"tests.bench.{self.kind}", self._settings(place, prefix, instance)]
        return stack.enter_context(place.running(command, instance, os.environ | {"PYTHONPATH": str(ROOT)}))

    def expected(self, sent: list[Sent]) -> dict[str, int]:
        """How many messages it must publish, by topic."""
        counts = [len(sent), len(sent), 0, 0, 0]
        if self.kind == "gate":
            counts[:3] = (sum(getattr(order, what) for order in sent) for what in ("released", "stopped", "records"))
        return dict(zip(OUTPUTS, counts, strict=True))

    def _settings(self, place: Place, prefix: str, instance: str) -> str:
        client = place.client(self.group(prefix), instance)
        consumer, producers = client.consumer(), [client.producer(turn) for turn in range(2)]
        if self.kind == "quix":
            # What the library sets by itself, or refuses to be told.
            for own in ("bootstrap.servers", "group.id", "enable.auto.commit", "auto.offset.reset", "partition.assignment.strategy"):
                consumer.pop(own)
            for options in (consumer, producers[0]):
                options.pop("client.id")
            producers[0].pop("bootstrap.servers")
        said = {
            "bootstrap": place.bootstrap, "prefix": prefix, "instance": instance, "snapshot": str(place.snapshot), "batch": BATCH,
            "url": place.url if self.database else None, "consumer": consumer, "producers": producers,
        }  # fmt: skip
        return json.dumps(said)


BARE = Pipeline("bare", "bare", "the bare exactly-once loop of confluent-kafka: no database, no rules")
GATE = Pipeline("gate", "gate", "this gate, one worker: all rules, ledger, evidence, outputs")
GATE_TWICE = Pipeline("gates", "gate", "this gate, two workers", workers=2)
QUIX_STREAMS = Pipeline("quix", "quix", "Quix Streams, exactly once: the bare loop's work, no database, no rules")
BARE_DATABASE = Pipeline("rows", "bare", "the bare loop, one PostgreSQL commit a batch (one row an order)", database=True)


def quix_python() -> Path:
    """The Python of Quix Streams' own environment, which is made where it is missing."""
    python = QUIX / "bin" / "python"
    if not (QUIX / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", str(QUIX)], check=True)
        requirements = Path(__file__).with_name("quix-requirements.txt")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)], check=True)
        (QUIX / "made").touch()
    return python
