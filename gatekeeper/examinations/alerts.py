"""What a person must look at: the kinds of alert, each with what it says and what to do."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import UNSET

from gatekeeper.domain.ids import alert_id
from gatekeeper.domain.sequences import Range
from gatekeeper.messages import Envelope, written
from schemas.alert import ComplianceAlert
from schemas.canonical import canonical
from schemas.event import ShipmentEvent
from schemas.record import DistributionRecord

MOST_GAPS_SHOWN = 20
MOST_SERIALS_SHOWN = 200
MOST_SITES_SHOWN = 20

ALERTS = {
    "released_order_superseded": (
        "A higher revision came for an order whose lines were released; they were withdrawn.",
        "See that the goods of the withdrawn lines did not leave; if they did, report it as shipped.",
    ),
    "released_order_contradicted": (
        "A message came with the number and revision of a released order, but says something else.",
        "Find out which is meant before the goods leave; a new revision settles it.",
    ),
    "released_line_withdrawn": (
        "Lines that were released may not leave any more; they were withdrawn.",
        "See that the goods of the withdrawn lines did not leave; if they did, report it as shipped. The reasons stand with the lines.",
    ),
    "event_contradicts": (
        "An event came under the id of an earlier one, but says something else. It was kept, and changes nothing.",
        "Ask the warehouse which is meant; what is true comes as an event with an id of its own.",
    ),
    "withdrawn_goods_shipped": (
        "Goods of lines that had been withdrawn were reported as shipped.",
        "Find out where the goods are, and stop them if they can still be stopped.",
    ),
    "shipment_bypassed": (
        "Goods left that the gate had not released so: without a release, after a withdrawal, or for another site, patient or product.",
        "See where the goods are, and whether they may be used. What a record of them lacks a person adds: `gatekeeper bypass`.",
    ),
    "shipment_disputed": (
        "What was reported of a line's goods cannot be a correction of its record: that says what was released, or what people corrected.",
        "Ask the warehouse what left; what is true comes as an event.",
    ),
    "substitute_not_clean": (
        "What was shipped in the place of what was released is expired, or was shipped before.",
        "Stop the goods if they can still be stopped, and tell the recipient. The reasons stand with the line.",
    ),
    "recalled_goods_shipped": (
        "Goods were reported as shipped of a lot that had been recalled: past the gate, or in the place of what was released.",
        "Stop the goods if they can still be stopped, and send their recipient the notice: the recall's own alert may not name him.",
    ),
    "correction_replaced": (
        "A record that people had corrected was replaced, for something else was reported of its goods. It says what was reported.",
        "See what had been corrected (`gatekeeper feed show`). Where it is still right, tell the REMS: what it rejects is corrected again.",
    ),
    "return_disputed": (
        "Goods were reported as returned of which no record says that they left, or more than left. What fits none is not recorded.",
        "Ask the warehouse what came back. If they were not reported as shipped, report it: the return is then recorded.",
    ),
    "shipped_goods_cancelled": (
        "Lines were reported as cancelled whose goods had been reported as shipped, or returned. What left later left past the gate.",
        "Ask the warehouse whether the goods left.",
    ),
    "shipment_unreported": (
        "The time for which released lines are watched is over, and nobody reported that all of their goods left, or stayed.",
        "Ask the warehouse what became of them; what is true comes as an event. Silence withdraws nothing.",
    ),
    "registry_refused": (
        "A snapshot of the registry was refused; the registry is as it was.",
        "Ask the REMS administrator for one that is whole and right, and import it in time; a real loss of sites another person confirms.",
    ),
    "fact_contradicts": (
        "A registry fact says something else than one that is held of the same subject, day and sequence; it was kept and changes nothing.",
        "Ask the REMS administrator which of the two is right; a fact with a higher sequence, or a snapshot, settles it.",
    ),
    "look_back_finding": (
        "A registry fact came after lines had been decided for which it matters; by what is known now they would have been stopped.",
        "See what left, to which site it went, and tell the REMS administrator; the findings of the look-back name every line.",
    ),
    "lot_recalled": (
        "A lot was recalled of which lines were released or have left.",
        "Send the notice to every site named; see that what has not left stays. The findings of the look-back name every line.",
    ),
    "live_record_differs": (
        "A line that had been withdrawn was released again, and its distribution record, which still stands, says something else by now.",
        "Tell the REMS where the line goes, and to whom: the record is as it was first written.",
    ),
    "registry_stale": (
        "A program's registry is older than its limit: every line of its products is held until it is fresh again.",
        "Import a current snapshot, or find out why no heartbeat comes; what was held for that reason alone is then released by itself.",
    ),
    "acknowledgement_unknown": (
        "An acknowledgement names a distribution record that does not exist. It was kept, and changes nothing.",
        "Ask the REMS administrator which record is meant.",
    ),
    "acknowledgement_of_other_program": (
        "A distribution record was acknowledged by a program that is not the record's. It was kept, and changes nothing.",
        "Ask the REMS administrator of the record's own program whether the record arrived.",
    ),
    "acknowledgement_contradicts": (
        "A second acknowledgement of a distribution record says something else than the first. It was kept, and changes nothing.",
        "Ask the REMS administrator which of the two is right; a record that was accepted stays so, one that was rejected is corrected.",
    ),
    "record_rejected": (
        "A REMS rejected a distribution record.",
        "See why (`gatekeeper feed show`), and propose a correction, which another person approves.",
    ),
    "acknowledgement_overdue": (
        "Distribution records were made, and in time they are in no file, or the REMS has not acknowledged all of them.",
        "Write what is in no file (`gatekeeper feed write`). Of the rest ask the REMS; what was lost goes by `gatekeeper feed resend`.",
    ),
    "feed_file_rejected": (
        "A REMS did not accept a file of the feed as a whole.",
        "See why in what it sent; the same file is sent once more by `gatekeeper feed resend --file`. No record is rejected by that.",
    ),
    "file_acknowledgement_unknown": (
        "A REMS acknowledged a file that the feed does not have. It was kept, and changes nothing.",
        "Ask the REMS administrator which file is meant.",
    ),
    "file_acknowledgement_contradicts": (
        "A second acknowledgement of a file of the feed says something else than the first. It was kept, and changes nothing.",
        "Ask the REMS administrator which of the two is right.",
    ),
    "unused_vials_due": (
        "Vials did not come back, and the time in which unused ones must be returned is over or nearly so. They may have been used.",
        "Ask the site what it has used; what it has not used it must return by the day that is named. `gatekeeper unused list` shows all.",
    ),
    "facts_missing": (
        "Facts of a registry have not come, although later ones have, or it says that they were sent.",
        "See whether they were refused in the topic; else ask the REMS administrator for them, or for a snapshot of all kinds.",
    ),
}


def order_alert(kind: str, envelope: Envelope, seen: dict[str, Any]) -> tuple[str, bytes]:
    """The id and the bytes of an alert about one examination of an order."""
    verdict = str(envelope.verdict_id)
    of = {"wholesaler_id": envelope.wholesaler_id, "order_id": envelope.order_id, "revision": envelope.revision, "verdict_id": verdict}
    return made(kind, verdict, envelope.decided_at, seen, **of)


def event_alert(kind: str, at: datetime, event: ShipmentEvent, about: str, seen: dict[str, Any]) -> tuple[str, bytes]:
    """The id and the bytes of an alert about a shipment event; ``about`` is what it is derived from, beside the event's own id."""
    revision = 1 if event.revision is UNSET else event.revision
    evidence = {"event_id": event.event_id, "event": event.event, "at": event.at} | seen
    of = {"wholesaler_id": event.wholesaler_id, "order_id": event.order_id, "revision": revision}
    return made(kind, f"{event.wholesaler_id}/{event.event_id}/{about}", written(at), evidence, **of)


def unreported_alert(
    at: datetime, examination: int, wholesaler_id: str, order_id: str, revision: int, lines: Sequence[int]
) -> tuple[str, bytes]:
    """The id and the bytes of an alert about lines that an examination released, and of which nobody said what became of them."""
    of = {"wholesaler_id": wholesaler_id, "order_id": order_id, "revision": revision}
    return made("shipment_unreported", f"{examination}/{lines[0]}", written(at), {"lines": lines}, **of)


def registry_alert(at: datetime, program: str | None, file_sha256: str, sentence: str, lost: Sequence[str]) -> tuple[str, bytes]:
    """The id and the bytes of an alert about a snapshot file, and the sites for whose loss it was refused.

    The same file refused for the same reason, and where it is a loss that of the same sites, has the same id.
    """
    seen: dict[str, Any] = {"file_sha256": file_sha256, "refused_because": sentence}
    about = f"{file_sha256}/{sentence}"
    if lost:
        seen |= {"sites": lost[:MOST_SITES_SHOWN], "sites_in_all": len(lost)}
        about += "".join(f"/{site}" for site in lost)
    return _program_alert("registry_refused", about, at, program, seen)


def contradiction_alert(at: datetime, about: str, program: str | None, seen: dict[str, Any]) -> tuple[str, bytes]:
    """The id and the bytes of an alert about a fact that contradicts one that is held; ``about`` is the same for the same contradiction."""
    return _program_alert("fact_contradicts", about, at, program, seen)


def facts_missing_alert(at: datetime, program: str, gaps: Sequence[Range], since: datetime) -> tuple[str, bytes]:
    """The id and the bytes of an alert about facts that have not come; the same gap has the same id."""
    seen = {
        "missing": sum(last - first + 1 for first, last in gaps),
        "sequences": [{"first": first, "last": last} for first, last in gaps[:MOST_GAPS_SHOWN]],
        "since": written(since),
    }
    return _program_alert("facts_missing", f"{program}/{gaps[0].first}/{written(since)}", at, program, seen)


def registry_stale_alert(at: datetime, program: str, as_of: datetime | None, limit: timedelta) -> tuple[str, bytes]:
    """The id and the bytes of an alert about a registry that is too old; as long as it speaks as of the same instant it has the same id."""
    since = None if as_of is None else written(as_of)
    seen = {"as_of": since, "limit_hours": limit // timedelta(hours=1)}
    return _program_alert("registry_stale", f"{program}/{since}", at, program, seen)


def acknowledgement_alert(kind: str, at: datetime, about: str, program: str | None, seen: dict[str, Any]) -> tuple[str, bytes]:
    """The id and the bytes of an alert about an acknowledgement, or one that does not come; ``about`` is the same for the same of them."""
    return _program_alert(kind, about, at, program, seen)


def unused_alert(
    at: datetime, record: DistributionRecord, submitted_on: date, ends_on: date, out: int, serials: Sequence[str]
) -> tuple[str, bytes]:
    """The id and the bytes of an alert about what did not come back of a line; for the same line and day it has the same id."""
    place = f"{record.program}/{record.wholesaler_id}/{record.order_id}/{record.revision}/{record.line}"
    seen: dict[str, Any] = {
        "line": record.line, "site_id": record.ship_to.site_id, "form_submitted_on": submitted_on, "return_by": ends_on, "out": out,
        "serials": serials[:MOST_SERIALS_SHOWN],
    }  # fmt: skip
    seen |= {} if record.administering_site_id is UNSET else {"administering_site_id": record.administering_site_id}
    of = {"program": record.program, "wholesaler_id": record.wholesaler_id, "order_id": record.order_id, "revision": record.revision}
    return made("unused_vials_due", f"{place}/{ends_on}", written(at), seen, **of)


def made(kind: str, about: str, raised_at: str, evidence: dict[str, Any], **of: Any) -> tuple[str, bytes]:
    """The id and the bytes of an alert ``of`` an order or a program; ``about`` is the same for the same alert of its kind."""
    text, remedy = ALERTS[kind]
    name = str(alert_id(kind, about))
    alert = ComplianceAlert(alert_id=name, kind=kind, raised_at=raised_at, text=text, remedy=remedy, evidence=evidence, **of)
    return name, canonical(alert)


def _program_alert(kind: str, about: str, at: datetime, program: str | None, seen: dict[str, Any]) -> tuple[str, bytes]:
    return made(kind, about, written(at), seen, program=program or UNSET)
