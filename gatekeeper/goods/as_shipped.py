"""Goods that left, as an order that could have been judged: what an event says, and the order's own line where it says nothing."""

from datetime import date
from typing import Any, NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from gatekeeper.domain.program import CoveredPackage
from gatekeeper.goods.reported import Reported, reported
from schemas.bypass import Completion
from schemas.canonical import canonical
from schemas.event import EventLine, ShipmentEvent
from schemas.order import Line, ShipFrom, ShipmentOrder, ShipTo

NOWHERE = "."
"""In the place of the site that goods left from, where nobody said it: an order must name one."""


class AsShipped(NamedTuple):
    order: ShipmentOrder | None
    """Of this one line; None where it could not be judged."""
    lacks: tuple[str, ...]
    """What nobody has said."""


def as_shipped(event: ShipmentEvent, line: EventLine, order: ShipmentOrder | None, completion: Completion | None = None) -> AsShipped:
    """What left by one line of an event. A person's ``completion`` comes first, then the event, then the ``order``."""
    goods = goods_gone(event, line, order, completion)
    ship_to: ShipTo | Any = goods.pop("ship_to")
    lacks = [name for name in ("product", "quantity") if goods[name] is UNSET] + (["ship_to"] if ship_to is UNSET else [])
    if lacks:
        return AsShipped(None, tuple(lacks))
    ship_from = _first([each for each in (completion, order) if each is not None], "ship_from")
    whole = ShipmentOrder(
        order_id=event.order_id,
        wholesaler_id=event.wholesaler_id,
        revision=1 if event.revision is UNSET else event.revision,
        ordered_at=event.at if order is None else order.ordered_at,
        ship_on=_day(event) if order is None else order.ship_on,
        deliver_by=UNSET if order is None else order.deliver_by,
        ship_from=ShipFrom(site_id=NOWHERE) if ship_from is UNSET else ship_from,
        ship_to=ship_to,
        lines=(Line(line=line.line, **goods),),
    )
    return AsShipped(whole, ())


def goods_gone(event: ShipmentEvent, line: EventLine, order: ShipmentOrder | None, completion: Completion | None = None) -> dict[str, Any]:
    """By member, what is known of goods that left and of their recipient; ``UNSET`` where nobody said it."""
    ordered = next((each for each in order.lines if each.line == line.line), None) if order else None
    ship_to = _first([each for each in (completion, event, order) if each is not None], "ship_to")
    return _goods(line, ordered, completion) | {"ship_to": ship_to}


def reported_with(
    event: ShipmentEvent, line: EventLine, order: ShipmentOrder | None, completion: Completion | None, package: CoveredPackage
) -> Reported:
    """What an event says of a line, with what a person added and, of goods that nobody released, what was ordered."""
    ordered = next((each for each in order.lines if each.line == line.line), None) if order else None
    if completion is None and ordered is None:
        return reported(event.event_id, line, package)
    goods = _goods(line, ordered, completion)
    names = ("quantity", "unit", "lot", "expires_on", "serials")
    return reported(event.event_id, replace(line, **{name: goods[name] for name in names}), package)


def party_of(event: ShipmentEvent, line: EventLine, completion: Completion | None, order: ShipmentOrder | None = None) -> bytes:
    """Who and what an event names, or else the ``order``, in one writing; empty where nobody is named."""
    ordered = next((each for each in order.lines if each.line == line.line), None) if order else None
    said = [each for each in (completion, line, event, ordered, order) if each is not None]
    names = {name: _first([each for each in said if hasattr(each, name)], name) for name in ("ship_to", "patient", "product")}
    return canonical(Completion(**names)).replace(b"{}", b"")


def _goods(line: EventLine, ordered: Line | None, completion: Completion | None) -> dict[str, Any]:
    """What a person added comes first, then the event, then what was ordered, as far as that says it of other goods too."""
    said = [each for each in (completion, line, ordered) if each is not None]
    goods = {name: _first(said, name) for name in ("product", "quantity", "unit", "lot", "expires_on", "serials", "patient")}
    if line.quantity is UNSET and line.serials is not UNSET and (completion is None or completion.quantity is UNSET):
        goods |= {"quantity": len(line.serials), "unit": UNSET}
    if ordered and goods["lot"] != ordered.lot and _first(said[:-1], "expires_on") is UNSET:
        goods["expires_on"] = UNSET
    if ordered and goods["quantity"] != ordered.quantity and _first(said[:-1], "serials") is UNSET:
        goods["serials"] = UNSET
    return goods


def _first(said: list[Any], name: str) -> Any:
    return next((value for each in said if (value := getattr(each, name)) is not UNSET), UNSET)


def _day(event: ShipmentEvent) -> date:
    return date.fromisoformat(event.at[:10])
