"""A site with many released lines is suspended, and certified again: how long until all is published, and what live orders feel.

Each of the lines has an authorization of its own, as patients have. The waves and the quiet between them are of one run.
"""

import time
from typing import NamedTuple

from confluent_kafka import Producer

from gatekeeper.storage.engine import open_engine, transaction
from tests.bench.live import Answered, Live, at_work, ledger_of_its_own, shares
from tests.bench.place import OUTPUTS, Place, say
from tests.bench.suspension import FACTS, last_sequence, suspension
from tests.bench.tables import table
from tests.bench.world import AUTHORIZATION, Sizes, one_line, orders
from tests.real.broker import SILENT
from tests.real.waiting import wait_until

SITE_NUMBER = 1
AT_SITE = "at-site-"
READY_S = 120


class Load(NamedTuple):
    """How many lines the site has, how often it changes, and the live orders beside it."""

    sizes: Sizes = Sizes(20_000, 20_000, 5_000, 500)
    lines: int = 5_000
    turns: int = 3
    a_second: int = 300
    quiet_s: float = 15


QUICK = Load(Sizes(300, 300, 100, 50), lines=60, turns=1, a_second=50, quiet_s=2)


def measure(place: Place, load: Load) -> str:
    """The table."""
    prefix = "wave."
    with ledger_of_its_own(place, load.sizes) as own, at_work(own, prefix, 1):
        sequence = _authorize(own, prefix, load)
        own.send(prefix, (one_line(f"{AT_SITE}{number}", SITE_NUMBER, load.sizes, f"AU-WAVE-{number}") for number in range(load.lines)))
        with Live(own, prefix, orders("wave", 10**9, load.sizes), load.a_second) as live:
            spans: dict[str, list[tuple[float, float]]] = {"nothing": [], "suspended": [], "certified again": []}
            wait_until(lambda: _published(live.answers, OUTPUTS[0]) >= load.lines, READY_S, "the site's lines are released")
            for _ in range(load.turns):
                for said, status, topic in (("suspended", "suspended", OUTPUTS[1]), ("certified again", "certified", OUTPUTS[0])):
                    begun = time.time()
                    time.sleep(load.quiet_s)
                    spans["nothing"].append((begun, time.time()))
                    sequence += 1
                    begun, after = time.time(), len(live.answers)
                    live.tell(FACTS, suspension(sequence, SITE_NUMBER, status))
                    wait_until(lambda topic=topic, after=after: _published(live.answers[after:], topic) >= load.lines, READY_S, said)  # type: ignore[misc]
                    spans[said].append((begun, time.time()))
                    say(f"{said}: {spans[said][-1][1] - begun:.1f} s")
            live.stop()
        rows = []
        for said, each in spans.items():
            taken = [ended - begun for begun, ended in each]
            p50, p99, worst = shares([one for span in each for one in live.times(*span)])
            shown = f"{min(taken):.1f} to {max(taken):.1f} s" if said != "nothing" else ""
            rows.append((said, shown, f"{p50:.1f}", f"{p99:.1f}", f"{worst:.1f}"))
    return table((f"a site with {load.lines:,} lines", "until all are published", "live orders, ms: p50", "p99", "max"), rows)


def _authorize(place: Place, prefix: str, load: Load) -> int:
    """Tells an authorization for each line by topic, and waits until they are known; the last sequence."""
    first, site = last_sequence(place), SITE_NUMBER
    producer = Producer({"bootstrap.servers": place.bootstrap, "queue.buffering.max.messages": 100_000}, logger=SILENT)
    for number in range(load.lines):
        fact = AUTHORIZATION % (first + 1 + number, site, site % load.sizes.patients, site % load.sizes.prescribers, site)
        producer.produce(prefix + FACTS, fact.replace(f'"AU-{site:07d}"', f'"AU-WAVE-{number}"').strip().encode())
    producer.flush()
    engine = open_engine(place.url)

    def learned() -> bool:
        with transaction(engine) as cursor:
            return bool(cursor.execute("SELECT count(*) FROM fact WHERE sequence > %s", (first,)).fetchone() == (load.lines,))

    wait_until(learned, READY_S, "the authorizations are known")
    engine.dispose()
    return first + load.lines


def _published(answers: list[Answered], topic: str) -> int:
    """How many answers of a topic are about the site's own orders."""
    return sum(answer.topic == topic and answer.order_id.startswith(AT_SITE) for answer in answers)
