"""What the live record of one line must say, told from what was sent of that line alone: nothing of what it judges is imported.

released - voided - short + outside the gate = vials of live originals and corrections; what came back is counted apart.
"""

from datetime import datetime
from typing import Any, NamedTuple

from tests.gate.plain_vials import Back, Gone, vials

Wire = dict[str, Any]
VIALS = 5
"""In each line of each order."""
LOT = "L1"
"""Of everything that is ordered."""
HERE = "HF1"
"""The site to which every line is released."""
NOBODYS = {"ndc": "58468-0357-3"}
"""A product that nobody restricts: people have to say what left, and until then the record stays."""


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


class Line:
    """What was told of one line, in the order in which it counts."""

    def __init__(self, revision: int, seen: set[int]) -> None:
        self.revision, self.seen = revision, seen
        """And the revisions of its order that were read."""
        self.ordered: tuple[str, ...] = ()
        """The serials that were ordered."""
        self.released = self.cancelled = False
        self.voided = False
        """By people."""
        self.left = False
        """Something was reported to have left, or to have come back, also where it does not count yet."""
        self.stands = False
        """Its record does, although nobody says any more that its goods left."""
        self.shipped: list[Wire] = []
        self.parties: list[Wire] = []
        """Of each of these to whom it went, or what it was; empty where that is as it was released, or nobody says it."""
        self.fixed: tuple[int, str] | None = None
        """Vials and site of the record when another party was named: it stays right of the first."""
        self.patients: list[Wire] = []
        """Those whom people named in the record of what was released."""
        self.outside = 0
        """Vials of the record, as long as there is no release."""
        self.recorded: list[Wire] = []
        """What that record is made of."""
        self.pending: list[Wire] = []
        """Of what nobody knows what it is before its order comes, or people complete it."""
        self.completed = False
        self.ever = {0}
        """How many vials that record may have had, whatever came first."""
        self.back: list[tuple[Wire, int]] = []
        """What is recorded of what came back, and as how many."""
        self.unfitting: list[Wire] = []
        self.returns: list[Wire] = []
        """All that was told to have come back."""

    @property
    def returned(self) -> int:
        return sum(many for _, many in self.back)

    @property
    def is_ordered(self) -> bool:
        return self.revision in self.seen

    @property
    def balance(self) -> Balance:
        if not self.released:
            return Balance(0, 0, 0, self.outside, self.returned)
        if self.fixed is not None:
            return Balance(VIALS, 0, VIALS - self.fixed[0], 0, self.returned)
        if not self.shipped:
            return Balance(VIALS, VIALS if self._stays and not (self.left or self.stands) else 0, 0, 0, self.returned)
        return Balance(VIALS, 0, 0 if self._is_disputed(self.shipped) else VIALS - self._vials(self.shipped), 0, self.returned)

    @property
    def possible(self) -> set[int]:
        """How many vials the live record may have where a serial is another line's too: what left, or what one record can say."""
        if not self.released:
            return self.ever
        return {self.balance.live, VIALS} if self.shipped else {self.balance.live}

    @property
    def most_back(self) -> int:
        """No more came back than events say."""
        return sum(line.get("quantity", len(line.get("serials", ())) or VIALS) for line in self.returns)

    @property
    def site(self) -> str:
        """Where the goods of a released line went, as far as one record can say it."""
        if self.fixed is not None:
            return self.fixed[1]
        if not self.parties or self._is_disputed(self.shipped):
            return HERE
        return str(self.parties[0].get("ship_to", {}).get("rems_site_id", HERE))

    def void(self) -> None:
        """By people, who say that the goods stayed."""
        self.voided, self.stands = True, False

    def release(self) -> bool:
        """By the gate; says whether something had been told of it before, which is settled once more."""
        if self.voided:
            self.voided, self.patients = False, []
        is_new, self.released = not self.released, True
        return is_new and bool(self.shipped or self.unfitting or self.back)

    def ship(self, line: Wire, party: Wire) -> None:
        """Goods left, as they were ordered, or as or for this ``party``."""
        if party.get("patient") in self.patients:
            party = {}
        if self.released:
            if self.fixed is None and (party.get("product") == NOBODYS or (self.parties and self.parties[0] != party)):
                self.fixed = self.balance.live, self.site
        elif not self.is_ordered:
            self.pending.append(line)
        elif not self.completed and not self._is_disputed(together := [*self.shipped, line]):
            self.recorded, self.pending, self.outside = together, [], self._vials(together)
        self.left = True
        self.shipped.append(line)
        self.parties.append(party)
        self.ever |= {so_far + self._vials([line]) for so_far in self.ever}
        self.look_again()

    def take_back(self, line: Wire) -> None:
        """Goods came back."""
        self.left = True
        self.returns.append(line)
        if "serials" not in line:
            self._fit(line)

    def not_returned(self, event_id: str, *, waits: bool) -> None:
        """People said that what came back by this event did not: the line is as if nobody had told it, but for a record that stands only
        because it was told. ``waits``: something else is told of it that does not count yet.
        """
        self.back = [(line, many) for line, many in self.back if line["event"] != event_id]
        self.returns = [line for line in self.returns if line["event"] != event_id]
        self.left = waits or bool(self.shipped or self.returns)
        self.stands = self._stays and not self.left
        self.look_again()

    def look_again(self) -> None:
        """What came back and did not fit is looked at again when more has left."""
        unfitting, self.unfitting = self.unfitting, []
        for line in unfitting:
            self._fit(line)

    def can_complete(self, line: Wire, added: Wire) -> bool:
        """Two people add what is known of one report: whether there can be a record of it."""
        return not self._is_disputed([*self.recorded, line | added])

    def complete(self, line: Wire, added: Wire) -> None:
        """They did."""
        whole = line | added
        self.pending.remove(line)
        self.shipped[self.shipped.index(line)] = whole
        self.recorded.append(whole)
        if "unit" in line:
            self.ever |= {so_far + whole["quantity"] for so_far in self.ever}
        self.completed, self.outside = True, self._vials(self.recorded)
        self.look_again()

    @property
    def _stays(self) -> bool:
        """Whether it is known that the goods of a released line stayed, where nobody said that they left."""
        return self.cancelled or self.voided or any(revision > self.revision for revision in self.seen)

    def _fit(self, line: Wire) -> None:
        rest = self.balance.live - self.returned
        many = line.get("quantity", rest)
        if 0 < many <= rest:
            self.back.append((line, many))
        else:
            self.unfitting.append(line)

    def _vials(self, shipped: list[Wire]) -> int:
        """How many left by these reports, read with all that came back."""
        known = [line for line in shipped if line.get("unit", "vial") == "vial"]
        told = [line.get("quantity", len(line.get("serials", ())) or None) for line in known]
        if not self.released:
            # Nobody knows how much was to leave: each report is of all that was ordered.
            return sum(many or VIALS for many in told)
        moves: list[tuple[datetime, Gone | Back]] = [
            (datetime.fromisoformat(line["at"]), Gone(many, tuple(line.get("serials", ())))) for line, many in zip(known, told, strict=True)
        ]
        came = [*self.back, *[(line, None) for line in self.unfitting]]
        moves += [
            (datetime.fromisoformat(line["at"]), Back(line.get("quantity"), (), verified=False, recorded=many)) for line, many in came
        ]
        return vials(moves, VIALS, self.ordered).left

    def _is_disputed(self, shipped: list[Wire]) -> bool:
        """Whether one record cannot say what left by these reports."""
        # Of goods that were not released the order says which they were, where a report is of all that was ordered and names none.
        ordered = () if self.released else self.ordered
        named = [line.get("serials", ordered if line.get("quantity", VIALS) == VIALS else ()) for line in shipped]
        serials = [serial for line in named for serial in line]
        lots = {line.get("lot", LOT if self.is_ordered else None) for line in shipped} - {None}
        too_many = self.released and self._vials(self.shipped) > VIALS
        unknown = any(line.get("unit", "vial") != "vial" for line in shipped)
        # The record of what was not released can do without a lot.
        return too_many or unknown or len(set(serials)) < len(serials) or (self.released and len(lots) > 1)
