"""After facts, heartbeats, snapshots and aliases too, what moves of the registry can be made anew from the evidence."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count, takewhile
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gatekeeper.people.access import Person
from gatekeeper.registry import site_aliases
from gatekeeper.registry.hearing import alert_missing
from gatekeeper.storage import tables
from schemas.site_alias import SiteAliasProposal
from tests.gate.ledger import NOON, RULES
from tests.gate.test_what_moves import Anew, Rows
from tests.registry.telling import Telling, heartbeat
from tests.registry.test_import_beside import Meanwhile, load_while
from tests.registry.test_learning import whole
from tests.storage.snapshots import Wire, patient, recall, site, snapshot

AHEAD = timedelta(minutes=5)
KINDS = {"site", "patient", "prescriber", "authorization", "recall", "program"}
LIMIT_S = 900.0


class Heard:
    """What has come of one program: a plain set of numbers, and every heartbeat that could be used."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self.beats: dict[int, datetime] = {}
        self.fresh: datetime | None = None
        self.clocks: dict[int, datetime] = {}
        """Of each number that is missing, since when its gap is seen."""
        self.named: set[int] = set()
        """The numbers that an alert named, or whose gap it named."""
        self.through = 0
        """The highest that the topic or a snapshot of all kinds told of."""

    def hear(self, told: "Told", beats: list[tuple[int, datetime]], at: datetime) -> None:
        known = self.gaps()
        self.numbers |= told.numbers | told.filled
        self.through = max([self.through, *told.numbers])
        for number, as_of in beats:
            self.beats[number] = max(as_of, self.beats.get(number, as_of))
        if told.whole:
            slips = {number for number, as_of in self.waiting.items() if as_of < max(told.fresh)}
            self.numbers -= slips
            self.beats = {number: as_of for number, as_of in self.beats.items() if number not in slips}
            self.through = max(self.numbers) if slips else self.through
        instants = [*told.fresh, *(as_of for number, as_of in self.beats.items() if number <= self.complete)]
        self.fresh = max([*instants, *([self.fresh] if self.fresh else [])], default=None)
        clocks, named = {}, set()
        for gap in self.gaps():
            before = next((each for each in known if each & gap), set())
            begins = bool(before & self.named) and max(gap) < max(before)
            clocks |= dict.fromkeys(gap, at if begins or not before else self.clocks[min(before)])
            named |= gap if before & self.named and not begins else set()
        self.clocks, self.named = clocks, named

    @property
    def complete(self) -> int:
        return next(number for number in count() if number + 1 not in self.numbers)

    @property
    def waiting(self) -> dict[int, datetime]:
        return {number: as_of for number, as_of in self.beats.items() if number > self.complete}

    def ranges(self) -> list[tuple[int, int]]:
        firsts = sorted(number for number in self.numbers if number - 1 not in self.numbers)
        lasts = sorted(number for number in self.numbers if number + 1 not in self.numbers)
        return list(zip(firsts, lasts, strict=True))

    def gaps(self) -> list[set[int]]:
        missing = set(range(1, self.through)) - self.numbers
        firsts = sorted(number for number in missing if number - 1 not in missing)
        return [set(takewhile(missing.__contains__, count(first))) for first in firsts]


class Told:
    """What one block tells of one program."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self.filled: set[int] = set()
        self.whole = False
        self.beats: list[tuple[int, datetime]] = []
        self.fresh: list[datetime] = []
        self.named: list[set[int]] = []


class AnewFromFacts(Anew):
    """What is heard of the registries, block by block."""

    def heard(self) -> dict[str, Heard]:
        at = {row["number"]: row["at"] for row in self._rows[tables.BLOCK]}
        heard: dict[str, Heard] = defaultdict(Heard)
        for (block, program), told in sorted(self._told().items(), key=itemgetter(0)):
            if told.named:
                heard[program].named |= set().union(*told.named)
            else:
                usable = [beat for beat in told.beats if beat[1] <= at[block] + AHEAD]
                heard[program].hear(told, usable, at[block])
        return heard

    def _told(self) -> dict[tuple[int, str], Told]:
        told: dict[tuple[int, str], Told] = defaultdict(Told)
        for block, loaded, fact in self._facts():
            of = told[block, fact["program"]]
            (of.filled if loaded else of.numbers).add(fact["sequence"])
        for row in self._rows[tables.REGISTRY_LOAD]:
            told[row["block"], row["program"]].fresh.append(row["fresh_as_of"])
            if set(row["covers"]) == KINDS:
                told[row["block"], row["program"]].numbers |= set(range(1, row["sequence"] + 1))
                told[row["block"], row["program"]].whole = True
        for row in self._rows[tables.HEARTBEAT]:
            told[row["block"], row["program"]].numbers.add(row["sequence"])
            told[row["block"], row["program"]].beats.append((row["sequence"], row["as_of"]))
        for row in self._rows[tables.ALERT]:
            if row["kind"] == "facts_missing":
                said = json.loads(row["body"])
                ranges = [set(range(each["first"], each["last"] + 1)) for each in said["evidence"]["sequences"]]
                told[row["block"], said["program"]].named = ranges
        return told

    def _facts(self) -> Iterator[tuple[int, bool, dict[str, Any]]]:
        """Of the registries, each with its block, and whether a snapshot brought it: what is held, and what was kept aside.

        A repeat says nothing new.
        """
        of_load = {
            row["id"]: (row["block"], table is tables.REGISTRY_LOAD)
            for table in (tables.REGISTRY_LOAD, tables.REGISTRY_BATCH)
            for row in self._rows[table]
        }
        held = [(*of_load[row["load"]], row["body"]) for row in self._rows[tables.FACT] if row["kind"] in KINDS]
        aside = [(row["block"], False, row["body"]) for row in self._rows[tables.ASIDE]]
        for block, loaded, body in held + aside:
            yield block, loaded, json.loads(body)

    def sequences(self) -> list[tuple[Any, ...]]:
        return sorted(
            (
                program,
                one.ranges(),
                [one.clocks[min(gap)] for gap in one.gaps()],
                [min(gap) in one.named for gap in one.gaps()],
                one.through,
            )
            for program, one in self.heard().items()
            if one.numbers
        )

    def heartbeats(self) -> Rows:
        return {(program, *beat) for program, one in self.heard().items() for beat in one.waiting.items()}

    def freshness(self) -> Rows:
        return {(program, one.fresh) for program, one in self.heard().items() if one.fresh}


def agree(telling: Telling) -> AnewFromFacts:
    """Compares all that moves of the registry with what the evidence gives."""
    anew = AnewFromFacts(telling.ledger)
    held = [(program, [(each.lower, each.upper - 1) for each in came], *more) for program, came, *more in telling.rows(tables.SEQUENCE)]
    assert sorted(held) == anew.sequences()
    assert set(telling.rows(tables.PENDING_HEARTBEAT)) == anew.heartbeats()
    assert set(telling.rows(tables.FRESHNESS)) == anew.freshness()
    assert set(telling.rows(tables.SITE_IDENTIFIER)) == anew.site_identifiers()
    assert set(telling.rows(tables.HEAD)) == anew.heads()
    assert set(telling.rows(tables.TAIL)) == anew.tail()
    assert whole(telling)
    return anew


def at(hours: float) -> str:
    return (NOON + timedelta(hours=hours)).isoformat()


@pytest.mark.parametrize("batch", [1, 3, None])
def test_what_moves_of_the_registry_is_what_the_evidence_says(telling: Telling, tmp_path: Path, batch: int | None) -> None:
    """Gaps, heartbeats that wait, contradictions, repeats, rubbish, partial and full snapshots, one of them beside facts; an alias."""
    other = site(7, "suspended", sequence=9)
    telling.tell(
        site(1, sequence=1), site(2, sequence=4), heartbeat(5, at(-3)), heartbeat(8, at(-1)), heartbeat(2, at(9)), b"rubbish",
        site(7, sequence=9), other, site(7, sequence=9), patient("P-1", sequence=12) | {"program": "another"}, recall("B1", sequence=11),
        batch=batch,
    )  # fmt: skip
    assert agree(telling).heartbeats()
    telling.ledger.set_clock(NOON + timedelta(hours=1))
    assert alert_missing(telling.engine, ["lemtrada"], LIMIT_S)
    assert any(any(alerted) for *_, alerted, _ in agree(telling).sequences())

    telling.load(site(1, sequence=1), site(3, sequence=3), sequence=6, as_of=at(-2), covers=["site", "prescriber"])
    telling.tell(patient("P-2", sequence=2), site(4, sequence=5), heartbeat(13, at(0.5)), partition=1, batch=batch)
    agree(telling)
    meanwhile = [site(5, sequence=14), site(8, "suspended", sequence=17), patient("P-3", sequence=21), heartbeat(19, at(0.75))]
    path = snapshot(tmp_path / "beside", [site(5, sequence=14), site(6, sequence=15)], sequence=16, as_of=at(0.25))
    load_while(telling, path, Meanwhile(lambda: telling.tell(*meanwhile, batch=batch), "Switching"))
    telling.tell(site(3, sequence=10), site(1, sequence=1), heartbeat(16, at(0.6)), batch=batch)
    said = SiteAliasProposal(
        program="lemtrada", site_id="HF-6", wholesaler_id="WD-001", account="777", through=date(2027, 3, 1), evidence="Their invoice."
    )
    name = site_aliases.propose(telling.engine, said, Person("u-1", "Anna"), RULES.programs).alias_id
    site_aliases.approve(telling.engine, name, "Seen too.", Person("u-2", "Bert"), RULES.programs)

    anew = agree(telling)
    assert {row[0] for row in anew.heartbeats()} == {"lemtrada"}
    assert {row[3] for row in telling.rows(tables.ASIDE)} == {"contradicts", "in_snapshot"}
    assert ("WD-001:777", "account", "HF-6") in {row[:3] for row in anew.site_identifiers()}
    telling.tell(site(1, sequence=18), patient("P-4", sequence=20))
    assert agree(telling).heartbeats() == set()


@pytest.mark.parametrize("seed", range(5))
def test_so_it_is_whatever_comes_in_whatever_order(telling: Telling, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same every time
    told = 0
    for turn in range(12):
        telling.ledger.set_clock(NOON + timedelta(minutes=10 * turn))
        if random.random() < 0.25:
            told = max(told + 1, random.randrange(turn, 3 * turn + 2))
            covers = None if random.random() < 0.5 else ["site"]
            facts = [site(number, sequence=random.randrange(1, told + 1)) for number in random.sample(range(9), 3)]
            telling.load(*facts, sequence=told, as_of=at(-random.randrange(9)), covers=covers)
        messages: list[Wire | bytes] = []
        for _ in range(random.randrange(6)):
            number = random.randrange(1, 3 * turn + 3)
            status = random.choice(["certified", "suspended"])
            messages.append(
                random.choice([site(number % 9, status, sequence=number), patient(f"P-{number}", sequence=number),
                               heartbeat(number, at(random.uniform(-9, 3)))])
            )  # fmt: skip
        telling.tell(*messages, partition=turn % 3, batch=random.randrange(1, 4))
        alert_missing(telling.engine, ["lemtrada"], LIMIT_S)
    agree(telling)
