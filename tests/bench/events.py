"""Shipment events a second: with the database, as a consumer takes them in batches; and by topic, exactly once, by the command itself."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

import click
import msgspec

from gatekeeper.arrivals import Position, Source, read_arrival
from gatekeeper.gate import judge
from gatekeeper.goods.events import read_event_arrival, take_events
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import open_engine, transaction
from tests.bench.place import GATEKEEPER, REPEATED, RUBBISH, Place, Watched, outputs, say, send_spoiled
from tests.bench.tables import table
from tests.bench.world import TODAY, Sizes, one_line, suspended

EVENTS = "shipment-events"
BATCH = 2000
KINDS = """
SELECT a.kind, count(*) FROM arrival a JOIN source s ON s.id = a.source WHERE s.topic_id = %s GROUP BY 1
"""
AS_RELEASED, MIXED = "as released", "one in ten short, one in fifty another lot, one in fifty returned"


class Load(NamedTuple):
    """How many orders are released for each measurement; each has one event, or two where it comes back."""

    orders: int = 20_000
    warm: int = 2_000


QUICK = Load(orders=600, warm=100)


def measure(place: Place, load: Load) -> str:
    """The table."""
    rows = []
    for what in (AS_RELEASED, MIXED):
        rate = with_the_database(place, load.orders, what)
        say(f"events with the database, {what}: {rate:,.0f}/s")
        rows.append((f"with the database, in batches of {BATCH:,}: {what}", f"{rate:,.0f}", "5,000" if what == AS_RELEASED else ""))
    for workers in (1, 2):
        rate = by_topic(place, load, workers)
        say(f"events by topic, {workers} of gatekeeper consume events: {rate:,.0f}/s")
        rows.append((f"by topic, exactly once, {workers} of `gatekeeper consume events`: {MIXED}", f"{rate:,.0f}", ""))
    return table(("events a second", "median", "must"), rows)


def with_the_database(place: Place, count: int, what: str) -> float:
    """Read and taken as a consumer takes them; the median of the batches."""
    engine, book = open_engine(place.url), RuleBook.read()
    named = f"E{time.time_ns() // 1000 % 100_000_000}"
    told = list(events(_released(place, named, count), what))
    with transaction(engine) as cursor:
        source = Source(ledger.source_of(cursor, EVENTS, named), EVENTS, named)
    rates = []
    for first in range(0, len(told), BATCH):
        raws = told[first : first + BATCH]
        begun = time.perf_counter()
        arrivals = [read_event_arrival(Position(0, first + place), raw) for place, raw in enumerate(raws)]
        with transaction(engine) as cursor:
            answers = take_events(cursor, source, arrivals, book)
        rates.append(len(raws) / (time.perf_counter() - begun))
        if {answer.kind for answer in answers} != {"event"}:
            raise click.ClickException("an event did not count: nothing was measured")
    engine.dispose()
    return median(rates)


def by_topic(place: Place, load: Load, workers: int) -> float:
    """The topic is filled first, then the consumers start; measured is from warm to done. Raises unless each was taken exactly once."""
    named = f"T{time.time_ns() // 1000 % 100_000_000}"
    prefix = f"{named}."
    told = list(events(_released(place, named, load.orders + load.warm), MIXED))
    place.make_topics(prefix)
    sent = send_spoiled(place, prefix + EVENTS, told)
    watched = Watched(place, prefix, f"{prefix}gatekeeper.events", EVENTS)
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                place.running([*GATEKEEPER, "consume", "events", "--instance", f"{number}"], f"{named}{number}", place.environment(prefix))
            )
            for number in range(workers)
        ]
        begun, before = watched.until(load.warm, running[0], f"{named} gets warm")
        ended, done = watched.until(sent, running[0], f"{named} ends")
    watched.close()
    engine = open_engine(place.url)
    with transaction(engine) as cursor:
        [(topic_id,)] = cursor.execute("SELECT topic_id FROM source WHERE topic = %s ORDER BY id DESC LIMIT 1", (EVENTS,)).fetchall()
        found = dict(cursor.execute(KINDS, (topic_id,)).fetchall())
    engine.dispose()
    expected = {"event": len(told), "repeat": len(told) // REPEATED} | ({"refused": len(told) // RUBBISH} if len(told) >= RUBBISH else {})
    refused = outputs(place, prefix)["refused-messages"]
    if found != expected or refused != expected.get("refused", 0):
        raise click.ClickException(f"{named} took {found} and refused {refused}, not {expected}: nothing was measured")
    place.drop_topics(prefix)
    return (done - before) / (ended - begun) if done > before else math.nan


def events(orders: Iterator[str], what: str) -> Iterator[bytes]:
    """What became of each order."""
    for number, order in enumerate(orders):
        line = '"quantity":5' if what == AS_RELEASED else _line(number)
        yield _event(f"{order}-1", order, "shipped", line)
        if what == MIXED and number % 50 == 2:
            yield _event(f"{order}-2", order, "returned", '"quantity":1')


def _line(number: int) -> str:
    if number % 10 == 0:
        return '"quantity":3'
    return '"quantity":5,"lot":"A9"' if number % 50 == 1 else '"quantity":5'


def _event(name: str, order: str, kind: str, line: str) -> bytes:
    return (
        f'{{"event_id":"{name}","wholesaler_id":"WD-001","order_id":"{order}","revision":1,"event":"{kind}",'
        f'"at":"{TODAY}T11:00:00-05:00","lines":[{{"line":1,{line}}}]}}'
    ).encode()


def _released(place: Place, named: str, count: int) -> Iterator[str]:
    """Orders of one covered line that the gate has released, by its own code."""
    engine, book, first = open_engine(place.url), RuleBook.read(), 0
    with transaction(engine) as cursor:
        source = Source(ledger.source_of(cursor, "shipment-orders", f"{named}-orders"), "shipment-orders", f"{named}-orders")
    most = min(place.sizes.sites, place.sizes.authorizations)
    sites = [site for site in range(most) if not suspended(site)]
    sent = [_order(f"{named}-{number}", sites[number % len(sites)], place.sizes) for number in range(count)]
    while first < count:
        with transaction(engine) as cursor:
            rules = book.at(ledger.now(cursor))
            part = sent[first : first + BATCH]
            arrivals = [read_arrival(Position(0, first + number), each, rules.programs) for number, each in enumerate(part)]
            answers = judge(cursor, source, arrivals, rules)
        if not all(answer.examinations[0].released for answer in answers):
            raise click.ClickException("an order was not released: nothing was measured")
        first += BATCH
    engine.dispose()
    return (f"{named}-{number}" for number in range(count))


def _order(order_id: str, site: int, sizes: Sizes) -> bytes:
    """Five vials, each with a serial."""
    order = msgspec.json.decode(one_line(order_id, site, sizes).value)
    order["lines"][0] |= {"quantity": 5, "serials": [f"{order_id[-16:]}v{vial}" for vial in range(5)]}
    return msgspec.json.encode(order)
