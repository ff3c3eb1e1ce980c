"""One run: waves of orders, facts, events and acknowledgements, in each of them a fault, and at the end the judge."""

import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from consumers.kafka.log import NAME_TAKEN
from gatekeeper.clock import seconds
from tests.faults.feeding import Feed
from tests.faults.judge import judge
from tests.faults.labels import Sending, Telling
from tests.faults.load import Load
from tests.faults.plan import BROKER, DATABASE, FROZEN_AT, IMPORT, IN_A_TRANSACTION, KINDS, PAUSED, WORKERS, Fault, plan, together
from tests.faults.points import AFTER_COMMIT, AT_RANDOM, BEFORE_PLACE, DIE, FIRST_PRODUCE, FREEZE, IN_COMMIT, WAIT
from tests.faults.report import Report, happened
from tests.faults.scene import CONSUMERS, HALTED, PATIENCE_S, RELAY, ROOT, Scene, Worker
from tests.faults.seen import see
from tests.faults.writer import STEPS
from tests.real.broker import Broker
from tests.real.database import Database
from tests.real.proxy import END_TXN, Proxy
from tests.real.waiting import wait_until

PARTITIONS = 6
HIT_S = 20.0
SPARE = 20
"""Waves for faults that must be tried again."""


def run(broker: Broker, database: Database, folder: Path, number: int, seed: int, tell: Callable[[str], None]) -> Report:
    """So many faults on a broker and a database that are running."""
    faults = plan(number, seed)
    load = Load(seed, len(faults) + SPARE, faults.count(Fault(IMPORT)) + SPARE, PARTITIONS)
    with Proxy(broker.proxy_port, broker.target_port) as proxy, Scene(folder, broker, database, proxy, PARTITIONS) as scene:
        going = Run(scene, load, random.Random(seed), tell)  # noqa: S311 - the same every time
        going.begin()
        for wave in together(faults):
            going.suffer(wave)
        for kind in KINDS:
            while not going.hits[kind] and going.waves_left:
                going.suffer([kind])
        return going.end()


class Run:
    """The workers of one run, and what was done to them."""

    def __init__(self, scene: Scene, load: Load, chance: random.Random, tell: Callable[[str], None]) -> None:
        self._scene, self._load, self._chance, self._tell = scene, load, chance, tell
        self._waves = iter(load.waves)
        self.waves_left = len(load.waves)
        self._imported = self._drawn = self._relays = 0
        self._workers: dict[str, Worker] = {}
        self._contested: set[str] = set()
        self._feed = Feed(scene, chance)
        self.hits: Counter[Fault] = Counter()
        self._faults: dict[str, Callable[[str], bool]] = {
            IN_COMMIT: self._die_in_commit,
            AT_RANDOM: self._die_at_random,
            PAUSED: self._pause,
            BROKER: lambda _: self._kill_broker(),
            DATABASE: lambda _: self._kill_database(),
            IMPORT: lambda _: self._import_half_way(),
        } | {step: partial(self._die_writing, step) for step in STEPS}

    def begin(self) -> None:
        """The first snapshot, and workers that share the partitions."""
        self._import()
        for name, consumer in WORKERS.items():
            self._start(name, consumer)
        for worker in self._workers.values():
            self._shares(worker)

    def suffer(self, faults: Sequence[Fault]) -> None:
        """One wave, with these faults in the midst of it."""
        special = self._faults.get(faults[0].what)
        hits = [special(faults[0].consumer)] if special else self._die_at(faults)
        for fault, hit in zip(faults, hits, strict=True):
            self.hits[fault] += hit
            self._tell(f"{len(self._scene.sent)} orders sent, {fault}: {'done' if hit else 'not reached'}")

    def end(self) -> Report:
        """Waits until everything is answered, stops the workers, and judges."""
        self._scene.wait_until_done(self._look_after, CONSUMERS)
        self._scene.wait_until_followed(self._look_after)
        for worker in self._workers.values():
            worker.stop(PATIENCE_S)
            if worker.exit_status != 0 and not (worker.instance in self._contested and worker.halted_for(NAME_TAKEN)):
                raise RuntimeError(f"{worker.instance} did not stop as it was told: {worker.last_words()}")
        self._feed.write()
        seen = see(self._scene, self._load.room)._replace(booked=self._feed.booked(self._load.goods))
        return Report(judge(seen), dict(self.hits), len(seen.sent), len(seen.outputs), happened(self._scene, seen))

    def _start(self, name: str, consumer: str) -> Worker:
        self._workers[name] = self._scene.start(name, consumer=consumer)
        return self._workers[name]

    def _again(self, worker: Worker) -> Worker:
        """Another worker in the place of one that ended, or is to be replaced."""
        return self._start(worker.instance, worker.consumer)

    def _shares(self, worker: Worker) -> None:
        """Returns when it has partitions; a relay, when it knows its place."""
        try:
            wait_until(lambda: _must_live(worker) and worker.at_work, PATIENCE_S, f"{worker.instance} is at work")
        except TimeoutError as late:
            words = [f"{each.instance} {each.last_words()}" for each in self._workers.values() if each.consumer == worker.consumer]
            raise TimeoutError("\n".join([str(late), *words])) from None

    def _look_after(self) -> None:
        """None may have ended by itself, except one of two with the same name: which of them goes is the broker's choice."""
        for name, worker in list(self._workers.items()):
            if worker.ended and name in self._contested and worker.halted_for(NAME_TAKEN):
                self._contested.discard(name)
                self._again(worker)
            else:
                _must_live(worker)

    def _victim(self, consumer: str = "orders") -> Worker:
        """One that has partitions to lose."""
        self._look_after()
        worker = self._workers[self._chance.choice(sorted(name for name, each in self._workers.items() if each.consumer == consumer))]
        self._shares(worker)
        return worker

    def _wave(self) -> list[Sending | Telling]:
        self.waves_left -= 1
        self._drawn += 1
        wave = [*next(self._waves), *self._feed.words()]
        return [*wave, *self._load.hanging(self._imported + 1)] if self._imported < self._load.imports else wave

    def _die_at(self, faults: Sequence[Fault]) -> list[bool]:
        workers = [self._victim(fault.consumer) for fault in faults]
        for worker, fault in zip(workers, faults, strict=True):
            worker.tell(fault.what, DIE)
        self._scene.send(self._wave())
        return [self._died(worker) for worker in workers]

    def _died(self, worker: Worker) -> bool:
        hit = worker.wait_for_end(HIT_S)
        if hit and worker.exit_status != -signal.SIGKILL:
            raise RuntimeError(f"{worker.instance} ended by itself: {worker.last_words()}")
        if hit:
            self._again(worker)
        else:
            worker.never_mind()
        return hit

    def _die_in_commit(self, consumer: str) -> bool:
        """Killed when the broker has committed and the worker does not know it yet."""
        worker = self._victim(consumer)
        held = self._scene.proxy.hold_next(END_TXN, self._scene.transactions(worker).encode(), cut=False)
        self._scene.send(self._wave())
        try:
            held.wait(HIT_S)
            committed = held.deliver(HIT_S)[4:6] == b"\x00\x00"
        except TimeoutError:
            committed = False
        self._scene.proxy.let_pass()
        worker.kill()
        self._again(worker)
        return committed

    def _die_at_random(self, consumer: str) -> bool:
        worker, wave = self._victim(consumer), self._wave()
        sent = self._chance.randrange(1, len(wave))
        self._scene.send(wave[:sent])
        worker.kill()
        self._scene.send(wave[sent:])
        self._again(worker)
        return True

    def _die_writing(self, step: str, _: str) -> bool:
        """A writer of files is killed at a step, with records to write."""
        self._scene.send(self._load.plain())
        wait_until(self._feed.unfiled, PATIENCE_S, "there are records that are in no file")
        return self._feed.write(step)

    def _pause(self, consumer: str) -> bool:
        """Frozen until the group has lost it, replaced under the same name, and thawed when the other has its work."""
        if consumer == RELAY:
            return self._pause_relay()
        worker = self._victim(consumer)
        worker.tell(self._chance.choice(FROZEN_AT), FREEZE)
        self._scene.send(self._wave())
        try:
            worker.wait_until_frozen(HIT_S)
        except TimeoutError:
            worker.never_mind()
            return False
        wait_until(lambda: worker.instance not in self._scene.members(), PATIENCE_S, "the group loses a frozen member")
        other = self._again(worker)
        self._shares(other)
        self._contested.add(worker.instance)
        told = len(worker.events())
        worker.thaw()
        wait_until(lambda: worker.ended or len(worker.events()) > told, PATIENCE_S, "the thawed worker sees what became of its work")
        worker.kill()
        return True

    def _pause_relay(self) -> bool:
        """Frozen until another one has taken over, which it must see when it is thawed."""
        worker = self._victim(RELAY)
        worker.tell(self._chance.choice((AFTER_COMMIT, FIRST_PRODUCE, BEFORE_PLACE)), FREEZE)
        self._scene.send(self._wave())
        try:
            worker.wait_until_frozen(HIT_S)
        except TimeoutError:
            worker.never_mind()
            return False
        del self._workers[worker.instance]
        self._relays += 1
        self._shares(self._start(f"r{self._relays}", RELAY))
        worker.thaw()
        if not worker.wait_for_end(PATIENCE_S) or worker.exit_status != HALTED:
            raise RuntimeError(f"a relay went on beside another: {worker.last_words()}")
        return True

    def _kill_broker(self) -> bool:
        """Killed while every worker has a transaction open.

        Not while one is being ended: a lone node that comes back takes partitions that have no leader yet for deleted, and drops the
        end of the transaction in them («likely deleted already and hence can be skipped»), which no client can mend. So the workers,
        whose new producers end what is open, reach it only when it leads everything again.
        """
        self._look_after()
        workers = list(self._workers.values())
        for worker in workers:
            self._shares(worker)
        times = [len(worker.events("reached")) + 1 for worker in workers]
        for worker in workers:
            worker.tell(self._chance.choice(IN_A_TRANSACTION[worker.consumer]), WAIT)
        self._scene.send(self._wave())
        deadline = seconds() + HIT_S
        try:
            for worker, count in zip(workers, times, strict=True):
                worker.wait_for("reached", count, max(0.0, deadline - seconds()))
        except TimeoutError:
            return False
        else:
            with self._scene.proxy.shut():
                self._scene.broker.kill()
                self._scene.broker.start()
        finally:
            for worker in workers:
                worker.never_mind()
                worker.go_on()
        return True

    def _kill_database(self) -> bool:
        wave = self._wave()
        self._scene.send(wave[: len(wave) // 2])
        self._scene.database.kill()
        self._scene.send(wave[len(wave) // 2 :])
        self._scene.database.start()
        self._scene.engine.dispose()
        return True

    def _import_half_way(self) -> bool:
        """A worker dies with answers that nobody heard; the registry changes, at the second attempt; then they are read back."""
        if self._imported == self._load.imports:
            return False
        worker = self._victim()
        worker.tell(AFTER_COMMIT, DIE)
        self._scene.send(self._load.hanging(self._imported + 1, 2))
        if not worker.wait_for_end(HIT_S):
            worker.never_mind()
            return False
        self._imported += 1
        self._import(killed=True)
        self._import()
        self._again(worker)
        self._scene.send(self._load.hanging(self._imported))
        self._scene.send(self._wave())
        return True

    def _import(self, *, killed: bool = False) -> None:
        """The product's own import, in a process of its own; where ``killed``, it dies when all is written and nothing committed."""
        file = self._load.snapshot(self._scene.folder / "registry.ndjson", self._imported, self._drawn)
        command = [sys.executable, "-m", "tests.faults.importing", "--database", self._scene.url, str(file)]
        done = subprocess.run([*command, *(["--die"] if killed else [])], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != (-signal.SIGKILL if killed else 0):
            raise RuntimeError(f"the import ended with {done.returncode}: {done.stdout}{done.stderr}")


def _must_live(worker: Worker) -> bool:
    if worker.ended:
        raise RuntimeError(f"{worker.instance} ended by itself: {worker.last_words()}")
    return True
