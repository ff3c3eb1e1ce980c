"""The labelled load: a registry, its later snapshots, and waves of orders whose right answers are known by construction."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.labels import NOTHING, Answer, Sending, Telling, alert, answer, refusal, withdrawal
from tests.faults.living import Story
from tests.faults.orders import CERTIFIED, LEMTRADA, Wire, written
from tests.faults.shipping import ROOMY, SITE, Shipping
from tests.storage.snapshots import snapshot

FREE = {"ndc": "58468-0357-1"}
STATES = {"SUSPENDED": "suspended", "DECERTIFIED": "decertified", "PENDING": "pending"}
STOPPED_SITES = {
    "SUSPENDED": "site_suspended",
    "DECERTIFIED": "site_decertified",
    "PENDING": "site_not_certified",
    "LAPSED": "certification_lapsed",
}


class Load(Shipping):
    """Everything is chosen by the seed; ``imports`` snapshots after the first each suspend one more site.

    What several orders share needs four partitions; without ``shared`` there is none of it, and nothing is told by topic.
    """

    def __init__(self, seed: int, waves: int, imports: int, partitions: int, *, shared: bool = True) -> None:
        super().__init__(seed, partitions)
        self.imports, self._shared = imports, shared
        self.room: dict[str, int] = {}
        """How many messages that share something may get the first of their answers."""
        self._snapshots: list[int] = []
        self.waves = [self._wave(number) for number in range(waves)]

    def snapshot(self, path: Path, imported: int, waves: int = 0) -> Path:
        """Writes the registry as it is after so many imports, with all that so many waves told."""
        if imported == len(self._snapshots):
            last = self._snapshots[-1] if self._snapshots else 0
            self._snapshots.append(max(last + 1, self.told_through(waves)))
        facts = [*self._sites(imported), *self._people(), *self._authorizations]
        numbered = [{"program": "lemtrada", "sequence": 1, "effective_on": "2024-01-01", **fact} for fact in facts]
        sequence = self._snapshots[imported]
        told = [fact for _, fact in self._told if fact["sequence"] <= sequence]
        return snapshot(path, [*numbered, *told], sequence=sequence, as_of=datetime.now(UTC).isoformat(timespec="milliseconds"))

    def hanging(self, number: int, count: int = 1) -> list[Sending]:
        """Orders to the site that import ``number`` suspends, so many in every partition."""
        site, right = f"SNAP-{number}", (answer({1: "released"}), answer({1: "blocked site_suspended"}))
        orders = [self._order(site, authorization=f"AU-{site}") for _ in range(count * self.partitions)]
        return [Sending(place % self.partitions, written(order), right, hangs_on=number, living=True) for place, order in enumerate(orders)]

    def _sites(self, imported: int) -> Iterator[Wire]:
        certified = [f"HF-{number}" for number in range(CERTIFIED)] + [f"SNAP-{number}" for number in range(1, self.imports + 1)]
        certified += self.living_sites
        for site in certified:
            yield self._site(site, "certified")
        for number in range(1, imported + 1):
            suspended = {"sequence": self._snapshots[number], "effective_on": str(self.today - timedelta(days=1))}
            yield self._site(f"SNAP-{number}", "suspended") | suspended
        for site, status in STATES.items():
            yield self._site(site, status)
        yield self._site("LAPSED", "certified") | {"valid_through": str(self.today - timedelta(days=9))}

    def _people(self) -> Iterator[Wire]:
        yield {"fact": "patient", "patient_id": "P-1", "status": "enrolled"}
        yield self._authorization(ROOMY, SITE, 1_000_000)
        yield {"fact": "prescriber", "prescriber_id": "PR-1", "status": "certified"}
        yield {"fact": "recall", "ndc": "58468-0200-1", "lot": "RECALLED", "status": "recalled"}
        for number in range(1, self.imports + 1):
            yield self._authorization(f"AU-SNAP-{number}", f"SNAP-{number}", 1_000_000)

    def _wave(self, number: int) -> list[Sending | Telling]:
        alone = [self._released() for _ in range(3)] + [self._free(), self._mixed(), self._refused(), *self._stopped()]
        related = [self._repeat(), self._contradiction(), self._revision(), self._late_revision()]
        shared = [*self._one_authorization(number), *self._one_serial(number), *self._one_order(number)] if self._shared else []
        stories = [*alone, *related, *shared, *((*self._living(number), *self._goods(number)) if self._shared else ())]
        self._random.shuffle(stories)
        last = [self._heartbeat(number)] if self._shared else []
        return [*(message for story in stories for message in story), *last]

    def _one(self, order: Wire, *right: Answer) -> Story:
        return [Sending(self._somewhere(), written(order), right)]

    def _released(self) -> Story:
        return self._one(self._order(self._certified()), answer({1: "released"}))

    def _free(self) -> Story:
        return self._one(self._order(self._certified(), product=FREE), answer({1: "not_covered"}))

    def _stopped(self) -> Iterator[Story]:
        site, code = self._random.choice(list(STOPPED_SITES.items()))
        yield self._one(self._order(site), answer({1: f"blocked {code}"}))
        changes: list[tuple[Wire, str]] = [
            ({"patient": {}}, "held patient_missing"),
            ({"lot": "RECALLED"}, "blocked lot_recalled"),
            ({"expires_on": "2025-01-31"}, "blocked product_expired"),
            ({"product": {"ndc": "58468-0200-2"}}, "held product_unknown"),
            ({"patient": {"patient_id": "P-1", "prescriber_id": "PR-1"}}, "held authorization_missing"),
            ({"quantity": 6}, "held authorization_exhausted"),
            ({"lot": "RECALLED", "serials": ["ONE"]}, "blocked lot_recalled serials_do_not_match_quantity"),
        ]
        change, said = self._random.choice(changes)
        yield self._one(self._order(self._certified(), **change), answer({1: said}))

    def _mixed(self) -> Story:
        order = self._order(self._certified())
        order["lines"] += [{"line": 2, "product": FREE, "quantity": 1}, {"line": 3, "product": LEMTRADA, "quantity": 1}]
        return self._one(order, answer({1: "released", 2: "not_covered", 3: "held patient_missing"}))

    def _refused(self) -> Story:
        order = self._order(self._certified())
        late = {member: value for member, value in order.items() if member != "ship_on"}
        value, pointers = self._random.choice([
            (b"\xffrubbish", ("",)), (written(late), ("/ship_on",)),
            (written(order | {"revision": 0, "urgent": 1}), ("/revision", "/urgent")),
        ])  # fmt: skip
        return [Sending(self._somewhere(), value, (refusal(*pointers),))]

    def _repeat(self) -> Story:
        order, partition = self._order(self._certified()), self._somewhere()
        again = json.dumps(dict(reversed(order.items())), indent=1).encode()
        return [Sending(partition, written(order), (answer({1: "released"}),)), Sending(partition, again, (NOTHING,))]

    def _contradiction(self) -> Story:
        order, partition = self._order(self._certified()), self._somewhere()
        other = order | {"ship_from": {"site_id": "DC-08"}}
        stopped = answer({1: "held order_contradicts"}, examination=2) | alert("released_order_contradicted")
        return [Sending(partition, written(order), (answer({1: "released"}),)), Sending(partition, written(other), (stopped,))]

    def _revision(self) -> Story:
        order, partition = self._order(self._certified()), self._somewhere()
        return [
            Sending(partition, written(order), (answer({1: "released"}),)),
            Sending(partition, written(order | {"revision": 2}), (withdrawal(1, 2, (1,)) | answer({1: "released"}, revision=2),)),
        ]

    def _late_revision(self) -> Story:
        order, partition = self._order(self._certified()), self._somewhere()
        return [
            Sending(partition, written(order | {"revision": 3}), (answer({1: "released"}, revision=3),)),
            Sending(partition, written(order), (answer({1: "blocked order_superseded"}),)),
        ]

    def _one_authorization(self, wave: int) -> list[Story]:
        """Four orders in four partitions on an authorization with room for two."""
        name, site = f"authorization {wave}", self._certified()
        authorization = self._authorized(site, 10)
        self.room[name] = 2
        right = answer({1: "released"}), answer({1: "held authorization_exhausted"})
        return [
            [Sending(partition, written(self._order(site, authorization=authorization)), right, name)]
            for partition in self._random.sample(range(self.partitions), 4)
        ]

    def _one_serial(self, wave: int) -> list[Story]:
        """Three orders in three partitions for the same vial."""
        name = f"serial {wave}"
        self.room[name] = 1
        right = answer({1: "released"}), answer({1: "blocked serial_already_shipped"})
        return [
            [Sending(partition, written(self._order(self._certified(), units=1, serials=[f"S{wave}"])), right, name)]
            for partition in self._random.sample(range(self.partitions), 3)
        ]

    def _one_order(self, wave: int) -> list[Story]:
        """The same order in two partitions."""
        name, order = f"order {wave}", self._order(self._certified())
        self.room[name] = 1
        right = answer({1: "released"}), NOTHING
        return [[Sending(partition, written(order), right, name)] for partition in self._random.sample(range(self.partitions), 2)]
