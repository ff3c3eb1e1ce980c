"""How many vials the books must have of each line, told from what was sent and answered alone: nothing of what it judges is imported.

released - voided - short + outside the gate = vials of live originals and corrections; what came back is counted apart.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from tests.gate.plain_vials import Back, Gone, vials

Wire = dict[str, Any]
Place = tuple[str, int, int]
"""Order, revision, line."""
VIALS = 5
"""In each line of each order."""
OWN = {"lot": "L1"}


class Balance(NamedTuple):
    """Of one line."""

    released: int
    voided: int
    short: int
    outside: int
    returned: int

    @property
    def live(self) -> int:
        return self.released - self.voided - self.short + self.outside


class Told:
    """What was told of one line, in the order in which it counts."""

    def __init__(self) -> None:
        self.shipped: list[Wire] = []
        self.cancelled = False
        self.left = False
        """Something was reported to have left, or to have come back, also where it does not count yet."""
        self.outside = 0
        self.back: list[tuple[Wire, int]] = []
        """What is recorded of what came back, and as how many."""
        self.unfitting: list[Wire] = []

    @property
    def returned(self) -> int:
        return sum(many for _, many in self.back)


class PlainBalance:
    """A warehouse, an order system and a gate, as somebody who reads their messages sees them."""

    def __init__(self) -> None:
        self.seen: dict[str, set[int]] = defaultdict(set)
        self.lines: dict[Place, Told] = defaultdict(Told)
        self.released: set[Place] = set()
        self.waiting: list[Wire] = []
        self._new: list[Place] = []
        """Released since all was settled: what had been told of them is settled once more."""
        self.contested: set[Place] = set()
        """Lines of which a serial was named of another one too: who came first has it, and the others say what was released. And
        those of which a return named serials: it counts where the live record has them."""
        self._serials: dict[str, Place] = {}
        self._ordered: dict[Place, tuple[str, ...]] = {}
        """The serials that were ordered."""

    def ordered(self, order: Wire) -> None:
        """A message of the order system was read; what had been told of it counts from now on."""
        self.seen[order["order_id"]].add(order["revision"])
        for line in order["lines"]:
            place: Place = (order["order_id"], order["revision"], line["line"])
            self._named(place, line)
            self._ordered[place] = tuple(line.get("serials", ()))

    def answered(self, message: Wire) -> None:
        """A message of ``shipments-released``."""
        for line in message["lines"]:
            place: Place = (message["order_id"], message["revision"], line["line"])
            if line["outcome"] == "released" and place not in self.released:
                self.released.add(place)
                told = self.lines[place]
                if told.shipped or told.unfitting or told.back:
                    self._new.append(place)

    def told(self, event: Wire) -> None:
        """A message of the warehouse was read."""
        counts = event["revision"] in self.seen[event["order_id"]] and not (event["event"] == "returned" and self._unsettled(event))
        if event["event"] == "cancelled" or counts:
            self._count(event)
        else:
            self.waiting.append(event)
            for line in event["lines"]:
                self.lines[event["order_id"], event["revision"], line["line"]].left = True

    def waited(self, *, in_vain: bool) -> None:
        """Whatever waited for an order that has come counts now; ``in_vain``: also where none comes, but then it is of unknown goods."""
        # What came back had left: that counts first. What is told of no order, and so without its product, makes no record; it counts
        # should the gate release the line later.
        counts = [event for event in self.waiting if in_vain or event["revision"] in self.seen[event["order_id"]]]
        self.waiting = [event for event in self.waiting if event not in counts]
        for event in counts:
            if event["event"] == "shipped":
                self._count(event)
        new, self._new = self._new, []
        for place in new:
            self._again(place)
        for event in counts:
            if event["event"] == "returned":
                self._count(event)

    def balance(self, place: Place) -> Balance:
        told, left = self.lines[place], self._left(place)
        if place not in self.released:
            return Balance(0, 0, 0, self._known_left(place), told.returned)
        if not told.shipped:
            voided = VIALS if self._stays(place) and not told.left else 0
            return Balance(VIALS, voided, 0, 0, told.returned)
        if self._disputed(place):
            return Balance(VIALS, 0, 0, 0, told.returned)
        return Balance(VIALS, 0, VIALS - left, 0, told.returned)

    def _unsettled(self, event: Wire) -> bool:
        """Whether something that was told of these lines before their order came does not count yet."""
        places = [(event["order_id"], event["revision"], line["line"]) for line in event["lines"]]
        waiting = {(each["order_id"], each["revision"], line["line"]) for each in self.waiting for line in each["lines"]}
        return not (waiting | set(self._new)).isdisjoint(places)

    def _known_left(self, place: Place) -> int:
        """Of goods that were not released: as many as left, as long as one record can say it, and if it is known what they were."""
        return self.lines[place].outside

    def _count(self, event: Wire) -> None:
        name = event["order_id"], event["revision"]
        if event["event"] == "cancelled":
            numbers = [line["line"] for line in event.get("lines", [])] or [1, 2]
            for revision in range(1, event["revision"] + 1):
                for number in numbers:
                    self.lines[name[0], revision, number].cancelled |= revision == event["revision"]
            return
        for each in event["lines"]:
            place: Place = (*name, each["line"])
            line = each | {"at": event["at"]}
            self._named(place, line)
            self.lines[place].left = True
            if event["event"] == "shipped":
                self.lines[place].shipped.append(line)
                if name[1] in self.seen[name[0]] and not self._disputed(place):
                    self.lines[place].outside = self._left(place)
                self._again(place)
            elif "serials" in line:
                self.contested.add(place)
            else:
                self._returned(place, line)

    def _returned(self, place: Place, line: Wire) -> None:
        told = self.lines[place]
        rest = self.balance(place).live - told.returned
        many = line.get("quantity", rest)
        if 0 < many <= rest:
            told.back.append((line, many))
        else:
            told.unfitting.append(line)

    def _again(self, place: Place) -> None:
        """What came back and did not fit is looked at again when more has left."""
        told = self.lines[place]
        unfitting, told.unfitting = told.unfitting, []
        for line in unfitting:
            self._returned(place, line)

    def _left(self, place: Place) -> int:
        told = [line.get("quantity", len(line.get("serials", ())) or None) for line in self.lines[place].shipped]
        if place not in self.released:
            # Nobody knows how much was to leave: each report is of all that was ordered.
            return sum(many or VIALS for many in told)
        moves: list[tuple[datetime, Gone | Back]] = [
            (datetime.fromisoformat(line["at"]), Gone(many, tuple(line.get("serials", ()))))
            for line, many in zip(self.lines[place].shipped, told, strict=True)
        ]
        moves += [
            (datetime.fromisoformat(line["at"]), Back(line.get("quantity"), (), verified=False, recorded=many))
            for line, many in self._came(place)
        ]
        return vials(moves, VIALS, self._ordered.get(place, ())).left

    def _came(self, place: Place) -> list[tuple[Wire, int | None]]:
        return [*self.lines[place].back, *[(line, None) for line in self.lines[place].unfitting]]

    def _disputed(self, place: Place) -> bool:
        """Whether one record cannot say what left."""
        shipped = self.lines[place].shipped
        # Of goods that were not released the order says which they were, where a report is of all that was ordered and names none.
        ordered = () if place in self.released else self._ordered.get(place, ())
        named = [line.get("serials", ordered if line.get("quantity", VIALS) == VIALS else ()) for line in shipped]
        serials = [serial for line in named for serial in line]
        lots = {line.get("lot", OWN["lot"]) for line in shipped}
        too_many = self._left(place) > VIALS and place in self.released
        return too_many or len(set(serials)) < len(serials) or len(lots) > 1

    def _stays(self, place: Place) -> bool:
        return self.lines[place].cancelled or any(revision > place[1] for revision in self.seen[place[0]])

    def _named(self, place: Place, line: Wire) -> None:
        for serial in line.get("serials", ()):
            other = self._serials.setdefault(serial, place)
            if other != place:
                self.contested |= {other, place}
