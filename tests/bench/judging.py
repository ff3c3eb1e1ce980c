"""The gate's own transaction at an even pace, without a broker: what an order waits from when it is due until it is committed."""

import json
import sys
import time
from threading import Event
from uuid import uuid4

import click

from gatekeeper.arrivals import Position, Source, read_arrival
from gatekeeper.gate import judge
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import open_engine, transaction
from tests.bench.world import Sizes, orders


def run(url: str, a_second: int, seconds: float) -> list[float]:
    """Milliseconds of each order. What is due by then is one batch."""
    engine = open_engine(url, plans="force_generic_plan")
    book, named = RuleBook.read(), str(uuid4())
    with transaction(engine) as cursor:
        source = Source(ledger.source_of(cursor, "shipment-orders", named), "shipment-orders", named)
        [(sites,)] = cursor.execute("SELECT count(*) FROM fact WHERE kind = 'site'").fetchall()
    sizes = Sizes() if sites > 10_000 else Sizes(500, 500, 200, 50)
    sent = [order.value for order in orders(named, int(a_second * seconds), sizes)]
    times: list[float] = []
    pause = Event()
    begun = time.perf_counter()
    while len(times) < len(sent):
        due = min(len(sent), int((time.perf_counter() - begun) * a_second) + 1)
        if due == len(times):
            pause.wait(1 / a_second)
            continue
        with transaction(engine) as cursor:
            rules = book.at(ledger.now(cursor))
            judge(cursor, source, [read_arrival(Position(0, at), sent[at], rules.programs) for at in range(len(times), due)], rules)
        now = time.perf_counter()
        times += [(now - begun - at / a_second) * 1000 for at in range(len(times), due)]
    return times[a_second * 2 :] or times


if __name__ == "__main__":
    click.echo(json.dumps(run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
