"""The judge: from what was sent, what was said and what the ledger has, how much of it is wrong. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tests.faults.booked import BOOKED, Booked, judge_booked
from tests.faults.followed import FOLLOWED, Followed, judge_followed
from tests.faults.labels import NOTHING, ORDERS, RECORDS, RELEASED, STOPPED, Answer, Sending, said_by
from tests.faults.relayed import RELAYED, Entry, Output, Place, judge_relayed

LOST = "lost"
TWICE = "twice"
WRONG = "wrong"
NEEDLESSLY_STOPPED = "needlessly stopped"
RECORDS_MISSING = "records missing"
GAPS = "gaps in sequence"
DIFFERENT_BYTES = "bytes that differ from the ledger"
OFFSETS_SHORT = "group offsets short of the end"
DECIDED_OTHERWISE = "verdicts that their own row decides otherwise"
BROKEN_CHAIN = "blocks that do not fit"
FAULTS = (
    LOST, TWICE, WRONG, NEEDLESSLY_STOPPED, RECORDS_MISSING, GAPS, DIFFERENT_BYTES, OFFSETS_SHORT, DECIDED_OTHERWISE, BROKEN_CHAIN,
    *FOLLOWED, *RELAYED, *BOOKED,
)  # fmt: skip


class Import(NamedTuple):
    """A snapshot of the registry that was loaded."""

    version: int
    block: int


class Seen(NamedTuple):
    """All that can be seen from outside when everything is done."""

    sent: Mapping[Place, Sending]
    room: Mapping[str, int]
    outputs: tuple[Output, ...]
    """In every output topic, with ``read_committed``."""
    kept: tuple[Output, ...]
    """What the ledger has to be published."""
    arrivals: tuple[Place, ...]
    """What the ledger says that arrived."""
    blocks: Mapping[Place, int]
    """The block that recorded an arrival."""
    imports: Mapping[int, Import]
    committed: Mapping[str, int]
    """By topic and partition."""
    ends: Mapping[str, int]
    decided_otherwise: int = 0
    chain: str = ""
    """What does not fit in the chain; empty where all does."""
    followed: Followed = Followed()
    outbox: tuple[Entry, ...] = ()
    booked: Booked = Booked()


class Judgement(NamedTuple):
    counts: dict[str, int]
    examples: dict[str, list[str]]

    @property
    def clean(self) -> bool:
        return not any(self.counts.values())


def judge(seen: Seen) -> Judgement:
    """How often each fault occurred, and a few examples of each."""
    found: dict[str, list[str]] = {fault: [] for fault in FAULTS}
    _answers(seen, found)
    _shared(seen, found)
    _twice(seen, found)
    _against_the_ledger(seen, found)
    _sequences(seen, found)
    for partition, end in seen.ends.items():
        short = end - seen.committed.get(partition, 0)
        found[OFFSETS_SHORT] += [f"{partition}: {seen.committed.get(partition, 0)} of {end}"] * abs(short)
    judge_followed(seen.followed, found)
    judge_relayed(seen.outputs, seen.outbox, found)
    judge_booked(seen.booked, seen.outputs, found)
    found[DECIDED_OTHERWISE] += ["the row of a verdict"] * seen.decided_otherwise
    found[BROKEN_CHAIN] += [seen.chain] if seen.chain else []
    return Judgement({fault: len(cases) for fault, cases in found.items()}, {fault: cases[:5] for fault, cases in found.items() if cases})


def _answers(seen: Seen, found: dict[str, list[str]]) -> None:
    said = _said(seen.outputs)
    for place, sending in seen.sent.items():
        own = said.get(place, NOTHING)
        if own not in sending.right:
            _blame(place, own, sending.right, found)
        elif sending.hangs_on is not None:
            _obeys_the_registry(seen, place, sending, own, found)
    for place in said.keys() - seen.sent.keys():
        found[WRONG].append(f"{place}: an answer to nothing that was sent")


def _said(outputs: Iterable[Output]) -> dict[Place, Answer]:
    said: dict[Place, set[Any]] = defaultdict(set)
    for output in outputs:
        if output.source == ORDERS:
            said[output.place].add(said_by(output.topic, json.loads(output.value)))
    return {place: frozenset(own) for place, own in said.items()}


def _blame(place: Place, own: Answer, right: tuple[Answer, ...], found: dict[str, list[str]]) -> None:
    """Names what is wrong with an answer, by the right one that is nearest to it."""
    nearest = min(right, key=lambda answer: len(answer ^ own))
    missing, more = nearest - own, own - nearest
    if not own:
        found[LOST].append(f"{place}: no answer, instead of {sorted(nearest)}")
        return
    stopped = {text for topic, text in more if topic == STOPPED}
    released = {text for topic, text in missing if topic == RELEASED}
    if stopped and released:
        found[NEEDLESSLY_STOPPED].append(f"{place}: {sorted(stopped)} instead of {sorted(released)}")
        more = frozenset(said for said in more if said[0] != STOPPED)
    elif missing and not all(topic == RECORDS for topic, _ in missing):
        found[WRONG if more else LOST].append(f"{place}: {sorted(own)} without {sorted(missing)}")
    elif more:
        found[WRONG].append(f"{place}: {sorted(more)} besides {sorted(nearest)}")
    if not stopped:
        found[RECORDS_MISSING] += [f"{place}: {text}" for topic, text in missing if topic == RECORDS]


def _obeys_the_registry(seen: Seen, place: Place, sending: Sending, own: Answer, found: dict[str, list[str]]) -> None:
    """What hangs on a snapshot is answered by the registry that had committed, and says which that was."""
    load = seen.imports.get(sending.hangs_on or 0)
    released = own == sending.right[0]
    versions = {
        json.loads(output.value)["registry_version"]
        for output in seen.outputs
        if output.source == ORDERS and output.place == place and output.topic in (RELEASED, STOPPED)
    }
    newer = load is not None and seen.blocks.get(place, 0) > load.block
    says_newer = load is not None and min(versions) >= load.version
    if released in (newer, says_newer):
        found[WRONG].append(
            f"{place}: {'released' if released else 'stopped'} with the registry of version {versions}, which says otherwise"
        )


def _shared(seen: Seen, found: dict[str, list[str]]) -> None:
    said = _said(seen.outputs)
    shared: dict[str, list[bool]] = defaultdict(list)
    for place, sending in seen.sent.items():
        if sending.shared is not None:
            shared[sending.shared].append(said.get(place, NOTHING) == sending.right[0])
    for name, first in shared.items():
        room = min(seen.room[name], len(first))
        if sum(first) > room:
            found[WRONG].append(f"{name}: {sum(first)} released, with room for {room}")
        elif sum(first) < room:
            found[NEEDLESSLY_STOPPED].append(f"{name}: {sum(first)} released, with room for {room}")


def _twice(seen: Seen, found: dict[str, list[str]]) -> None:
    for (topic, name), times in Counter((output.topic, output.id) for output in seen.outputs if output.source).items():
        found[TWICE] += [f"{name} in {topic}"] * (times - 1)
    for place, times in Counter(seen.arrivals).items():
        found[TWICE] += [f"arrival {place}"] * (times - 1)


def _against_the_ledger(seen: Seen, found: dict[str, list[str]]) -> None:
    kept = {(output.topic, output.id): output for output in seen.kept}
    for output in seen.outputs:
        if kept.get((output.topic, output.id)) != output:
            found[DIFFERENT_BYTES].append(f"{output.id} in {output.topic}")
    published = {(output.topic, output.id) for output in seen.outputs}
    found[LOST] += [
        f"{output.id} in {output.topic}, which the ledger has" for name, output in kept.items() if output.source and name not in published
    ]
    arrived = set(seen.arrivals)
    found[LOST] += [f"{place}: the ledger knows nothing of it" for place in seen.sent if place not in arrived]
    found[WRONG] += [f"{place}: the ledger knows it, nobody sent it" for place in arrived if place not in seen.sent]


def _sequences(seen: Seen, found: dict[str, list[str]]) -> None:
    """In the topic and in the ledger the numbers of a program are 1, 2, 3 … without gaps."""
    for where, outputs in (("the topic", seen.outputs), ("the ledger", seen.kept)):
        numbers: dict[str, set[int]] = defaultdict(set)
        for output in outputs:
            if output.topic == RECORDS:
                record = json.loads(output.value)
                numbers[record["program"]].add(record["sequence"])
        for program, own in numbers.items():
            found[GAPS] += [f"{program} {number} in {where}" for number in range(1, max(own) + 1) if number not in own]
