"""What one line has used up: units of authorizations, and serials. Pure, from its book."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from msgspec import UNSET

from gatekeeper.domain.case import Held, Question
from gatekeeper.domain.order import Line
from gatekeeper.goods.books import STANDING, returned
from gatekeeper.goods.by_people import Change, as_corrected
from gatekeeper.goods.line_book import Book, Shipment, Use, goods_of, whereabouts_of
from gatekeeper.goods.reported import Reported
from gatekeeper.goods.whereabouts import Whereabouts
from gatekeeper.storage.records import Recorded
from schemas.record import DistributionRecord


def out_by_records(book: Book) -> set[str]:
    """The serials that records say left past the gate, and those that people put into one, as people know them at last.

    What stayed and was released again has nothing to do with what people knew of it before.
    """
    released = next((number for number, record in enumerate(book.records) if record is book.released), 0)
    of = {record.record_id: set(goods_of(record).serials) for record in book.records}
    out: set[str] = set()
    for number, record in enumerate(book.records):
        is_outside = record.body.outside_gate is not UNSET
        if record.record_id in book.by_people and record.replaces is not None:
            before, after = of[record.replaces], of[record.record_id]
            if is_outside or number > released:
                out = (out - (before - after)) | (after - before)
        elif is_outside and record.kind in STANDING:
            out |= of[record.record_id]
    return out


def named_by(record: DistributionRecord) -> dict[Question, int | None]:
    """The serials that a record names and its line does not hold."""
    return {("named", record.product.gtin, serial): None for serial in record.serials or ()}


def holding(book: Book) -> dict[Question, int | None]:
    """What the line has used up: units of authorizations, and serials (None); of the serials, those that no other line has.

    Until all of it has left, or the rest stays, a line holds all that it was released for: what has not left may still leave. Of a
    superseded line only what left counts; the other serials that its record names all the same are ``named``. Serials that
    were reported as left are held, whatever is disputed of them, also where no record could be made yet: of the product that the report
    names, or else of the line's. Units that came back are free again; serials when a verified return says so.
    """
    if book.superseded and not book.left:
        return {} if book.live is None else named_by(book.live.body)
    own, where, record = _own_use(book), whereabouts_of(book), book.live
    used = {id(shipment): _use_of(shipment, own, book.changes) for shipment in book.shipments}
    serials = {
        (use.gtin, serial)
        for shipment in book.shipments if (use := used[id(shipment)]) is not None and (shipment.waits or not where.all_back)
        for serial in shipment.report.serials if shipment.waits or serial not in where.back
    }  # fmt: skip
    held = Counter[Question]()
    if record is not None:
        left = [(used[id(shipment)], shipment.report) for shipment in book.shipments if not shipment.waits]
        units, is_known = _units(book, record, own, where, left)
        named = set() if where.all_back else {*goods_of(record).serials, *out_by_records(book)}
        serials.update([(record.body.product.gtin, serial) for serial in named - where.back])
        if book.released is not None and own is not None and not is_known:
            serials.update([(own.gtin, serial) for serial in goods_of(book.released).serials if serial not in where.back])
        for use, many in units.items():
            if use.authorization_id and many:
                # Of several products of one program too.
                held["units", use.program, use.authorization_id] += many
    out: dict[Question, int | None] = {("serial", *each): None for each in serials}
    if book.superseded and record is not None:
        # Something came back, and nobody said that more had left.
        out |= {each: None for each in named_by(record.body) if ("serial", *each[1:]) not in out and each[2] not in where.back}
    return out | held


def units_held(line: Line, uses: Mapping[Question, int | None]) -> list[Held]:
    """Of what a line has used up the units of the authorization that it names: they do not count against it when it is judged."""
    named = None if line.patient is None else line.patient.authorization_id
    return [Held(line.line, question, units) for question, units in uses.items() if units is not None and question[-1] == named]


def _units(
    book: Book, record: Recorded, own: Use | None, where: Whereabouts, left: Iterable[tuple[Use | None, Reported]]
) -> tuple[dict[Use, int], bool]:
    """By product and authorization the units that a line with a live record holds; and whether it is known which vials these are."""
    of_record, released, back = _use_of_record(record), book.released, returned(book.records) - where.too_many
    if released is None or own is None:
        return {of_record: max(0, record.units - back, min(record.units, where.out))}, True
    may_leave = not (book.superseded or book.cancelled or where.left >= released.units)
    told, named, unsaid = Counter[Use](), defaultdict[Use, set[str]](set), set[Use]()
    for use, report in left:
        if use is not None and not report.is_known:
            unsaid.add(use)
        elif use is not None and (use != own or report.units is not None):
            told[use] += released.units if report.units is None else report.units
            named[use].update(report.serials)
    # How much left in a unit that nobody can convert nobody knows: as much as nobody else is told to have.
    at_most = {use: released.units - told.total() + told[use] for use in unsaid}
    # Of what went to several recipients the record is of one.
    told[of_record], named[of_record] = max(told[of_record], record.units), set(goods_of(record).serials)
    others = told.total() - told[own]
    rest = (released.units if may_leave else min(where.left, released.units)) - others
    units = told | {own: max(0, rest, min(told[own], released.units))}
    units |= {use: max(units.get(use, 0), many) for use, many in at_most.items()}
    is_known = where.all_back or all(len(named[use]) >= many for use, many in units.items() if use.gtin == own.gtin)
    total = sum(units.values())
    # What came back is free, unless it left again.
    free = total - max(0, total - back, min(released.units, where.out))
    for use in sorted(units, key=lambda use: (use != of_record, use != own, *map(str, use))):
        taken = min(free, units[use])
        units[use], free = units[use] - taken, free - taken
    return units, is_known and not may_leave


def _use_of_record(record: Recorded) -> Use:
    body = record.body
    return Use(record.program, body.product.gtin, None if body.authorization_id is UNSET else body.authorization_id)


def _own_use(book: Book) -> Use | None:
    """What the line is of by itself: what was released, as people corrected it, or what is on record, or was ordered."""
    if book.released is not None:
        changes = [change for change in book.changes if change.before.outside_gate is UNSET]
        return _use_of_record(book.released._replace(body=as_corrected(book.released.body, changes)))
    return book.ordered if book.standing is None else _use_of_record(book.standing)


def _use_of(shipment: Shipment, own: Use | None, changes: Iterable[Change]) -> Use | None:
    """What was used up by what left; None where that is nobody's, or not known."""
    if shipment.product is None and (own is None or shipment.names_product):
        return None
    program, gtin = shipment.product or (own.program, own.gtin)  # type: ignore[union-attr] # one of them is there
    if shipment.patient is None:
        return Use(program, gtin, own and own.authorization_id)
    named = shipment.patient.authorization_id
    for change in changes:
        if change.before.authorization_id == named:
            named = change.after.authorization_id
    return Use(program, gtin, None if named is UNSET else named)
