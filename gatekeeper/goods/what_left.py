"""Whether the live record of a line says what was reported to have left of it. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET

from gatekeeper.domain.program import CoveredPackage
from gatekeeper.goods.as_shipped import party_of, reported_with
from gatekeeper.goods.books import shipped
from gatekeeper.goods.line_book import Told, goods_of, told_of
from gatekeeper.goods.reported import Reported
from gatekeeper.storage.bypasses import OTHER
from gatekeeper.storage.records import Recorded
from schemas.bypass import Completion
from schemas.event import EventLine, ShipmentEvent


class Gone(NamedTuple):
    """Goods of one line that one event says left."""

    event: ShipmentEvent
    line: EventLine

    @property
    def told(self) -> Told:
        return told_of(self.event, self.line.line)


class Added(NamedTuple):
    """What is known of events beside what they say."""

    waiting: frozenset[Told] | set[Told]
    """What still waits for its order: no record says it yet."""
    completions: Mapping[Told, Completion]
    why: Mapping[Told, str]
    """Of what left past the gate."""


def says_what_left(
    live: Recorded, released: Recorded | None, gone: Sequence[Gone], added: Added, package: CoveredPackage, left: int, *, by_people: bool
) -> bool:
    """Whether quantity, lot, serials and recipient are those that were reported; of what the gate ``released`` all of it where nobody
    says how much. As many as ``left`` did so, by all that was told of where the goods are: what came back may have left again.

    What people corrected (``by_people``), lot, day and serials, is theirs to say.
    """
    applied = [each for each in gone if each.told not in added.waiting]
    if not applied:
        return not gone
    reports = [reported_with(each.event, each.line, None, added.completions.get(each.told), package) for each in applied]
    if not _as_many(live, released, reports, left) or not _to_the_same(live, released, applied, added):
        return False
    return by_people or _the_same_goods(live, reports, in_parts=released is None and len(reports) > 1)


def _as_many(live: Recorded, released: Recorded | None, reports: Sequence[Reported], left: int) -> bool:
    whole = live.units if released is None else released.units
    counted = all(report.is_known and (not report.serials or report.units == len(report.serials)) for report in reports)
    return counted and max(shipped(reports, whole), left) == live.units


def _the_same_goods(live: Recorded, reports: Sequence[Reported], *, in_parts: bool) -> bool:
    """``in_parts``: several reports of goods that nobody released, whose record names no lot where these differ."""
    goods = goods_of(live)
    unsaid = in_parts and goods.lot is None and goods.expires_on is None
    named = [serial for report in reports for serial in report.serials]
    return (
        (unsaid or all(report.lot in (None, goods.lot) and report.expires_on in (None, goods.expires_on) for report in reports))
        and len(set(named)) == len(named)
        and set(named) <= set(goods.serials)
    )


def _to_the_same(live: Recorded, released: Recorded | None, gone: Sequence[Gone], added: Added) -> bool:
    """All of it went to one recipient, and the record names that one where the event names it by the id of the program."""
    parties = set()
    for each in gone:
        completion, other = added.completions.get(each.told), OTHER in added.why.get(each.told, "")
        if released is not None or completion is None:
            # What people completed was settled as of the party of the others.
            parties.add(party_of(each.event, each.line, completion) if released is None or other else b"")
        to = each.event.ship_to if completion is None or completion.ship_to is UNSET else completion.ship_to
        if to is not UNSET and to.rems_site_id not in (UNSET, live.body.ship_to.site_id):
            return False
        if other and live.body.outside_gate is UNSET:
            return False
    return len(parties) <= 1
