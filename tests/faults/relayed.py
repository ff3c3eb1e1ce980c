"""What the relay published, against the outbox; and withdrawals against their releases, as the topic has them. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from tests.faults.labels import ORDERS, RELEASED, STOPPED

WITHDRAWALS_TWICE = "withdrawals twice"
WITHDRAWALS_EARLY = "withdrawals before their release"
ENTRIES_MISSING, ENTRIES_TWICE = "outbox entries missing", "outbox entries twice"
ENTRIES_DISORDERED = "outbox entries out of order"
RELAYED = (WITHDRAWALS_TWICE, WITHDRAWALS_EARLY, ENTRIES_MISSING, ENTRIES_TWICE, ENTRIES_DISORDERED)

Place = tuple[int, int]
"""Partition and offset."""


class Output(NamedTuple):
    """One message of an output topic, or what the ledger says that it must be."""

    topic: str
    id: str
    place: Place
    """Of the message that it answers."""
    chain: str
    value: bytes
    source: str = ORDERS
    """The topic of that message; nothing where the relay published it."""


class Entry(NamedTuple):
    """One entry of the outbox."""

    number: int
    says: tuple[tuple[str, str], ...]
    """Topic and id of each of its messages."""


def judge_relayed(outputs: Iterable[Output], outbox: Iterable[Entry], found: dict[str, list[str]]) -> None:
    """Adds what is wrong. ``outputs`` are in the order of their topics."""
    outputs = list(outputs)
    relayed = [output for output in outputs if not output.source]
    there = Counter((output.topic, output.id) for output in relayed)
    numbers = {name: entry.number for entry in outbox for name in entry.says}
    for name, number in numbers.items():
        if not there[name]:
            found[ENTRIES_MISSING].append(f"entry {number}: {name}")
        found[ENTRIES_TWICE] += [f"entry {number}: {name}"] * (there[name] - 1)
    found[ENTRIES_TWICE] += [f"{name}, which no entry has" for name in there if name not in numbers]
    _in_order(relayed, numbers, found)
    _withdrawals(outputs, found)


def _in_order(relayed: Iterable[Output], numbers: dict[tuple[str, str], int], found: dict[str, list[str]]) -> None:
    last: dict[tuple[str, str, str], int] = {}
    for topic, name, _, _, value, _ in relayed:
        if topic in (RELEASED, STOPPED):
            said = json.loads(value)
            order = topic, said["wholesaler_id"], said["order_id"]
            number = numbers.get((topic, name), 0)
            if number < last.get(order, 0):
                found[ENTRIES_DISORDERED].append(f"entry {number} of {said['order_id']} after {last[order]}")
            last[order] = max(number, last.get(order, 0))


def _withdrawals(outputs: Iterable[Output], found: dict[str, list[str]]) -> None:
    """Whoever reads the topic from its beginning takes back nothing that was not released."""
    states: dict[tuple[str, str, int, int], str] = defaultdict(str)
    for output in outputs:
        if output.topic != RELEASED:
            continue
        said = json.loads(output.value)
        for line in said["lines"]:
            name = said.get("wholesaler_id", ""), said.get("order_id", output.id), said["revision"], line["line"]
            before, states[name] = states[name], line["outcome"]
            if line["outcome"] == "withdrawn" and before not in ("released", "not_covered"):
                found[WITHDRAWALS_TWICE if before else WITHDRAWALS_EARLY].append(f"{name[1]} revision {name[2]}, line {name[3]}")
