"""What follows for a line's records when its goods left or came back: pure, from the whole case as it is kept with the examination."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from gatekeeper.domain.ids import record_id
from gatekeeper.domain.records import record_for
from gatekeeper.domain.verdict import decide
from gatekeeper.evidence import case_of
from gatekeeper.goods.as_shipped import NOWHERE
from gatekeeper.goods.reported import UNKNOWN_SERIALS, Goods, Left, Reported, what_left
from gatekeeper.messages import Envelope, record_message
from schemas.correction import RecordChanges
from schemas.record import DistributionRecord, RecordShipFrom

SHIPPED, RETURNED, RELEASED_AFTER = "shipped", "returned", "released_after"
OTHER_PROGRAM = "other_program"
"""What left is of another program than what was released: in the feed of that one it did not leave."""
CORRECTED = "corrected"
"""By people, because a REMS rejected the record."""
VOIDED = "voided"
"""By people, because the goods stayed, or did not come back as a return says."""
GIVEN_UP = "given_up"
"""A record of another line names serials that the superseded line's record still named: none stands in two live records."""
CAUSES = (SHIPPED, RETURNED, RELEASED_AFTER, OTHER_PROGRAM, CORRECTED, VOIDED, GIVEN_UP)
"""Of examinations that settle the records of one line and say nothing else."""
_record = msgspec.json.Decoder(DistributionRecord)


class Settlement(Struct, kw_only=True, omit_defaults=True):
    """The case. Where goods went elsewhere than to whom they were released it holds an order as shipped, which is decided once more."""

    at: str
    programs: Raw
    line: int
    unit: str
    """The product's dispensing unit."""
    standing: DistributionRecord | None = None
    """The record that is replaced, or that it is about."""
    released: DistributionRecord | None = None
    released_units: int = 0
    reports: tuple[Reported, ...] = ()
    again: int = 0
    """Units that came back and left once more by a report of all of the line."""
    elsewhere: tuple[str, ...] = ()
    """Serials that another line holds."""
    problems: tuple[str, ...] = ()
    """What else keeps one record from saying what left."""
    outside: bool = False
    units: int = 0
    """Of a return: how many came back, and which."""
    serials: tuple[str, ...] = ()
    order: Raw | UnsetType = UNSET
    asked: Raw | UnsetType = UNSET
    judged: bool = False
    """The record is made of the order as shipped, not of what was released."""
    changes: RecordChanges | None = None
    """What people changed."""


def left_of(case: Settlement) -> Left:
    """What left of the line, by all that was reported."""
    released = None
    if case.released is not None:
        body = case.released
        serials = () if body.serials is UNSET else body.serials
        released = Goods(case.released_units, serials, _given(body.lot), _given(body.expires_on))
    return what_left(released, case.reports, case.elsewhere, case.problems, case.again)


def settled(cause: str, case: Settlement, envelope: Envelope, document: bytes) -> DistributionRecord:
    """The record that follows; its sequence is still 0. ``document`` is the case as it is kept."""
    if cause == SHIPPED:
        return _corrected(case, envelope, document)
    about = _about(case)
    name = record_id(envelope.wholesaler_id, envelope.order_id, envelope.revision, case.line, envelope.examination, _KIND[cause])
    record = replace(
        about, record_id=str(name), kind=_KIND[cause], replaces=about.record_id, recorded_at=envelope.decided_at, sequence=0,
    )  # fmt: skip
    if cause in (RELEASED_AFTER, OTHER_PROGRAM, VOIDED):
        return record
    if cause == GIVEN_UP:
        return replace(record, serials=UNSET)
    if cause == CORRECTED:
        return with_changes(record, case.changes or RecordChanges())
    quantity, unit = _quantity(about, case.units, case)
    return replace(record, quantity=quantity, unit=unit, serials=case.serials or UNSET)


def settled_again(cause: str, document: bytes, envelope: Envelope) -> DistributionRecord:
    """The same, from what was kept."""
    return settled(cause, msgspec.json.decode(document, type=Settlement), envelope, document)


def says_the_same(one: DistributionRecord, other: DistributionRecord) -> bool:
    """Whether two records differ in nothing but which record they are, and in which order they name serials."""
    own = {"record_id": "", "kind": "original", "replaces": None, "recorded_at": "", "sequence": 0, "verdict_id": UNSET, "serials": UNSET}
    return replace(one, **own) == replace(other, **own) and set(one.serials or ()) == set(other.serials or ())


def with_changes(record: DistributionRecord, changes: RecordChanges) -> DistributionRecord:
    """The record with what people changed of it."""
    given = {name: value for name in changes.__struct_fields__ if (value := getattr(changes, name)) is not UNSET}
    return replace(record, **given)


_KIND: dict[str, Any] = {
    RETURNED: "return", RELEASED_AFTER: "void", OTHER_PROGRAM: "void", CORRECTED: "correction", VOIDED: "void", GIVEN_UP: "correction",
}  # fmt: skip


def _corrected(case: Settlement, envelope: Envelope, document: bytes) -> DistributionRecord:
    left, kind = left_of(case), "original" if case.standing is None else "correction"
    goods, disputed = left.goods, any(problem != UNKNOWN_SERIALS for problem in left.problems)
    base = _base(case, envelope, document) if case.released is None or not disputed else case.released
    quantity, unit = _quantity(base if case.released is None else case.released, goods.units, case)
    name = record_id(envelope.wholesaler_id, envelope.order_id, envelope.revision, case.line, envelope.examination, kind)
    return replace(
        base,
        record_id=str(name),
        kind=kind,
        replaces=None if case.standing is None else case.standing.record_id,
        sequence=0,
        verdict_id=UNSET if case.outside or case.released is None else case.released.verdict_id,
        outside_gate=True if case.outside else UNSET,
        recorded_at=envelope.decided_at,
        quantity=quantity,
        unit=unit,
        lot=UNSET if goods.lot is None else goods.lot,
        expires_on=UNSET if goods.expires_on is None else goods.expires_on,
        serials=goods.serials or UNSET,
    )


def _base(case: Settlement, envelope: Envelope, document: bytes) -> DistributionRecord:
    """Who the record is of: as it was judged, or as it stands where it is outside the gate already, else as it was released."""
    if case.judged:
        return _as_judged(envelope, document)
    if case.standing is not None and (case.released is None or case.standing.outside_gate is not UNSET):
        return case.standing
    if case.released is None:
        raise ValueError("a line without a record needs an order as shipped")
    return case.released


def _as_judged(envelope: Envelope, document: bytes) -> DistributionRecord:
    case = case_of(document)
    [line], [judged] = case.order.lines, decide(case).lines
    record = record_for(case.order, line, judged, envelope.verdict_id, envelope.examination)
    wire = _record.decode(record_message(record, 1, envelope.decided_at))
    return wire if wire.ship_from.site_id != NOWHERE else replace(wire, ship_from=RecordShipFrom(site_id=None))


def _quantity(like: DistributionRecord, units: int, case: Settlement) -> tuple[int, str]:
    """So many dispensing units as a record writes them: in the unit of the order where that gives a whole number."""
    factor = case.released_units // like.quantity if case.released is not None else 1
    whole = case.released is not None and factor > 0 and units % factor == 0
    return (units // factor, like.unit) if whole else (units, case.unit)


def _about(case: Settlement) -> DistributionRecord:
    if case.standing is None:
        raise ValueError("there is no record that this is about")
    return case.standing


def _given(value: Any) -> Any:
    return None if value is UNSET else value
