"""A warehouse, an order system and a gate, as somebody who reads their messages sees them: what counts for which line, and when."""

from collections import defaultdict

from tests.gate.plain_line import Line, Wire

Place = tuple[str, int, int]
"""Order, revision, line."""
NAMING = ("product", "patient", "ship_to")
"""What an event says only where the goods were other ones, or for others, than were ordered."""


class PlainBalance:
    """By line what was told of it (``plain_line.py``)."""

    def __init__(self) -> None:
        self.seen: dict[str, set[int]] = defaultdict(set)
        self.lines: dict[Place, Line] = {}
        self.waiting: list[Wire] = []
        self._new: list[Place] = []
        """Released since all was settled: what had been told of them is settled once more."""
        self.contested: set[Place] = set()
        """Lines of which a serial was named of another one too: who came first has it, and the others say what was released. And
        those of which a return named serials: it counts where the live record has them."""
        self._serials: dict[str, Place] = {}
        self._gone: dict[str, set[int]] = defaultdict(set)
        """By order, the revisions of which anything was told to have left."""

    @property
    def released(self) -> set[Place]:
        """The lines that the gate released, at any time."""
        return {place for place, line in self.lines.items() if line.released}

    def line(self, place: Place) -> Line:
        """What was told of it."""
        return self.lines.setdefault(place, Line(place[1], self.seen[place[0]]))

    def ordered(self, order: Wire) -> None:
        """A message of the order system was read; what had been told of it counts from now on."""
        self.seen[order["order_id"]].add(order["revision"])
        for line in order["lines"]:
            place: Place = (order["order_id"], order["revision"], line["line"])
            self._named(place, line)
            self.line(place).ordered = tuple(line.get("serials", ()))

    def answered(self, message: Wire) -> None:
        """A message of ``shipments-released``."""
        for line in message["lines"]:
            place: Place = (message["order_id"], message["revision"], line["line"])
            if line["outcome"] == "released" and self.line(place).release():
                self._new.append(place)

    def told(self, event: Wire) -> None:
        """A message of the warehouse was read."""
        if event["event"] == "shipped":
            self._gone[event["order_id"]].add(event["revision"])
        counts = event["revision"] in self.seen[event["order_id"]] and not (event["event"] == "returned" and self._unsettled(event))
        if event["event"] == "cancelled" or counts:
            self._count(event)
        else:
            self.waiting.append(event)
            for place in _places(event):
                self.line(place).left = True

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
            self.line(place).look_again()
        for event in counts:
            if event["event"] == "returned":
                self._count(event)

    def not_returned(self, event_id: str, place: Place) -> None:
        """People said that what came back by this event did not."""
        self.line(place).not_returned(event_id, waits=any(place in _places(event) for event in self.waiting))

    def pending(self, event_id: str) -> tuple[Line, Wire]:
        """What one event says of the one line that it names, where nobody knows yet what it was."""
        [found] = [(line, each) for line in self.lines.values() for each in line.pending if each["event"] == event_id]
        return found

    def is_withdrawn(self, place: Place) -> bool:
        """Whether the warehouse said what withdraws a released line: goods of a lower revision left, or a higher one was cancelled."""
        above = [
            line
            for (order, revision, number), line in self.lines.items()
            if order == place[0] and revision > place[1] and number == place[2]
        ]
        return any(revision < place[1] for revision in self._gone[place[0]]) or any(line.cancelled for line in above)

    def _unsettled(self, event: Wire) -> bool:
        """Whether something that was told of these lines before their order came does not count yet."""
        waiting = {place for each in self.waiting for place in _places(each)}
        return not (waiting | set(self._new)).isdisjoint(_places(event))

    def _count(self, event: Wire) -> None:
        if event["event"] == "cancelled":
            for number in [each["line"] for each in event.get("lines", [])] or [1, 2]:
                line = self.line((event["order_id"], event["revision"], number))
                line.cancelled, line.stands = True, False
            return
        for place, each in zip(_places(event), event["lines"], strict=True):
            said = each | {"at": event["at"], "event": event["event_id"]}
            self._named(place, said)
            if event["event"] == "shipped":
                self.line(place).ship(said, {name: of[name] for of in (event, each) for name in NAMING if name in of})
            else:
                if "serials" in said:
                    self.contested.add(place)
                self.line(place).take_back(said)

    def _named(self, place: Place, line: Wire) -> None:
        for serial in line.get("serials", ()):
            other = self._serials.setdefault(serial, place)
            if other != place:
                self.contested |= {other, place}


def _places(event: Wire) -> list[Place]:
    return [(event["order_id"], event["revision"], line["line"]) for line in event.get("lines", ())]
