"""Goods and what became of them: each story is told in any order, and its books at the end are known by construction."""

import json
from typing import Any, NamedTuple

from tests.faults.labels import EVENTS, Sending, Telling, answer
from tests.faults.living import Living, Story
from tests.faults.orders import LEMTRADA, Wire, written

LATE = frozenset({"shipment_bypassed"})
"""Where the order is read long after the event, it had to be taken for a bypass meanwhile."""
SITE, ROOMY = "HF-0", "AU-ROOMY"
"""A certified site, and an authorization with room for all."""
EARLY, LATER = "2026-01-03T10:00:00-05:00", "2026-01-04T10:00:00-05:00"
RELEASED, CANCELLED = answer({1: "released"}), answer({1: "blocked order_cancelled"})


class Goods(NamedTuple):
    """What the books must say of the one line of an order when all was told."""

    order_id: str
    vials: int = 0
    """0: there is no live record."""
    lot: str = "A1"
    serials: frozenset[str] = frozenset()
    outside: bool = False
    site: str = ""
    returned: int = 0
    alerts: frozenset[str] = frozenset()
    """Of these kinds there must be one."""
    either: frozenset[str] = frozenset()
    """If it names any, of one of these kinds there must be one."""
    may: frozenset[str] = LATE
    """Of these there may be, by the order in which things came."""


class Shipping(Living):
    """Stories of orders that are released, and of goods that nobody ordered."""

    def __init__(self, seed: int, partitions: int) -> None:
        super().__init__(seed, partitions)
        self.goods: list[Goods] = []

    def _goods(self, wave: int) -> list[Story]:
        return [
            self._ordered({}, ("shipped", {"quantity": 3}), vials=3),
            self._ordered({}, ("shipped", {"quantity": 2}), ("shipped", {"quantity": 3}), vials=5),
            self._ordered({}, ("shipped", {"quantity": 5, "lot": "A2"}), vials=5, lot="A2"),
            self._ordered({}, ("shipped", {"quantity": 6}), vials=5, alerts=frozenset({"shipment_disputed"})),
            self._swapped(wave), self._returned(wave), self._elsewhere(), self._nobody_ordered(wave), self._nobody_knows(),
            self._left_although(),
        ]  # fmt: skip

    def late(self) -> tuple[Story, Story]:
        """An event, and the order that it is about, for who sends it later."""
        order, event = self.plain()[0], {"quantity": 3}
        wire = self._as_wire(order)
        self.goods.append(Goods(wire["order_id"], 3, site=SITE))
        return [self._said(wire, "shipped", event, "0")], [order]

    def plain(self) -> Story:
        """An order that is released, of which nobody hears again."""
        order = self._order(SITE, authorization=ROOMY)
        return [Sending(self._somewhere(), written(order), (RELEASED,))]

    def _ordered(self, goods: Wire, *events: tuple[str, Wire], **books: Any) -> Story:
        order = self._order(self._certified(), **goods)
        books.setdefault("site", order["ship_to"]["rems_site_id"])
        self.goods.append(Goods(order["order_id"], **books))
        return [
            Sending(self._somewhere(), written(order), (RELEASED,)),
            *(self._said(order, event, line, f"{number}") for number, (event, line) in enumerate(events)),
        ]

    def _swapped(self, wave: int) -> Story:
        """Another vial in the place of one that was released."""
        serials = [f"V{wave}-{number}" for number in range(6)]
        return self._ordered({"serials": serials[:5]}, ("shipped", {"serials": serials[1:]}), vials=5, serials=frozenset(serials[1:]))

    def _returned(self, wave: int) -> Story:
        """Part of it comes back; also where that is told first."""
        serials = [f"R{wave}-{number}" for number in range(5)]
        back = "returned", {"serials": serials[:2], "verified": True}
        books = {"vials": 5, "serials": frozenset(serials), "returned": 2, "may": LATE | {"return_disputed"}}
        return self._ordered({"serials": serials}, ("shipped", {"quantity": 5}), back, **books)

    def _elsewhere(self) -> Story:
        """To another certified site than it was released for."""
        [sending, event] = self._ordered({}, ("shipped", {"quantity": 5}), vials=5, outside=True, alerts=LATE)
        told, site = self._as_wire(event), self._certified()
        while site == self.goods[-1].site:
            site = self._certified()
        told["ship_to"] = self._order(site)["ship_to"]
        self.goods[-1] = self.goods[-1]._replace(site=site)
        return [sending, event._replace(value=written(told))]

    def _nobody_ordered(self, wave: int) -> Story:
        """Goods of which no order is ever read, with all that a record needs."""
        site = self._certified()
        order = self._order(site)
        line = {"quantity": 5, "product": LEMTRADA, "lot": f"L{wave}", "patient": order["lines"][0]["patient"]}
        self.goods.append(Goods(order["order_id"], 5, f"L{wave}", outside=True, site=site, alerts=LATE))
        event = self._said(order, "shipped", line, "0")
        return [event._replace(value=written(self._as_wire(event) | {"ship_to": order["ship_to"]}))]

    def _nobody_knows(self) -> Story:
        """The same without its product: no record can be made."""
        order = self._order(self._certified())
        self.goods.append(Goods(order["order_id"], alerts=LATE))
        return [self._said(order, "shipped", {"quantity": 5}, "0")]

    def _left_although(self) -> Story:
        """Cancelled, and shipped after that; the order itself may be read after both."""
        order = self._order(self._certified())
        kinds = LATE | {"shipped_goods_cancelled"}
        self.goods.append(Goods(order["order_id"], 5, outside=True, site=order["ship_to"]["rems_site_id"], either=kinds, may=kinds))
        return [
            Sending(self._somewhere(), written(order), (RELEASED, CANCELLED)),
            self._said(order, "cancelled", None, "0"),
            self._said(order, "shipped", {"quantity": 5}, "1", LATER),
        ]

    def _said(self, order: Wire, event: str, line: Wire | None, number: str, at: str = EARLY) -> Telling:
        said: Wire = {
            "event_id": f"G-{order['order_id']}-{number}", "wholesaler_id": order["wholesaler_id"], "order_id": order["order_id"],
            "revision": order["revision"], "event": event, "at": at,
        }  # fmt: skip
        if line is not None:
            said["lines"] = [{"line": 1} | line]
        return Telling(EVENTS, self._somewhere(), written(said), frozenset({"event"}))

    @staticmethod
    def _as_wire(event: Sending | Telling) -> Wire:
        return json.loads(event.value)  # type: ignore[no-any-return]
