"""Which serials must be out, told from what was sent alone: those that were reported to have left, until verified returns say otherwise."""

from collections import Counter, defaultdict
from typing import Any

Wire = dict[str, Any]
Place = tuple[str, int, int]
"""Order, revision, line."""


class PlainSerials:
    """The serials that somebody who reads all that is sent thinks of."""

    def __init__(self) -> None:
        self._orders: dict[str, set[int]] = defaultdict(set)
        self._waiting: list[Wire] = []
        self._ordered: dict[Place, set[str]] = {}
        self._put_right: dict[Place, set[str]] = {}
        """By people."""
        self._counted: list[tuple[str, str, Place, Wire]] = []
        """Which event, when it was, and what it says of a line."""
        self._begin()

    def _begin(self) -> None:
        self._left: dict[tuple[str, Place], list[str]] = defaultdict(list)
        """When each left with each line, by what was told."""
        self._back: Counter[tuple[str, Place]] = Counter()
        self._unnamed: Counter[Place] = Counter()
        """So many came back verified without a name, whichever they are; where nobody says how many, of each vial at least one."""
        self._all_back: dict[Place, str] = {}
        """When all of the line came back last, verified: all that was out, however often it had been told."""
        self._named: dict[Place, set[str]] = defaultdict(set)
        self._whole: dict[Place, str] = {}
        """When all of a line left last, by what was told."""
        self._last: dict[Place, str] = {}
        """When something came back last, verified."""

    def ordered(self, order: Wire) -> None:
        """A message of the order system was read."""
        self._orders[order["order_id"]].add(order["revision"])
        for line in order["lines"]:
            self._ordered[order["order_id"], order["revision"], line["line"]] = set(line.get("serials", ()))

    def told(self, event: Wire) -> None:
        """A message of the warehouse was read. What it says of an order that was not seen counts later."""
        if event["revision"] in self._orders[event["order_id"]]:
            self._count(event)
        else:
            self._waiting.append(event)

    def waited(self, *, in_vain: bool) -> None:
        """Whatever waited for an order that has come counts now; ``in_vain``: also where none comes."""
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            if in_vain or event["revision"] in self._orders[event["order_id"]]:
                self._count(event)
            else:
                self._waiting.append(event)

    def completed(self, place: Place, serials: list[str], at: str) -> None:
        """People say which vials left."""
        if serials:
            self._count_line("", at, place, {"serials": serials, "left": True})

    def corrected(self, place: Place, serials: list[str]) -> None:
        """People say which vials a line is of; without any, they say that these stayed."""
        self._put_right[place] = set(serials)

    def gone(self, recorded: set[Place], released: set[Place]) -> set[str]:
        """Those that left more often with one of these lines than they came back, and all that was released of a line that left after the
        last of it came back; without a record nothing is known to be out.
        """
        left = {name: self._times(*name) - self._back[name] for name in self._left}
        gone = {serial for (serial, place), times in left.items() if place in recorded and times > 0}
        for place, at in self._whole.items():
            whole = self._put_right.get(place) or self._ordered.get(place, set())
            # Where others were named, those may have left in the place of what was ordered.
            if place in recorded & released and at > self._last.get(place, "") and self._named[place] <= whole:
                gone |= whole
        return gone

    def _times(self, serial: str, place: Place) -> int:
        """How often it left, but for what may have come back without its name."""
        left, all_back = self._left[serial, place], self._all_back.get(place, "")
        return min(len(left) - self._unnamed[place], sum(at > all_back for at in left))

    def not_returned(self, event_id: str, place: Place) -> None:
        """People said that what came back by this event did not."""
        self._begin()
        counted, self._counted = self._counted, []
        for event, at, of, line in counted:
            if (event, of) != (event_id, place):
                self._count_line(event, at, of, line)

    def _count(self, event: Wire) -> None:
        for line in event.get("lines", ()) if event["event"] != "cancelled" else ():
            place = event["order_id"], event["revision"], line["line"]
            if "product" in line:
                # Of a product that nobody restricts no serial is out.
                continue
            self._count_line(event["event_id"], event["at"], place, line | {"left": event["event"] == "shipped"})

    def _count_line(self, event: str, at: str, place: Place, line: Wire) -> None:
        self._counted.append((event, at, place, line))
        named = [(serial, place) for serial in line.get("serials", ())]
        if line["left"]:
            for name in named:
                self._left[name].append(at)
            self._named[place].update(line.get("serials", ()))
            if not named and "quantity" not in line:
                self._whole[place] = max(at, self._whole.get(place, ""))
        elif line["verified"]:
            self._back.update(named)
            if not named:
                self._unnamed[place] += line.get("quantity", 1)
                if "quantity" not in line:
                    self._all_back[place] = max(at, self._all_back.get(place, ""))
            self._last[place] = max(at, self._last.get(place, ""))
