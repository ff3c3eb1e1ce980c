"""What callers of the API wait for, over HTTP on one connection each, on a ledger of ten million order lines (``desk_maker``)."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gatekeeper.listing import catch_up
from gatekeeper.storage.engine import open_engine, transaction
from tests.bench.callers import Client, Serving, serving_on
from tests.bench.desk_maker import KEPT, QUICK, REASONS, Made, made
from tests.bench.place import say
from tests.bench.tables import table
from tests.bench.world import Sizes, orders
from tests.real.broker import ROOT

pause = threading.Event()
"""Never set: whoever waits for it waits for so long."""
MUST_MS: Final = {"list": 100, "order": 30, "one": 15, "many": 300}


class Asked(NamedTuple):
    """On how much, and how long."""

    made: Made = Made()
    folder: Path = KEPT
    times: int = 40
    """How often each question is asked."""
    pages: int = 1000
    followed: int = 20_000
    beside_s: int = 10
    rounds: int = 3
    a_second: int = 50
    orders_a_second: int = 300


def quick(folder: Path) -> Asked:
    return Asked(QUICK, folder, times=2, pages=3, beside_s=1, rounds=1, a_second=10, orders_a_second=20)


def measure(asked: Asked) -> str:
    """All figures, as tables."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    with made(asked.folder, asked.made) as url:
        followed = _followed(url, asked)
        with serving_on(asked.folder, url) as serving, closing(serving.client()) as client:
            parts = [_lists(client, asked), _one_and_deep(client, asked), _rehearsals(client, asked), _feed(serving, client, asked)]
            parts.append(_beside(serving, url, asked))
    return "\n\n".join([*parts, followed])


def _followed(url: str, asked: Asked) -> str:
    """How fast the list follows: the newest examinations are taken in once more, in the place of what stands there."""
    engine = open_engine(url)
    count = min(asked.followed, asked.made.orders)
    with transaction(engine) as cursor:
        cursor.execute("UPDATE moving_listed_up_to SET examination = examination - %s", (count,))
    begun = time.perf_counter()
    catch_up(engine)
    orders_a_second = count / (time.perf_counter() - begun)
    engine.dispose()
    return table(("the list follows", "measured"), [(f"{count:,} orders taken in once more", f"{orders_a_second:,.0f} orders/s")])


def _filters(made: Made) -> dict[str, Callable[[random.Random], str]]:
    """What staff ask for."""
    first = datetime.now(UTC) - timedelta(days=729)

    def span(chosen: random.Random, days: int) -> str:
        begin = first + timedelta(days=chosen.randrange(700))
        return f"from={begin:%Y-%m-%dT00:00:00Z}&to={begin + timedelta(days=days):%Y-%m-%dT00:00:00Z}"

    def site(chosen: random.Random) -> str:
        return f"HF-{chosen.randrange(made.sizes.sites):07d}"

    return {
        "nothing": lambda _: "",
        "`state=open`, the oldest first": lambda _: "state=open&sort=oldest",
        "`state=open`, by day of shipment": lambda _: "state=open&sort=ship_on",
        "an outcome": lambda chosen: f"outcome={chosen.choice(['held', 'blocked', 'released', 'not_covered'])}",
        "a reason": lambda chosen: f"reason={chosen.choice(REASONS)}",
        "a wholesaler, a reason, open": lambda chosen: (
            f"wholesaler_id=WD-00{chosen.randint(1, 4)}&reason={chosen.choice(REASONS)}&state=open"
        ),
        "a site": lambda chosen: f"site_id={site(chosen)}",
        "a site, stopped": lambda chosen: f"site_id={site(chosen)}&outcome=held",
        "a lot": lambda chosen: f"lot=L{chosen.randrange(5000)}",
        "a lot, by day of shipment": lambda chosen: f"lot=L{chosen.randrange(5000)}&sort=ship_on",
        "a serial": lambda chosen: f"serial=S{chosen.randrange(1, made.orders)}-{chosen.randint(1, 3)}",
        "a day": lambda chosen: span(chosen, 1),
        "a month": lambda chosen: span(chosen, 30),
        "a month, a reason": lambda chosen: f"{span(chosen, 30)}&reason={chosen.choice(REASONS)}",
        "two years, a program": lambda _: f"from={first:%Y-%m-%dT00:00:00Z}&program=lemtrada",
        "`q`, an order's id": lambda chosen: f"q=SO-{chosen.randrange(1, made.orders):09d}",
        "`q`, the last part of it": lambda chosen: f"q={chosen.randrange(1, made.orders):09d}",
        "`q`, a site": lambda chosen: f"q={site(chosen)}",
        "`q`, words of a name": lambda chosen: quote(f"q=harbor infusion {chosen.randrange(1000, made.sizes.sites + 1000)}", "="),
    }


def _lists(client: Client, asked: Asked) -> str:
    chosen, every, rows = random.Random(7), [], []  # noqa: S311 - the same each time
    for name, query in _filters(asked.made).items():
        if asked.made is QUICK and "words" in name:
            continue
        say(f"first page by {name}")
        times = [client.ask(f"/v1/orders?{query(chosen)}")[0] for _ in range(asked.times)]
        every += times
        rows.append((name, *_told(times), f"{MUST_MS['list']} ms"))
    rows.append(("**all of them**", *_told(every), f"{MUST_MS['list']} ms"))
    return table(("first page of 50, with counts, by", "p50", "p95", "max", "must, p95"), rows)


def _one_and_deep(client: Client, asked: Asked) -> str:
    chosen = random.Random(8)  # noqa: S311
    rows = []
    for name, query in (
        ("nothing", ""),
        ("`state=open`, the oldest first", "state=open&sort=oldest"),
        ("`outcome=released`", "outcome=released"),
    ):
        cursor, times = "", []
        for _ in range(asked.pages):
            took, content = client.ask(f"/v1/orders?{query}{cursor}")
            times.append(took)
            after = json.loads(content)["next"]
            if after is None:
                break
            cursor = f"&cursor={after}"
        rows.append((f"the first 50 by {name}", *_told(times[:50]), ""))
        rows.append((f"the last 50 of {len(times):,}", *_told(times[-50:]), "as the first"))
    judged = [order.order_id for order in orders("judged", asked.made.judged, asked.made.sizes)]
    times = [client.ask(f"/v1/orders/WD-001/{chosen.choice(judged)}")[0] for _ in range(asked.times * 10)]
    rows.append(("one order, with all that was decided", *_told(times), f"{MUST_MS['order']} ms"))
    return table(("pages of 50, and one order", "p50", "p95", "max", "must, p95"), rows)


def _rehearsals(client: Client, asked: Asked) -> str:
    turns = asked.times // 2
    sent = [order.value for order in orders("rehearsed", 500 * turns + asked.times * 5, asked.made.sizes)]
    one = [client.ask("/v1/rehearsals", value)[0] for value in sent[500 * turns :]]
    many = [client.ask("/v1/rehearsals", b"\n".join(sent[500 * turn : 500 * (turn + 1)]))[0] for turn in range(turns)]
    rows = [("one order", *_told(one), f"{MUST_MS['one']} ms"), ("500 orders", *_told(many), f"{MUST_MS['many']} ms")]
    return table(("rehearsals", "p50", "p95", "max", "must, p95"), rows)


def _feed(serving: Serving, client: Client, asked: Asked) -> str:
    wanted = min(100_000, asked.made.records)
    before = serving.peak()
    begun, after = time.perf_counter(), 0
    while after < wanted:
        after = json.loads(client.ask(f"/v1/distribution-records?program=lemtrada&limit=1000&after={after}")[1])["after"]
    rows = [("by pages of 1,000, masked", f"{after / (time.perf_counter() - begun):,.0f} records/s", "20,000/s")]
    for form in ("jsonl", "csv"):
        path = f"/v1/exports/distribution-records?program=lemtrada&format={form}&after={asked.made.records - wanted}"
        took, content = client.ask(path)
        a_second = len(content.splitlines()) / took * 1000
        rows.append((f"as one export, {form}, masked", f"{a_second:,.0f} records/s", ""))
    rows.append(("the program's peak of memory, before and after", f"{before} MB, {serving.peak()} MB", ""))
    return table((f"reading {wanted:,} records", "measured", "must"), rows)


def _judged(url: str, asked: Asked, seconds: float) -> list[float]:
    """The gate's own transaction in a program of its own, at an even pace, without a broker: milliseconds an order from when it was due."""
    command = (sys.executable, "-W", "ignore", "-m", "tests.bench.judging", url, str(asked.orders_a_second), str(seconds))
    told = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, check=True)
    times: list[float] = json.loads(told.stdout)
    return times


def _beside(serving: Serving, url: str, asked: Asked) -> str:
    """Each alone, then both at once, in rounds; of each figure the median of the rounds."""
    rounds = []
    for number in range(1, asked.rounds + 1):
        say(f"requests, the gate, and both: {number} of {asked.rounds}")
        alone, judged_alone = _paced(serving, asked), _judged(url, asked, asked.beside_s)
        with ThreadPoolExecutor(1) as other:
            judging = other.submit(_judged, url, asked, asked.beside_s + 4)
            pause.wait(3)
            together = _paced(serving, asked)
            rounds.append((alone, together, judged_alone, judging.result()))
    rows = []
    for name, before, after in ((f"{asked.a_second} requests/s", 0, 1), (f"{asked.orders_a_second} orders/s, due to committed", 2, 3)):
        cells = [
            " / ".join(f"{median(_part(each[place], part) for each in rounds):.1f}" for part in (0.5, 0.95)) + " ms"
            for place in (before, after)
        ]
        ratios = sorted(_part(each[after], 0.95) / _part(each[before], 0.95) for each in rounds)
        rows.append((name, *cells, f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", "2"))
    return table(("p50 / p95", "alone", "beside the other", "ratio of p95", "must"), rows)


def _paced(serving: Serving, asked: Asked) -> list[float]:
    """What staff ask, evenly, by eight callers: first pages, one order, a rehearsal now and then."""
    sizes = Sizes(*asked.made.sizes)
    judged = [order.order_id for order in orders("judged", asked.made.judged, sizes)]
    sent = [order.value for order in orders("paced", 50, sizes)]
    filters = [query for name, query in _filters(asked.made).items() if "words" not in name]
    count, callers = asked.a_second * asked.beside_s, 8
    times: list[float] = []
    begun = time.perf_counter() + 0.2

    def call(number: int) -> None:
        chosen = random.Random(number)  # noqa: S311
        with closing(serving.client()) as client:
            for turn in range(number, count, callers):
                due = begun + turn / asked.a_second
                pause.wait(max(0.0, due - time.perf_counter()))
                kind = turn % 10
                if kind < 6:
                    client.ask(f"/v1/orders?{chosen.choice(filters)(chosen)}")
                elif kind < 9:
                    client.ask(f"/v1/orders/WD-001/{chosen.choice(judged)}")
                else:
                    client.ask("/v1/rehearsals", chosen.choice(sent))
                times.append((time.perf_counter() - due) * 1000)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def _part(times: list[Any], part: float) -> float:
    ordered = sorted(times)
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * part))])


def _told(times: list[float]) -> tuple[str, str, str]:
    return f"{_part(times, 0.5):.1f} ms", f"{_part(times, 0.95):.1f} ms", f"{max(times):.1f} ms"
