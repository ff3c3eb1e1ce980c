"""From a suspension to the first thing that is stopped for it, at a reader of committed messages, and that nothing leaves after it.

Three consumers of orders, one of facts and the relay are at work. Sites with released lines that are watched are suspended one after
another, while orders go on, one in ten of them to those sites.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from random import Random
from statistics import median
from typing import Any, NamedTuple

import msgspec

from gatekeeper.storage.engine import open_engine, transaction
from schemas.released import Released
from schemas.stopped import Stopped
from tests.bench.live import Answered, Live, at_work, ledger_of_its_own, shares
from tests.bench.place import OUTPUTS, Place, say
from tests.bench.tables import table
from tests.bench.world import LONG_AGO, SITE, TODAY, Sent, Sizes, one_line, orders, suspended
from tests.real.waiting import wait_until

FACTS = "registry-facts"
READY_S = 60
BATCHES = """
SELECT f.subject, f.effective_on, extract(epoch FROM b.at)::float8, b.number, r.version
FROM fact f JOIN registry_batch r ON r.id = f.load JOIN block b ON b.number = r.block WHERE f.kind = 'site' AND f.sequence > %s
"""
JUDGED = "SELECT block, released, stopped FROM examination WHERE order_id = ANY(%s) AND block > %s"
_released, _stopped = msgspec.json.Decoder(Released), msgspec.json.Decoder(Stopped)


class Load(NamedTuple):
    """How many sites are suspended, each with so many released lines, and the live orders beside it."""

    sizes: Sizes = Sizes(20_000, 20_000, 5_000, 500)
    sites: int = 25
    lines: int = 4
    a_second: int = 300
    warm_s: float = 10
    between_s: float = 1.5


QUICK = Load(Sizes(300, 300, 100, 50), sites=3, lines=2, a_second=60, warm_s=1, between_s=1)


class Suspended(NamedTuple):
    """A site's suspension as the ledger has it."""

    at: float
    """The instant that was read under the ledger lock, shortly before the commit."""
    block: int
    version: int


def measure(place: Place, load: Load) -> str:
    """The table; raises where something left after a suspension."""
    sites = [number for number in range(load.sizes.sites) if not suspended(number)][: load.sites]
    prefix, random = "suspension.", Random("suspension")  # noqa: S311 - the same every time
    sent_to: dict[str, str] = {}
    with (
        ledger_of_its_own(place, load.sizes) as own,
        at_work(own, prefix, 3),
        Live(own, prefix, _orders(load, sites, random, sent_to), load.a_second) as live,
    ):
        wait_until(lambda: live.seen, READY_S, "the first answer")
        time.sleep(load.warm_s)
        begun, told = time.time(), {}
        first = last_sequence(own)
        for sequence, site in enumerate(sites, first + 1):
            name, told[f"HF-{site:07d}"] = f"HF-{site:07d}", time.time()
            live.tell(FACTS, suspension(sequence, site), name)
            time.sleep(load.between_s)
        ended = time.time()
        live.stop()
        known = _suspended(own, first)
        if known.keys() != told.keys():
            raise RuntimeError("not every suspension was learned")
        ours = defaultdict(list)
        for order_id, name in sent_to.items():
            ours[name].append(order_id)
        wait_until(lambda: not _out(live.answers, known), READY_S, "everything that was released to these sites is withdrawn")
        later = _judged_later(own, known, ours)
        _nothing_left(live.answers, known)
        found = _found(live.answers, known, told)
        p50, p99, worst = shares(live.times(begun, ended))
    say(f"live orders meanwhile: p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {worst:.0f} ms")
    rows = [(name, f"{median(times):.0f} ms", f"{max(times):.0f} ms", "1 s") for name, times in found.items()]
    proved = (
        f"{len(known)} sites; {later} later verdicts about orders to them, of three consumers and the relay, released nothing to one of "
        "them, by the ledger's blocks and by what the topics say; at the end nothing is out. "
        f"Live orders meanwhile: p50 {p50:.0f} ms, p99 {p99:.0f} ms."
    )
    return table(("first message that follows from a suspension", "median", "max", "must"), rows) + f"\n\n{proved}"


def suspension(sequence: int, site: int, status: str = "suspended") -> bytes:
    """A fact about a site that counts since yesterday, whatever the zone."""
    fact = SITE % (sequence, site, status, site, site, site)
    return fact.replace(f'"effective_on":"{LONG_AGO}"', f'"effective_on":"{TODAY - timedelta(days=1)}"').strip().encode()


def _orders(load: Load, sites: list[int], random: Random, sent_to: dict[str, str]) -> Iterator[Sent]:
    """First those whose lines are released and watched; then to all sites, and one in ten to these."""

    def to(site: int, name: str) -> Sent:
        sent_to[name] = f"HF-{site:07d}"
        return one_line(name, site, load.sizes)

    for site in sites:
        yield from (to(site, f"watched-{site}-{number}") for number in range(load.lines))
    others = orders("suspension", 10**9, load.sizes)
    for number in count():
        yield to(random.choice(sites), f"later-{number}") if number % 10 == 0 else next(others)


def last_sequence(place: Place) -> int:
    """The highest that its program has told."""
    engine = open_engine(place.url)
    with transaction(engine) as cursor:
        row = cursor.execute("SELECT max(upper(received)) FROM moving_sequence").fetchone()
    engine.dispose()
    return int(row[0]) - 1 if row else 0


def _suspended(place: Place, after: int) -> dict[str, Suspended]:
    engine = open_engine(place.url)
    with transaction(engine) as cursor:
        found = {site: Suspended(at, block, version) for site, _, at, block, version in cursor.execute(BATCHES, (after,))}
    engine.dispose()
    return found


def _judged_later(place: Place, known: dict[str, Suspended], ours: dict[str, list[str]]) -> int:
    """How many examinations of orders to the sites stand after the suspension in the ledger; raises if one releases."""
    engine, later = open_engine(place.url), 0
    with transaction(engine) as cursor:
        for site, said in known.items():
            for block, released, _ in cursor.execute(JUDGED, (ours[site], said.block)):
                later += 1
                if released is not None and _leaves(released, site):
                    raise RuntimeError(f"block {block} releases to {site}, which block {said.block} suspended")
    engine.dispose()
    return later


def _leaves(released: bytes, site: str) -> bool:
    return any(line.outcome == "released" and line.site_id == site for line in _released.decode(released).lines)


def _nothing_left(answers: list[Answered], known: dict[str, Suspended]) -> None:
    """Raises if a message of a registry that knew of the suspension releases to its site, or a withdrawal stands before its release."""
    for answer in answers:
        if answer.topic == OUTPUTS[0]:
            said = _released.decode(answer.value)
            for line in said.lines:
                knew = line.site_id in known and said.registry_version >= known[str(line.site_id)].version
                if knew and line.outcome == "released":
                    raise RuntimeError(f"{answer.order_id} was released to {line.site_id} by a registry that knew better")


def _out(answers: list[Answered], known: dict[str, Suspended]) -> set[tuple[str, int]]:
    """The lines that are out to the sites, by the order of the topic; raises if one is withdrawn that is not out."""
    out: set[tuple[str, int]] = set()
    for answer in sorted((each for each in list(answers) if each.topic == OUTPUTS[0]), key=lambda each: (each.partition, each.offset)):
        for line in _released.decode(answer.value).lines:
            if line.site_id in known:
                name = answer.order_id, line.line
                if line.outcome == "withdrawn" and name not in out:
                    raise RuntimeError(f"{answer.order_id} is withdrawn, and was not out")
                (out.discard if line.outcome == "withdrawn" else out.add)(name)
    return out


def _found(answers: list[Answered], known: dict[str, Suspended], told: dict[str, float]) -> dict[str, list[float]]:
    """Milliseconds until the first message, from the fact's commit and from its publication."""
    seen: dict[str, dict[str, float]] = {"withdrawal": {}, "withdrawal or stop": {}}
    for answer in answers:
        if answer.topic == OUTPUTS[1]:
            said: Any = _stopped.decode(answer.value)
            for line in said.lines:
                if line.site_id in known and any(reason.code == "site_suspended" for reason in line.reasons):
                    seen["withdrawal or stop"].setdefault(line.site_id, answer.at)
                    if said.withdraws is not msgspec.UNSET:
                        seen["withdrawal"].setdefault(line.site_id, answer.at)
    if any(known.keys() != first.keys() for first in seen.values()):
        raise RuntimeError("for a site nothing was withdrawn")
    since = {"from its commit": {site: said.at for site, said in known.items()}, "from its publication": told}
    return {
        f"{what}, {words}": [(at - begun[site]) * 1000 for site, at in first.items()]
        for what, first in seen.items()
        for words, begun in since.items()
    }
