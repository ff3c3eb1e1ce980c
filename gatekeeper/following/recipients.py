"""Who received goods of a recalled lot past the gate: no released line says so, only what the warehouse reported, and people added."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET
from psycopg import Cursor

from gatekeeper.domain.facts import RecallFact
from gatekeeper.domain.program import Program
from gatekeeper.examinations.history import by_order
from gatekeeper.following.findings import SHIPPED, Finding
from gatekeeper.goods.as_shipped import goods_gone
from gatekeeper.goods.grounds import books_of, ordered
from gatekeeper.goods.line_book import Book, lines_of, told_of
from gatekeeper.goods.recalls import Goods, codes_of, is_of_goods
from gatekeeper.storage import bypasses as kept
from gatekeeper.storage import ledger
from gatekeeper.storage.bypasses import Bypass
from gatekeeper.storage.events import events_of
from gatekeeper.storage.look_back import LookingBack
from gatekeeper.translate import kept_fact
from schemas.bypass import Completion
from schemas.canonical import canonical
from schemas.event import ShipmentEvent

BYPASSES_AT_ONCE: Final = 500
_completion = msgspec.json.Decoder(Completion)


class _Gone(NamedTuple):
    """Goods of one line that left past the gate, with the book of the line."""

    bypass: Bypass
    event: ShipmentEvent
    goods: Goods
    book: Book

    @property
    def is_found_otherwise(self) -> bool:
        """Whether a release of the same goods to the same recipient is looked at: one that was withdrawn, or came later."""
        return self.book.released is not None and not self.bypass.is_elsewhere


def past_the_gate(cursor: Cursor[Any], looking: LookingBack, programs: tuple[Program, ...], version: int) -> list[tuple[UUID, bytes]]:
    """What had left past the gate of a recalled lot when the recall became known: each the bypass, and the body of a finding.

    What is found to have left later says of itself that it was recalled (``recalled_goods_shipped``).
    """
    recall, found, after = kept_fact(looking.body), [], UUID(int=0)
    if not isinstance(recall, RecallFact):
        return []
    while some := kept.found_by(cursor, looking.known_since, after, BYPASSES_AT_ONCE):
        after = max(each.bypass_id for each in some)
        for gone in _gone(cursor, sorted(some, key=lambda each: (each.at, each.bypass_id)), programs):
            if is_of_goods(recall, gone.goods, programs) and not gone.is_found_otherwise:
                found.append((gone.bypass.bypass_id, _finding(gone, recall, version)))
    return found


def _gone(cursor: Cursor[Any], some: Sequence[Bypass], programs: tuple[Program, ...]) -> Iterator[_Gone]:
    names = {bypass.place[:2] for bypass in some}
    order_ids = [order_id for _, order_id in names]
    examinations, told = ledger.earlier(cursor, order_ids), events_of(cursor, order_ids)
    orders, _ = ordered(cursor, names, examinations)
    history, events, books = by_order(examinations), by_order(told), books_of(cursor, told)
    lines = {told_of(each.said, line.line): (each.said, line) for each in told for line in lines_of(each.said)}
    for bypass in some:
        event, line = lines[bypass.told]
        completion = None if bypass.completion is None else _completion.decode(bypass.completion)
        goods = goods_gone(event, line, orders.get(bypass.place[:3]), completion)
        name = bypass.place[:2]
        yield _Gone(bypass, event, goods, books.book(bypass.place, history[name], events[name], programs))


def _finding(gone: _Gone, recall: RecallFact, version: int) -> bytes:
    goods, live, place = _given(gone.goods), gone.book.live, gone.bypass.place
    patient, ship_to = goods.get("patient"), goods.get("ship_to")
    said = {} if ship_to is None else _given({"site_id": ship_to.rems_site_id, "site_name": ship_to.name})
    if live is not None:
        said = _given({"site_id": live.body.ship_to.site_id, "site_name": live.body.ship_to.name}) | said
    ndc, gtin = codes_of(gone.goods)
    return canonical(
        Finding(
            found_with=version,
            wholesaler_id=place.wholesaler_id,
            order_id=place.order_id,
            revision=place.revision,
            line=place.line,
            bypass_id=str(gone.bypass.bypass_id),
            event_id=gone.bypass.event_id,
            left_at=gone.event.at,
            program=recall.program,
            site_id=said.get("site_id"),
            site_name=said.get("site_name"),
            ndc=ndc,
            gtin=gtin,
            quantity=goods.get("quantity"),
            unit=goods.get("unit"),
            lot=recall.lot,
            serials=goods.get("serials", ()),
            patient_id=patient and _given({"id": patient.patient_id}).get("id"),
            authorization_id=patient and _given({"id": patient.authorization_id}).get("id"),
            prescriber_id=patient and _given({"id": patient.prescriber_id}).get("id"),
            ship_to=ship_to,
            record_ids=() if live is None else (str(live.record_id),),
            state=SHIPPED,
            left=True,
        )
    )


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not UNSET}
