"""What one thing costs: a pure decision, the command `decide`, a replacement after kill -9, an import, an order in the database."""

import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from threading import Event, Thread

import psutil
import psycopg

from gatekeeper.domain.case import Case
from gatekeeper.domain.order import Order
from gatekeeper.domain.verdict import decide
from gatekeeper.judging.deciding import load
from gatekeeper.messages import given
from gatekeeper.programs import load_programs
from gatekeeper.translate import order_of
from schemas.order import ShipmentOrder
from schemas.reading import read_order
from tests.bench.pipelines import GATE
from tests.bench.place import GATEKEEPER, Place, Watched, say
from tests.bench.tables import table
from tests.bench.throughput import one_round
from tests.bench.world import NOW, Sent, Sizes, orders, write_snapshot

SIZES = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
FEW = Sizes(50, 50, 50, 50)


def one_line_orders(named: str) -> tuple[Sent, Sent]:
    """Two covered one-line orders: one that is released, one that is stopped."""
    found = [sent for sent in orders(named, 500, FEW, covered=1) if sent.value.count(b'"line":') == 1]
    return next(sent for sent in found if sent.released), next(sent for sent in found if sent.stopped)


def decision(folder: Path, *, repeat: int = 20_000) -> str:
    """Microseconds of a pure decision, with the reasons' words: the least of five turns."""
    programs = load_programs()
    known = load(write_snapshot(folder / "few.ndjson", FEW), programs, NOW)
    rows = []
    for named, sent in zip(("released", "stopped, with its reasons"), one_line_orders("decision"), strict=True):
        case = Case(_order(sent), known, programs, NOW)
        rows.append((f"one covered line, {named}", f"{_least(lambda case=case: _decided(case), repeat) * 1e6:.1f} µs", "40 µs", "20 µs"))
    return table(("pure decision", "measured", "must", "wanted"), rows)


def command(folder: Path, *, times: int = 11) -> str:
    """Seconds of `gatekeeper decide` of one order, the whole program: the median."""
    snapshot = write_snapshot(folder / "few.ndjson", FEW)
    asked = folder / "order.ndjson"
    asked.write_bytes(one_line_orders("command")[0].value)
    taken = []
    for _ in range(times):
        begun = time.monotonic()
        subprocess.run([*GATEKEEPER, "decide", "--registry", str(snapshot), str(asked)], check=True, stdout=subprocess.DEVNULL)
        taken.append(time.monotonic() - begun)
    return table(
        ("one order", "median", "min to max", "must", "wanted"),
        [("`gatekeeper decide`", f"{median(taken):.2f} s", f"{min(taken):.2f} to {max(taken):.2f} s", "0.5 s", "0.25 s")],
    )


def recovery(place: Place, *, times: int = 7) -> str:
    """Seconds from kill -9 under load to the next commit of the replacement, which is started at once."""
    prefix, taken, stop = f"recovery{times}.", [], Event()
    place.make_topics(prefix)
    watched = Watched(place, prefix, GATE.group(prefix))
    sending = Thread(target=_keep_sending, args=(place, prefix, stop))
    with ExitStack() as stack:
        worker = GATE.start(place, prefix, "killed", stack)
        sending.start()
        stack.callback(sending.join)
        stack.callback(stop.set)
        watched.until(1, worker, "the first worker commits")
        for turn in range(times):
            watched.until(watched.done() + 100, worker, "the worker is at work")
            worker.kill()
            worker.wait()
            begun, before = time.monotonic(), watched.done()
            worker = GATE.start(place, prefix, "killed", stack)
            ended, _ = watched.until(before + 1, worker, "the replacement commits")
            taken.append(ended - begun)
            say(f"kill -9 {turn + 1}: {taken[-1]:.2f} s")
    watched.close()
    return table(
        ("`kill -9` to the next commit, Python's start included", "median", "min to max", "must", "wanted"),
        [(f"{times} times, at 300 orders/s", f"{median(taken):.2f} s", f"{min(taken):.2f} to {max(taken):.2f} s", "3 s", "1.5 s")],
    )


def importing(place: Place) -> str:
    """Seconds of an import of another snapshot of the same registry while a consumer is at work, and what the orders felt of it."""
    prefix, stop = "importing.", Event()
    file = write_snapshot(place.folder / "other.ndjson", place.sizes, after=10_000_000)
    place.make_topics(prefix)
    watched = Watched(place, prefix, GATE.group(prefix))
    sending = Thread(target=_keep_sending, args=(place, prefix, stop))
    with GATE.running(place, prefix) as workers:
        sending.start()
        try:
            _, before = watched.until(1, workers[0], "the consumer commits")
            begun = time.monotonic()
            place.import_registry(file)
            taken = time.monotonic() - begun
            judged = watched.done() - before
        finally:
            stop.set()
            sending.join()
    watched.close()
    return table(
        (
            f"import of {place.sizes.sites:,} sites and {place.sizes.authorizations:,} authorizations, all facts new",
            "measured",
            "must",
            "wanted",
        ),
        [(f"a consumer at work at 300 orders/s, which judged {judged / taken:.0f} orders/s meanwhile", f"{taken:.1f} s", "60 s", "30 s")],
    )


def left_behind(place: Place, *, count: int = 20_000) -> str:
    """Bytes that an order leaves in the database, by table: of orders all of whose lines are covered, and of those without one."""
    found = {}
    for named, covered in (("covered", 1.0), ("not covered", 0.0)):
        before = _sizes(place.url)
        one_round(place, GATE, f"left-{named.replace(' ', '-')}", 0, count, covered=covered)
        after = _sizes(place.url)
        found[named] = {name: (after[name] - before[name]) / count for name in after}
    names = sorted(found["covered"], key=lambda name: -found["covered"][name])
    shown = [name for name in names if any(each[name] >= 1 for each in found.values())]
    rows = [(name, *(f"{each[name]:,.0f}" for each in found.values())) for name in shown]
    rows.append(("**all**", *(f"**{sum(each.values()):,.0f}**" for each in found.values())))
    return table(("bytes an order of three lines, with indexes", *found), rows)


def memory(place: Place, *, first: int = 100_000, last: int = 1_000_000) -> str:
    """Resident memory of one consumer after so many orders."""
    prefix, chunk = "memory.", min(first, 50_000)
    place.make_topics(prefix)
    watched = Watched(place, prefix, GATE.group(prefix))
    found = {}
    with GATE.running(place, prefix) as workers:
        resident = psutil.Process(workers[0].pid)
        for done in range(0, last, chunk):
            place.send(prefix, orders(f"memory-{done}", chunk, place.sizes))
            watched.until(done + chunk, workers[0], f"{done + chunk} orders")
            found[done + chunk] = resident.memory_info().rss / 1_048_576
            say(f"after {done + chunk} orders: {found[done + chunk]:.1f} MB")
    watched.close()
    growth = found[last] / found[first] - 1
    return table(
        ("resident memory of a consumer", f"after {first:,}", f"after {last:,}", "growth", "must", "wanted"),
        [("one worker", f"{found[first]:.1f} MB", f"{found[last]:.1f} MB", f"{growth:+.1%}", "+10 %", "+2 %")],
    )


def _order(sent: Sent) -> Order:
    wire = read_order(sent.value)
    if not isinstance(wire, ShipmentOrder):
        raise TypeError("an order of the benchmark cannot be read")
    return order_of(wire, load_programs())


def _decided(case: Case) -> None:
    for line in decide(case).lines:
        for reason in line.reasons:
            given(reason)


def _least(step: Callable[[], None], repeat: int) -> float:
    def turn() -> float:
        begun = time.perf_counter()
        for _ in range(repeat):
            step()
        return (time.perf_counter() - begun) / repeat

    return min(turn() for _ in range(5))


def _keep_sending(place: Place, prefix: str, stop: Event) -> None:
    turn = 0
    while not stop.wait(0.1):
        turn += 1
        place.send(prefix, orders(f"{prefix}{turn}", 30, place.sizes))


def _sizes(url: str) -> dict[str, int]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        return dict(connection.execute(SIZES).fetchall())
