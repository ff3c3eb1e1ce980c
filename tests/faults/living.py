"""The registry that lives: facts and events that come by topic while orders flow, and orders whose answers follow from them."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tests.faults.labels import EVENTS, FACTS, Sending, Telling, answer, refusal, withdrawal
from tests.faults.orders import Orders, Wire, written

Story = list[Sending | Telling]
"""Messages that are sent in this order, others in between."""

TOLD = frozenset({"fact", "repeat"})
"""A fact that a snapshot told first is a repeat."""
DAYS_AGO = (0, 0, 1, 30)
REASONS = ("blocked site_suspended", "held authorization_not_valid", "blocked lot_recalled", "blocked order_cancelled")


class Untold(NamedTuple):
    """A fact that gets its sequence in the wave that tells it."""

    fact: Wire
    days_ago: int


class Living(Orders):
    """Stories that go on from wave to wave. Each has sites, authorizations and lots of its own."""

    def __init__(self, seed: int, partitions: int) -> None:
        super().__init__(seed, partitions)
        self.living_sites: list[str] = []
        """Those that the first snapshot certifies."""
        self._told: list[tuple[int, Wire]] = []
        self._sequence = 1
        self._events = 0
        self._later: dict[int, list[list[Sending | Telling | Untold]]] = defaultdict(list)
        self._begun = datetime.now(UTC) - timedelta(hours=1)

    def told_through(self, waves: int) -> int:
        """The last sequence that the first so many waves tell."""
        return max((fact["sequence"] for wave, fact in self._told if wave < waves), default=0)

    def orders_to(self, site: str, authorization: str, count: int = 1) -> list[Sending]:
        """Orders that only what is told of this site stops."""
        return [self._sent(self._order(site, authorization=authorization)) for _ in range(count)]

    def now_is(self, site: str, status: str) -> Telling:
        """The next fact of the registry, about a site."""
        return self._numbered(0, Untold(self._site(site, status), 0))

    def _living(self, wave: int) -> list[Story]:
        """What goes on from earlier waves, then what begins in this one."""
        going_on = [
            [self._numbered(wave, message) if isinstance(message, Untold) else message for message in story]
            for story in self._later.pop(wave, [])
        ]
        begun = [
            self._suspended(wave), self._suspended_and_back(wave), self._authorization_cancelled(wave), self._found_at_last(wave),
            self._recalled(wave), self._cancelled(), self._cancelled_later(wave), self._shipped(wave), *self._freed(wave),
            *self._noise(wave),
        ]  # fmt: skip
        return going_on + begun

    def _heartbeat(self, wave: int) -> Telling:
        as_of = (self._begun + timedelta(seconds=wave)).isoformat(timespec="seconds")
        beat = {"fact": "heartbeat", "program": "lemtrada", "sequence": self._sequence, "as_of": as_of}
        return Telling(FACTS, self._somewhere(), written(beat), frozenset({"heartbeat"}))

    def _suspended(self, wave: int) -> Story:
        """Orders before, beside and after a suspension, which may hold for days already."""
        site = self._lives()
        self._later[wave + 1].append([self._living_order(site), Untold(self._site(site, "suspended"), self._day())])
        self._later[wave + 2].append([self._living_order(site)])
        return [self._living_order(site), self._living_order(site)]

    def _suspended_and_back(self, wave: int) -> Story:
        site, day = self._lives(), self._day()
        self._later[wave + 1].append([Untold(self._site(site, "suspended"), day), self._living_order(site)])
        self._later[wave + 2].append([self._living_order(site), Untold(self._site(site, "certified"), day)])
        return [self._living_order(site), self._living_order(site)]

    def _authorization_cancelled(self, wave: int) -> Story:
        site = self._certified()
        order = self._order(site)
        told = next(each for each in self._authorizations if each["authorization_id"] == order["lines"][0]["patient"]["authorization_id"])
        self._later[wave + 1].append([Untold(told | {"status": "cancelled"}, self._day())])
        return [self._sent(order)]

    def _found_at_last(self, wave: int) -> Story:
        """An order to a site that nobody knows yet, the site, and a higher revision of the order."""
        site = f"NEW-{wave}"
        order, partition = self._order(site), self._somewhere()
        again = answer({1: "released"}, revision=2)
        rights = (again, withdrawal(1, 2, (1,)) | again, answer({1: "held site_unknown"}, revision=2))
        self._later[wave + 1].append([Untold(self._site(site, "certified"), self._day())])
        self._later[wave + 2].append([Sending(partition, written(order | {"revision": 2}), rights, living=True)])
        return [Sending(partition, written(order), (answer({1: "released"}), answer({1: "held site_unknown"})), living=True)]

    def _recalled(self, wave: int) -> Story:
        lot = f"LOT-{wave}"
        recall = {"fact": "recall", "ndc": "58468-0200-1", "lot": lot, "status": "recalled"}
        self._later[wave + 1].append([self._sent(self._order(self._certified(), lot=lot)), Untold(recall, self._day())])
        return [self._sent(self._order(self._certified(), lot=lot)) for _ in range(2)]

    def _cancelled(self) -> Story:
        """Order and cancellation, whichever is read first."""
        order = self._order(self._certified())
        return [self._sent(order), self._event(order, "cancelled")]

    def _cancelled_later(self, wave: int) -> Story:
        order = self._order(self._certified())
        self._later[wave + 1].append([self._event(order, "cancelled")])
        return [self._sent(order)]

    def _shipped(self, wave: int) -> Story:
        """The goods left before the site was suspended, or just after."""
        site = self._lives()
        order = self._order(site)
        left: list[Sending | Telling | Untold] = [self._event(order, "shipped"), Untold(self._site(site, "suspended"), self._day())]
        self._random.shuffle(left)
        self._later[wave + 1].append(left)
        return [self._sent(order)]

    def _freed(self, wave: int) -> list[Story]:
        """Two orders on an authorization with room for one, and the cancellation of the one that got it."""
        site, partition = self._certified(), self._somewhere()
        first, second = self._order(site), self._order(site, authorization=self._authorizations[-1]["authorization_id"])
        self._later[wave + 1].append([self._event(first, "cancelled")])
        rights = answer({1: "held authorization_exhausted"}), answer({1: "released"})
        return [[self._sent(first)._replace(partition=partition), Sending(partition, written(second), rights)]]

    def _noise(self, wave: int) -> list[Story]:
        """What cannot be read, what comes twice, and what contradicts itself."""
        fact = self._numbered(wave, Untold(self._site(f"QUIET-{wave}", "certified"), 0))
        other = self._told[-1][1] | {"valid_through": "2199-01-01"}
        event = self._event(self._order(self._certified()), "shipped")
        return [
            [Telling(FACTS, self._somewhere(), b"\xffrubbish", frozenset({"refused"}), refusal(""))],
            [fact, fact._replace(kinds=frozenset({"repeat"})), Telling(FACTS, fact.partition, written(other), frozenset({"aside"}))],
            [Telling(EVENTS, self._somewhere(), b"\xffrubbish", frozenset({"refused"}), refusal(""))],
            [event, event._replace(kinds=frozenset({"repeat"}))],
        ]

    def _lives(self) -> str:
        self.living_sites.append(f"LIVE-{len(self.living_sites)}")
        return self.living_sites[-1]

    def _day(self) -> int:
        return self._random.choice(DAYS_AGO)

    def _living_order(self, site: str) -> Sending:
        return self._sent(self._order(site))

    def _sent(self, order: Wire) -> Sending:
        """What its message is answered, by what had been told when it was judged."""
        return Sending(self._somewhere(), written(order), tuple(answer({1: said}) for said in ("released", *REASONS)), living=True)

    def _event(self, order: Wire, event: str) -> Telling:
        self._events += 1
        said: Wire = {
            "event_id": f"EV-{self._events}", "wholesaler_id": order["wholesaler_id"], "order_id": order["order_id"],
            "revision": order["revision"], "event": event, "at": "2026-01-03T10:00:00-05:00",
        }  # fmt: skip
        if event == "shipped":
            said["lines"] = [{"line": 1, "quantity": order["lines"][0]["quantity"]}]
        return Telling(EVENTS, self._somewhere(), written(said), frozenset({"event"}))

    def _numbered(self, wave: int, untold: Untold) -> Telling:
        """The fact with the next sequence, as it is told in this wave."""
        self._sequence += 1
        day = self.today - timedelta(days=untold.days_ago)
        fact = {"program": "lemtrada", "sequence": self._sequence, "effective_on": str(day), **untold.fact}
        self._told.append((wave, fact))
        return Telling(FACTS, self._somewhere(), written(fact), TOLD)
