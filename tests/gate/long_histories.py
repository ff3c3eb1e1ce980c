"""Long histories: orders, revisions, facts, snapshots, aliases, events and days, in any order."""

import json
from collections.abc import Callable
from datetime import UTC, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from gatekeeper.arrivals import Position, Source
from gatekeeper.errors import Unusable
from gatekeeper.examinations.recording import Terms
from gatekeeper.following.steps import step
from gatekeeper.programs import load_programs
from gatekeeper.registry import site_aliases
from gatekeeper.registry.hearing import limits_of
from gatekeeper.registry.learning import learn, read_fact_arrival
from gatekeeper.rules import Rules
from gatekeeper.storage import ledger as storage
from gatekeeper.storage.engine import transaction
from schemas.order import Address
from schemas.site_alias import SiteAliasProposal
from tests.gate.following import Always
from tests.gate.ledger import BUILT_IN, NOON, WORLD, Ledger, Wire, authorization, order
from tests.gate.test_site_aliases import ANNA, BERT
from tests.gate.warehouse import Warehouse, event
from tests.writings import Dice

HF1: Wire = next(fact for fact in WORLD if fact.get("site_id") == "HF1" and fact["fact"] == "site")
OTHER_STREET = {"street": "First Pavilion", "city": "Boston", "state": "MA", "postal_code": "02110"}
SHARED = ("AU-1", "AU-6", "AU-12", "AU-50")
UNRESTRICTED: Wire = {"product": {"ndc": "58468-0357-3"}, "quantity": 2}


def rules_of(folder: Path, *, whole_orders: bool) -> Rules:
    """Those of Lemtrada; or the same for whole orders."""
    said = (BUILT_IN / "lemtrada.toml").read_text(encoding="utf-8")
    changed = said.replace("whole_order = false", f"whole_order = {str(whole_orders).lower()}")
    assert (changed != said) == whole_orders
    (folder / "lemtrada.toml").write_text(changed, encoding="utf-8")
    return Rules.of(load_programs(folder))


class History:
    """A ledger, and everything that can happen to it, as the dice say."""

    def __init__(self, ledger: Ledger, dice: Dice, rules: Rules, *, reports: bool) -> None:
        self.ledger, self.dice = ledger, dice
        ledger.rules = rules
        self.terms = Terms(reports_shipments=frozenset({"WD-001"} if reports else ()))
        self.warehouse = Warehouse(ledger, self.terms)
        self.at = NOON.astimezone(UTC)
        self._numbers, self._offsets = count(2000), count()
        ledger.number_by(self._numbers)
        with transaction(ledger.engine) as cursor:
            self._facts = Source(storage.source_of(cursor, "registry-facts", "the facts"), "registry-facts", "the facts")
        self._sent: list[bytes] = [order("SO-0")]
        self._revisions: dict[str, int] = {}
        self.told: list[str] = []
        self._say("begins")
        self.ledger.load(*[fact | {"sequence": 50 + number} for number, fact in enumerate(self._more())], as_of=self.at)

    def happen(self) -> None:
        """One thing."""
        weighed: list[tuple[int, Callable[[], None]]] = [
            (12, self._order), (2, self._repeat), (6, self._fact), (3, self._snapshot), (4, self._event), (1, self._alias),
            (3, self._time), (3, self._beat), (5, self._steps),
        ]  # fmt: skip
        self.dice.pick([happening for weight, happening in weighed for _ in range(weight)])()

    def follow(self) -> None:
        """Everything that is due is judged again."""
        for _ in range(5000):
            orders, facts = self.dice.pick([1, 3, 50]), self.dice.pick([2, 1000])
            if not step(self.ledger.engine, Always(self.ledger.rules), self.terms, orders=orders, facts=facts):
                return
        raise AssertionError("it never ends")

    def _say(self, words: str) -> None:
        self.told.append(f"{self.at:%d %H:%M} {words}")

    def _steps(self) -> None:
        for _ in range(self.dice.number(1, 4)):
            step(self.ledger.engine, Always(self.ledger.rules), self.terms, orders=2, facts=2)

    def _line(self, number: int) -> Wire:
        dice = self.dice
        if dice.seldom(6):
            return UNRESTRICTED | {"line": number}
        quantity = dice.pick([1, 2, 2, 3, 5])
        line: Wire = json.loads(order())["lines"][0] | {"line": number, "quantity": quantity, "lot": dice.pick(["A1234", "A1234", "L2"])}
        line["patient"] |= {"authorization_id": dice.pick(SHARED)}
        if dice.seldom(4):
            del line["patient"]["administering_site_id"]
        if dice.seldom(10):
            line["patient"]["prescriber_id"] = "PR-NEW"
        if dice.seldom(3):
            line["serials"] = sorted(set(dice.pick([["S1", "S2", "S3", "S4", "S5"], ["S4", "S5", "S6", "S7", "S8"]])[:quantity]))
        return line

    def _order(self) -> None:
        dice = self.dice
        name, revision = self._named()
        said = json.loads(order(name, {"/revision": revision}))
        said["lines"] = [self._line(number) for number in range(1, dice.pick([2, 2, 2, 3, 4]))]
        said["ship_on"] = (self.at.date() + timedelta(days=dice.pick([-9, -2, 0, 1, 3, 3, 5, 5]))).isoformat()
        if dice.seldom(3):
            said["ship_to"] |= {"account": "777"}
            del said["ship_to"]["rems_site_id"]
        if dice.seldom(8):
            said["ship_to"]["address"] = OTHER_STREET
        raw = json.dumps(said).encode()
        self._sent.append(raw)
        self._say(f"order {name}/{revision} {len(said['lines'])} lines")
        self.warehouse.judge(raw)

    def _named(self) -> tuple[str, int]:
        """Mostly a new order, sometimes a higher revision, seldom a lower one or a contradiction."""
        dice = self.dice
        if not self._revisions or not dice.seldom(3):
            name, revision = f"SO-{len(self._revisions) + 1}", dice.pick([1, 1, 1, 2])
        else:
            name = dice.pick(list(self._revisions))
            revision = max(1, self._revisions[name] + dice.pick([1, 1, 1, 0, -1]))
        self._revisions[name] = max(revision, self._revisions.get(name, 0))
        return name, revision

    def _repeat(self) -> None:
        self._say("repeat")
        self.warehouse.judge(self.dice.pick(self._sent))

    def _about(self) -> Wire:
        dice = self.dice
        kinds: list[Wire] = [
            *[HF1 | {"site_id": dice.pick(["HF1", "HF1", "NEW-1"]), "status": dice.pick(["certified"] * 3 + ["suspended"]),
                     "valid_through": dice.pick(["2026-11-26", "2028-01-01", "2028-01-01"]),
                     "identifiers": {"account": [dice.pick(["WD-001:777", "WD-001:777", "WD-001:888"])]}}] * 4,
            {"fact": "patient", "patient_id": "P-1", "status": dice.pick(["enrolled"] * 4 + ["withdrawn"])},
            {"fact": "prescriber", "prescriber_id": dice.pick(["PR-1", "PR-NEW"]),
             "status": dice.pick(["certified"] * 4 + ["decertified"])},
            *[authorization(dice.pick(SHARED), dice.pick([2, 5, 6, 12, 12, 50]))
              | {"status": dice.pick(["authorized"] * 4 + ["cancelled"])}] * 2,
            {"fact": "recall", "ndc": "58468-0200-1", "lot": "A1234", "status": dice.pick(["recalled", "lifted", "lifted"])},
            {"fact": "program", "mode": dice.pick(["active"] * 6 + ["discretion", "ended"])},
        ]  # fmt: skip
        day = self.at.date() + timedelta(days=dice.pick([-3, -1, 0, 0, 0, 0, 1, 2]))
        return dice.pick(kinds) | {"program": "lemtrada", "effective_on": day.isoformat()}

    def _fact(self) -> None:
        told = [self._about() | {"sequence": next(self._numbers)} for _ in range(self.dice.pick([1, 1, 1, 3]))]
        self._say("facts " + " ".join(json.dumps(fact, sort_keys=True) for fact in told))
        self._learn(*told)

    def _learn(self, *told: Wire) -> None:
        arrivals = [read_fact_arrival(Position(0, next(self._offsets)), json.dumps(fact).encode()) for fact in told]
        with transaction(self.ledger.engine) as cursor:
            learn(cursor, self._facts, arrivals, limits_of(self.ledger.rules.programs))

    def _beat(self) -> None:
        self._say("heartbeat")
        self._learn({"fact": "heartbeat", "program": "lemtrada", "sequence": next(self._numbers), "as_of": self.at.isoformat()})

    def _snapshot(self) -> None:
        """What the registry had at first, with something else of a few, and sometimes without one of them."""
        self._say("snapshot")
        more = [*self._more(), *[self._about() for _ in range(self.dice.pick([0, 0, 1, 2]))]]
        lost = self.dice.pick([None] * 6 + ["HF1", "P-1"])
        world = [fact for fact in WORLD if lost is None or lost not in (fact.get("site_id"), fact.get("patient_id"))]
        numbered = [fact | {"sequence": 100 + number} for number, fact in enumerate(more)]
        self.ledger.load(*numbered, as_of=self.at, world=world)

    def _more(self) -> list[Wire]:
        return [authorization("AU-6", 6), authorization("AU-12", 12), authorization("AU-50", 50),
                HF1 | {"sequence": 50} | {"identifiers": HF1["identifiers"] | {"account": ["WD-001:777", "WD-001:10023"]}}]  # fmt: skip

    def _event(self) -> None:
        dice = self.dice
        name = dice.pick([*list(self._revisions)[-6:], f"SO-{len(self._revisions) + 1}"])
        revision = max(1, self._revisions.get(name, 1) - dice.pick([0, 0, 0, 1]))
        kind = dice.pick(["shipped", "shipped", "cancelled", "cancelled", "returned"])
        several: list[list[Any]] = [[], [1], [1, 2], [2], [{"line": 1, "quantity": 1}]]
        lines = dice.pick(several)
        if kind != "cancelled" and not lines:
            lines = [1]
        self._say(f"{kind} {name}/{revision} {lines}")
        self.warehouse.tell(event(kind, name, revision, lines))

    def _alias(self) -> None:
        dice, today = self.dice, self.at.date()
        through = today + timedelta(days=dice.pick([1, 3, 60]))
        of: Wire = {"program": "lemtrada", "site_id": "HF1", "wholesaler_id": "WD-001", "through": through, "evidence": "Seen."}
        what: Wire = {"address": Address(**OTHER_STREET)} if dice.seldom(2) else {"account": "777"}
        engine, programs = self.ledger.engine, self.ledger.rules.programs
        try:
            known = [alias for alias in site_aliases.listed(engine, programs) if alias.state == "approved"]
            if known and dice.seldom(2):
                self._say("alias withdrawn")
                site_aliases.withdraw(engine, dice.pick(known).alias_id, "Gone.", ANNA, programs)
            else:
                name = site_aliases.propose(engine, SiteAliasProposal(**of, **what), ANNA, programs).alias_id
                site_aliases.approve(engine, name, "Seen too.", BERT, programs)
                self._say(f"alias {what} {through}")
        except Unusable:
            self._say("alias refused")

    def _time(self) -> None:
        self.at += timedelta(hours=self.dice.pick([1, 1, 3, 8, 14, 26]))
        self.ledger.set_clock(self.at)
        self._say("time")
