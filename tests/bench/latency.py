"""How long an order takes from its publication to its verdict at a reader of committed messages, at 300 orders/s."""

import threading
import time
from statistics import median, quantiles
from typing import NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.bench.pipelines import BARE, BARE_DATABASE, GATE, Pipeline
from tests.bench.place import ORDERS, OUTPUTS, PARTITIONS, Place, Watched, say
from tests.bench.tables import table
from tests.bench.world import Sent, orders
from tests.real.broker import SILENT

COMPARED = (BARE, GATE, BARE_DATABASE)
Times = tuple[float, float, float]


class Pace(NamedTuple):
    """How fast, how long and how often; what comes first warms it up."""

    rounds: int = 3
    a_second: int = 300
    warm_s: int = 5
    measured_s: int = 20


QUICK = Pace(rounds=1, a_second=100, warm_s=1, measured_s=2)


def measure(place: Place, pace: Pace, compared: tuple[Pipeline, ...] = COMPARED) -> str:
    """The table, from interleaved rounds: the median of the rounds, and from the least to the most."""
    found: dict[Pipeline, list[Times]] = {pipeline: [] for pipeline in compared}
    for turn in range(pace.rounds):
        for pipeline in compared:
            times = one_round(place, pipeline, f"latency-{pipeline.name}-{turn}", pace)
            found[pipeline].append(times)
            say(f"round {turn + 1}, {pipeline.name}: p50 {times[0]:.1f} ms, p95 {times[1]:.1f} ms, p99 {times[2]:.1f} ms")
    rows = [
        (pipeline.about, *(f"{median(each):.1f} ({min(each):.1f} to {max(each):.1f})" for each in zip(*times, strict=True)))
        for pipeline, times in found.items()
    ]
    ratios = [median([mine[at] for mine in found[GATE]]) / median([other[at] for other in found[BARE_DATABASE]]) for at in range(3)]
    rows.append(("**ratio** gate / rows (must 2, wanted 1.3)", *(f"{ratio:.2f}" for ratio in ratios)))
    return table(("pipeline, ms", "p50", "p95", "p99"), rows)


def one_round(place: Place, pipeline: Pipeline, named: str, pace: Pace) -> Times:
    """p50, p95 and p99 in milliseconds; raises where an order was not answered."""
    prefix = f"{named}."
    sent = list(orders(named, pace.a_second * (pace.warm_s + pace.measured_s), place.sizes))
    place.make_topics(prefix)
    reader = _Reader(place, prefix, len(sent))
    watched = Watched(place, prefix, pipeline.group(prefix))
    with pipeline.running(place, prefix) as workers:
        place.send(prefix, orders(f"{named}-first", 1, place.sizes))
        watched.until(1, workers[0], f"{named} starts")
        reader.start()
        at = _send_in_time(place, prefix, sent, pace.a_second)
        reader.join(60)
    watched.close()
    place.drop_topics(prefix)
    missing = at.keys() - reader.seen.keys()
    if missing:
        raise RuntimeError(f"{named}: {len(missing)} orders were not answered")
    measured = [order.order_id for order in sent[pace.a_second * pace.warm_s :]]
    cuts = quantiles([(reader.seen[order_id] - at[order_id]) * 1000 for order_id in measured], n=100)
    return cuts[49], cuts[94], cuts[98]


def _send_in_time(place: Place, prefix: str, sent: list[Sent], a_second: int) -> dict[str, float]:
    """Publishes at an even pace; the instant of each order."""
    producer = Producer({"bootstrap.servers": place.bootstrap, "linger.ms": 0, "socket.nagle.disable": True}, logger=SILENT)
    begun, at = time.monotonic(), {}
    for number, order in enumerate(sent):
        while (left := begun + number / a_second - time.monotonic()) > 0:
            producer.poll(left)
        at[order.order_id] = time.monotonic()
        producer.produce(prefix + ORDERS, order.value, order.order_id)
    producer.flush()
    return at


class _Reader(threading.Thread):
    """Reads committed answers, and notes when the first one of each order came."""

    def __init__(self, place: Place, prefix: str, count: int) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, float] = {}
        self._count = count + 1
        self._consumer = Consumer(
            {"bootstrap.servers": place.bootstrap, "group.id": "latency", "isolation.level": "read_committed", "enable.auto.commit": False,
             "socket.nagle.disable": True},
            logger=SILENT,
        )  # fmt: skip
        self._consumer.assign([TopicPartition(prefix + topic, partition, 0) for topic in OUTPUTS[:2] for partition in range(PARTITIONS)])

    def run(self) -> None:
        while len(self.seen) < self._count:
            for message in self._consumer.consume(500, 0.001) or self._consumer.consume(1, 1):
                if not message.error():
                    self.seen.setdefault(bytes(message.key()).decode(), time.monotonic())
        self._consumer.close()
