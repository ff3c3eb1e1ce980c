"""Where the time of a worker goes: the stages of its loop, wall clock and CPU, and cProfile's list of functions."""

import cProfile
import gc
import io
import pstats
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any

from consumers import orders as consumer
from consumers import topic_gate
from consumers.kafka import topics
from consumers.kafka.log import Log, Message
from consumers.loop import run
from consumers.orders import OrderGate
from consumers.publications import Publication
from gatekeeper import gate
from gatekeeper.judging.fold import Fold
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import open_engine
from tests.bench.place import ORDERS, Place, say
from tests.bench.tables import table
from tests.bench.world import orders

STAGES: tuple[tuple[str, Any, str], ...] = (
    ("read", Log, "read"),
    ("decode", consumer, "read_arrival"),
    ("database transaction, all of it", OrderGate, "judge"),
    ("… what is known, before the lock", gate, "registry_says"),
    ("… judged, before the lock", gate, "draft"),
    ("… waiting for the lock", ledger, "take_lock"),
    ("… fold", Fold, "take"),
    ("… writes", Fold, "write"),
    ("publications", topic_gate, "publications_for"),
    ("publish: produce, offsets, commit", Log, "publish"),
)
"""What is timed, and where it stands; decoding is part of the transaction's call, but before its begin."""


def profile(place: Place, count: int) -> str:
    """Two tables and a list: the stages of a plain run, then the functions of a run under cProfile."""
    stages = _run(place, "profile-stages", count, None)
    profiler = cProfile.Profile()
    _run(place, "profile-functions", count, profiler)
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).sort_stats("tottime").print_stats(25)
    functions = re.sub(r"\S*/(?=(gatekeeper|consumers|schemas|tests|site-packages|python3)[^ ]*)", "", text.getvalue())
    rows = [(name, f"{wall / count * 1e6:.0f}", f"{cpu / count * 1e6:.0f}") for name, (wall, cpu) in stages.items()]
    return table(("stage", "µs an order", "of it CPU of this thread"), rows) + f"\n\n```text\n{functions.strip()}\n```"


def _run(place: Place, named: str, count: int, profiler: cProfile.Profile | None) -> dict[str, tuple[float, float]]:
    prefix = f"{named}."
    place.make_topics(prefix)
    place.send(prefix, orders(named, count, place.sizes))
    client, engine = place.client(f"{prefix}group", named), open_engine(place.url)
    judge = OrderGate(engine, ORDERS, lambda: topics.topic_id(client, prefix + ORDERS), RuleBook.read())
    profiled = _plainly if profiler is None else profiler.runcall
    log = Log(client, ORDERS, prefix, judge.starts)
    until = _Until(log, count, profiled)
    gc.freeze()
    with _timed() as spent:
        # The product's own loop: what passes, on a busy machine also a membership, is waited for.
        run(until, lambda messages: profiled(judge.handle, messages), until.done, lambda reason, wait: say(f"{reason} Waits {wait} s."))
    gc.unfreeze()
    log.close()
    engine.dispose()
    place.drop_topics(prefix)
    return {name: (spent[name][0], spent[name][1]) for name, *_ in STAGES}


class _Until:
    """A log of which so many messages are published; what is published is profiled."""

    def __init__(self, log: Log, count: int, profiled: Callable[..., Any]) -> None:
        self._log, self._left, self._profiled = log, count, profiled
        self.done = Event()

    def read(self) -> list[Message]:
        return self._log.read()

    def publish(self, publications: Sequence[Publication], messages: Sequence[Message]) -> None:
        self._profiled(self._log.publish, publications, messages)
        self._left -= len(messages)
        if self._left <= 0:
            self.done.set()

    def again(self) -> None:
        self._log.again()


def _plainly(step: Callable[..., Any], *arguments: Any) -> Any:
    return step(*arguments)


@contextmanager
def _timed() -> Iterator[dict[str, list[float]]]:
    """Times every call of the stages until it is left."""
    spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    originals = [(owner, name, getattr(owner, name)) for _, owner, name in STAGES]
    for (stage, owner, name), (_, _, original) in zip(STAGES, originals, strict=True):
        setattr(owner, name, _timing(original, spent[stage]))
    try:
        yield spent
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def _timing(step: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return step(*arguments, **named)
        finally:
            spent[0] += time.perf_counter() - wall
            spent[1] += time.thread_time() - cpu

    return timed
