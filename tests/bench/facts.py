"""Registry facts a second by topic, exactly once: the topic is filled first, then the consumer starts; measured is from warm to done."""

import math
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from statistics import median
from typing import NamedTuple

import click

from gatekeeper.storage.engine import open_engine, transaction
from tests.bench.place import GATEKEEPER, REPEATED, RUBBISH, Place, Watched, outputs, say, send_spoiled
from tests.bench.tables import table
from tests.bench.world import AUTHORIZATION, PATIENT, PRESCRIBER, SITE, Sizes, suspended

FACTS = "registry-facts"
KINDS = """
SELECT a.kind, count(*) FROM arrival a JOIN source s ON s.id = a.source WHERE s.topic = %s AND a.block > %s GROUP BY 1
"""


class Load(NamedTuple):
    """How much is told in a round; what comes first warms it up."""

    rounds: int = 3
    warm: int = 10_000
    measured: int = 90_000


QUICK = Load(rounds=1, warm=200, measured=2_000)


def measure(place: Place, load: Load) -> str:
    """The table."""
    rows = []
    for workers in (1, 2):
        rates = []
        for turn in range(load.rounds):
            rates.append(one_round(place, f"facts-{workers}-{turn}", load, workers))
            say(f"round {turn + 1}, {workers} of gatekeeper consume facts: {rates[-1]:,.0f} facts/s")
        known = [rate for rate in rates if not math.isnan(rate)] or [math.nan]
        rows.append((f"{workers}", f"{min(known):,.0f}", f"{median(known):,.0f}", f"{max(known):,.0f}", "5,000"))
    return table(("consumers of facts", "min", "median", "max", "must"), rows)


def one_round(place: Place, named: str, load: Load, workers: int) -> float:
    """Facts a second; raises unless each was learned once and each that cannot be read was refused once."""
    prefix = f"{named}."
    engine = open_engine(place.url)
    with transaction(engine) as cursor:
        after, block = cursor.execute(
            "SELECT (SELECT max(upper(received)) FROM moving_sequence), (SELECT block FROM moving_tail)"
        ).fetchone() or (1, 0)
    told = list(facts(place.sizes, int(after), load.warm + load.measured))
    place.make_topics(prefix)
    sent = send_spoiled(place, prefix + FACTS, told)
    group = f"{prefix}gatekeeper.facts"
    watched = Watched(place, prefix, group, FACTS)
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                place.running([*GATEKEEPER, "consume", "facts", "--instance", f"{number}"], f"{named}{number}", place.environment(prefix))
            )
            for number in range(workers)
        ]
        begun, before = watched.until(load.warm, running[0], f"{named} gets warm")
        ended, done = watched.until(sent, running[0], f"{named} ends")
    watched.close()
    with transaction(engine) as cursor:
        found = dict(cursor.execute(KINDS, (FACTS, block)).fetchall())
    engine.dispose()
    expected = {"fact": len(told), "repeat": len(told) // REPEATED, "refused": len(told) // RUBBISH}
    refused = outputs(place, prefix)["refused-messages"]
    if found != expected or refused != expected["refused"]:
        raise click.ClickException(f"{named} learned {found} and refused {refused}, not {expected}: nothing was measured")
    place.drop_topics(prefix)
    return (done - before) / (ended - begun) if done > before else math.nan


def facts(sizes: Sizes, first: int, most: int) -> Iterator[bytes]:
    """What the registry says already, said again by newer facts of all kinds, numbered on from ``first``."""
    for turn, sequence in zip(range(most), count(first), strict=False):
        number = turn * 7919 % min(sizes.sites, sizes.authorizations)
        patient, prescriber = number % sizes.patients, number % sizes.prescribers
        match turn % 4:
            case 0:
                status = "suspended" if suspended(number) else "certified"
                yield (SITE % (sequence, number, status, number, number, number)).encode()
            case 1:
                yield (PATIENT % (sequence, patient)).encode()
            case 2:
                yield (PRESCRIBER % (sequence, prescriber)).encode()
            case _:
                yield (AUTHORIZATION % (sequence, number, patient, prescriber, number)).encode()
