"""What callers of the API wait for, over HTTP on one connection each, on a ledger of ten million order lines (``desk_maker``)."""

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm

from tests.bench.desk_maker import KEPT, QUICK, REASONS, Made, made
from tests.bench.place import GATEKEEPER, say
from tests.bench.tables import table
from tests.bench.world import Sizes, orders
from tests.real.broker import ROOT
from tests.real.ports import free_ports
from tests.real.waiting import wait_until

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
    beside_s: int = 20
    a_second: int = 50
    orders_a_second: int = 300


def quick(folder: Path) -> Asked:
    return Asked(QUICK, folder, 2, 3, 1, 10, 20)


class Client:
    """One caller with one connection."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def close(self) -> None:
        self._connection.close()

    def ask(self, path: str, body: bytes | None = None, kind: str = "application/x-ndjson") -> tuple[float, bytes]:
        """Milliseconds, and what was answered. Raises where it was not answered well, but for what is said to be too much."""
        headers = self._headers if body is None else self._headers | {"Content-Type": kind}
        begun = time.perf_counter()
        self._connection.request("GET" if body is None else "POST", path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        took = (time.perf_counter() - begun) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {content[:300]!r}")
        return took, content


def measure(asked: Asked) -> str:
    """All figures, as tables."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    with made(asked.folder, asked.made) as url, _serving(asked.folder, url) as serving, closing(serving.client()) as client:
        parts = [_lists(client, asked), _one_and_deep(client, asked), _rehearsals(client, asked), _feed(client, asked)]
        with _gate(url, asked) as gate:
            parts.append(_beside(serving, gate, asked))
    return "\n\n".join(parts)


class _Serving(NamedTuple):
    port: int
    token: str

    def client(self) -> Client:
        return Client(self.port, self.token)


@contextmanager
def _serving(folder: Path, url: str) -> Iterator[_Serving]:
    """`gatekeeper serve` in a program of its own."""
    key = ed25519.Ed25519PrivateKey.generate()
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"keys": [OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "1"}]}))
    claims = {"iss": "id", "aud": "gate", "sub": "bench", "name": "Bench", "exp": datetime.now(UTC) + timedelta(hours=2)}
    claims |= {"roles": ["lead"], "wholesalers": ["*"], "programs": ["*"]}
    token = jwt.encode(claims, key, "EdDSA", headers={"kid": "1"})
    (port,) = free_ports(1)
    own = {"DATABASE_URL": url, "HTTP_PORT": str(port), "HTTP_RATE": "100000", "JWKS": str(keys), "ISSUER": "id", "AUDIENCE": "gate"}
    environment = os.environ | {f"GATEKEEPER_{name}": value for name, value in own.items()}
    with (folder / "serve.log").open("ab") as log:
        server = subprocess.Popen([*GATEKEEPER, "serve"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    serving = _Serving(port, token)

    def ready() -> bool:
        try:
            with closing(serving.client()) as client:
                return bool(client.ask("/health/ready"))
        except (OSError, RuntimeError):
            return False

    try:
        wait_until(ready, 60, "the API is served")
        yield serving
    finally:
        server.terminate()
        server.wait(30)


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
    sent = [order.value for order in orders("rehearsed", 500 * 5 + asked.times * 5, asked.made.sizes)]
    one = [client.ask("/v1/rehearsals", value)[0] for value in sent[2500:]]
    many = [client.ask("/v1/rehearsals", b"\n".join(sent[500 * turn : 500 * (turn + 1)]))[0] for turn in range(5)]
    rows = [("one order", *_told(one), f"{MUST_MS['one']} ms"), ("500 orders", *_told(many), f"{MUST_MS['many']} ms")]
    return table(("rehearsals", "p50", "p95", "max", "must, p95"), rows)


def _feed(client: Client, asked: Asked) -> str:
    wanted = min(100_000, asked.made.records)
    begun, after = time.perf_counter(), 0
    while after < wanted:
        after = json.loads(client.ask(f"/v1/distribution-records?program=lemtrada&limit=1000&after={after}")[1])["after"]
    pages = after / (time.perf_counter() - begun)
    begun = time.perf_counter()
    content = client.ask(f"/v1/exports/distribution-records?program=lemtrada&format=jsonl&after={asked.made.records - wanted}")[1]
    export = content.count(b"\n") / (time.perf_counter() - begun)
    rows = [("by pages of 1,000, masked", f"{pages:,.0f} records/s", "20,000/s"), ("as one export, masked", f"{export:,.0f} records/s", "")]
    return table((f"reading {wanted:,} records", "measured", "must"), rows)


@contextmanager
def _gate(url: str, asked: Asked) -> Iterator[Callable[[float], list[float]]]:
    """The gate's own transaction in a program of its own, at an even pace, without a broker: milliseconds an order from when it was due."""

    def judged(seconds: float) -> list[float]:
        command = (sys.executable, "-W", "ignore", "-m", "tests.bench.judging", url, str(asked.orders_a_second), str(seconds))
        told = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, check=True)
        times: list[float] = json.loads(told.stdout)
        return times

    with ExitStack():
        yield judged


def _beside(serving: _Serving, gate: Callable[[float], list[float]], asked: Asked) -> str:
    """Each alone, then both at once."""
    say("requests alone")
    alone = _paced(serving, asked)
    say("the gate alone")
    judged_alone = gate(asked.beside_s)
    say("both")
    judged: list[float] = []
    worker = threading.Thread(target=lambda: judged.extend(gate(asked.beside_s + 4)))
    worker.start()
    pause.wait(3)
    together = _paced(serving, asked)
    worker.join()
    rows = []
    for name, before, after in (
        (f"{asked.a_second} requests/s", alone, together),
        (f"{asked.orders_a_second} orders/s, due to committed", judged_alone, judged),
    ):
        cells = [f"{_part(each, 0.5):.1f} / {_part(each, 0.95):.1f} ms" for each in (before, after)]
        rows.append((name, *cells, f"{_part(after, 0.95) / _part(before, 0.95):.2f}", "2"))
    return table(("p50 / p95", "alone", "beside the other", "ratio of p95", "must"), rows)


def _paced(serving: _Serving, asked: Asked) -> list[float]:
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
