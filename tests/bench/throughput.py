"""Orders a second, end to end: the topic is filled first, then the workers start; measured is from warm to done."""

import math
from statistics import median
from typing import NamedTuple

from tests.bench.pipelines import BARE, BARE_DATABASE, GATE, GATE_TWICE, QUIX_STREAMS, Pipeline
from tests.bench.place import Place, Watched, outputs, say
from tests.bench.tables import table
from tests.bench.world import COVERED, orders
from tests.real.waiting import wait_until

COMPARED = (BARE, GATE, GATE_TWICE, QUIX_STREAMS, BARE_DATABASE)


class Load(NamedTuple):
    """How much is sent in one round of one pipeline; what comes first warms it up."""

    rounds: int = 3
    warm: int = 8_000
    measured: int = 64_000
    """So many that it matters little that the workers do not end at once."""
    more: int = 3
    """How many times as much those without rules are given: they are done so fast that less is hard to time."""
    history: int = 333_500


QUICK = Load(rounds=1, warm=200, measured=600, history=500)


def measure(place: Place, load: Load, compared: tuple[Pipeline, ...] = COMPARED) -> str:
    """The table, from interleaved rounds."""
    found: dict[Pipeline, list[float]] = {pipeline: [] for pipeline in compared}
    for turn in range(load.rounds):
        for pipeline in compared:
            measured = load.measured * (1 if pipeline.kind == "gate" else load.more)
            rate = one_round(place, pipeline, f"{pipeline.name}-{turn}", load.warm, measured)
            found[pipeline].append(rate)
            say(f"round {turn + 1}, {pipeline.name}: {rate:,.0f} orders/s")
    return _table(found)


def make_history(place: Place, count: int) -> None:
    """Lets the gate judge that many orders, so that what is measured is not an empty ledger."""
    say(f"a history of {count} orders, made by the gate itself")
    rate = one_round(place, GATE, "history", min(1000, count // 2), count - min(1000, count // 2))
    say(f"history made at {rate:,.0f} orders/s")


def one_round(place: Place, pipeline: Pipeline, named: str, warm: int, measured: int, *, covered: float = COVERED) -> float:
    """Orders a second of one pipeline; raises where what it published is not what it must be."""
    prefix = f"{named}."
    sent = list(orders(named, warm + measured, place.sizes, covered=covered))
    place.make_topics(prefix)
    place.send(prefix, sent)
    watched = Watched(place, prefix, pipeline.group(prefix))
    with pipeline.running(place, prefix) as workers:
        if pipeline.workers > 1:
            members = watched.members(place, pipeline.group(prefix))
            wait_until(lambda: members() == pipeline.workers, 60, "every worker has partitions")
        begun, before = watched.until(warm, workers[0], f"{named} gets warm")
        ended, after = watched.until(len(sent), workers[0], f"{named} ends")
    watched.close()
    found, expected = outputs(place, prefix), pipeline.expected(sent)
    if found != expected:
        raise RuntimeError(f"{named} published {found}, not {expected}: nothing was measured")
    place.drop_topics(prefix)
    # Few orders are done before they can be watched: then nothing was measured.
    return (after - before) / (ended - begun) if after > before else math.nan


def _table(found: dict[Pipeline, list[float]]) -> str:
    known = {pipeline: [rate for rate in rates if not math.isnan(rate)] or [math.nan] for pipeline, rates in found.items()}
    rows = [(pipeline.about, *(f"{rate:,.0f}" for rate in (min(rates), median(rates), max(rates)))) for pipeline, rates in known.items()]
    shown = table(("pipeline", "min", "median", "max"), rows)
    ratios = []
    for gate in (GATE, GATE_TWICE):
        for other, least, wanted in ((QUIX_STREAMS, "0.5", "1.25"), (BARE, "0.12", "0.35")):
            if gate in found and other in found:
                pairs = zip(found[gate], found[other], strict=True)
                each = [mine / theirs for mine, theirs in pairs if not math.isnan(mine / theirs)] or [math.nan]
                of_medians = median(known[gate]) / median(known[other])
                ratios.append((f"{gate.name} / {other.name}", f"{of_medians:.2f}", f"{min(each):.2f} to {max(each):.2f}", least, wanted))
    return shown + "\n\n" + table(("ratio", "of the medians", "by round", "must", "wanted"), ratios)
