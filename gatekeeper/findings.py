"""What a look-back finds: decided lines, each as it stands in the ledger, and the one alert about all of them, which names no patient."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from gatekeeper.alerts import ALERTS
from gatekeeper.domain.case import Case
from gatekeeper.domain.ids import alert_id, verdict_id
from gatekeeper.domain.order import Line, Patient
from gatekeeper.domain.reasons import REASONS
from gatekeeper.domain.verdict import LineVerdict
from gatekeeper.history import gone_lines
from gatekeeper.messages import written
from gatekeeper.storage.events import OrderEvent
from gatekeeper.storage.ledger import EarlierExamination
from gatekeeper.storage.look_back import DecidedRow, LookingBack
from gatekeeper.withdrawal import released_lines
from schemas.alert import ComplianceAlert
from schemas.canonical import canonical
from schemas.released import ReleasedLine

MOST_BYTES: Final = 900_000
"""Of an alert's body: brokers take messages of 1 MB."""
MOST_BYTES_OF_SITES: Final = 300_000
KEPT_TO_OURSELVES: Final = frozenset({"patient", "authorization"})
"""Kinds of facts whose subject stands in no alert."""
SHIPPED, RELEASED, WITHDRAWN, STAYED = "shipped", "released", "withdrawn", "stayed"
KINDS: Final = {"look_back": "look_back_finding", "recall": "lot_recalled"}
_NOBODY: Final = Patient()


class FoundReason(Struct, frozen=True):
    code: str
    outcome: str
    stops: bool
    evidence: dict[str, Any]


class KnownThen(Struct, frozen=True, omit_defaults=True):
    """The fact about the same subject that held by what was known when the line was decided; without status where none was known."""

    registry_version: int
    status: str | None = None
    effective_on: str | None = None
    sequence: int | None = None


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One released line that a look-back found."""

    found_with: int
    """The registry's version by which it was decided again."""
    verdict_id: str
    wholesaler_id: str
    order_id: str
    revision: int
    examination: int
    line: int
    decided_at: str
    program: str | None
    site_id: str | None
    site_name: str | None = None
    ndc: str | None = None
    gtin: str | None = None
    quantity: int
    unit: str | None = None
    lot: str | None = None
    serials: tuple[str, ...] = ()
    patient_id: str | None = None
    authorization_id: str | None = None
    prescriber_id: str | None = None
    record_ids: tuple[str, ...] = ()
    state: str
    """Of the goods, when it was found. ``shipped``: they left. ``released``: they may leave. ``withdrawn``: they may not, or this release
    was taken back for a later one; nobody said that they stayed. ``stayed``: their record is voided."""
    left: bool
    outcome: str
    """What would have become of the line."""
    reasons: tuple[FoundReason, ...]
    known: KnownThen


_finding = msgspec.json.Decoder(Finding)


def state_of(row: DecidedRow, line: int, history: Iterable[EarlierExamination], events: Iterable[OrderEvent]) -> str:
    """What became of the goods of a line that this examination released; ``history`` and ``events`` are those of its order."""
    last = released_lines(history).get((row.revision, line))
    mine = str(verdict_id(row.wholesaler_id, row.order_id, row.revision, row.number))
    if last is not None and last.by.verdict_id != mine:
        return WITHDRAWN
    if line in gone_lines(row.revision, events):
        return SHIPPED
    if last is None:
        return STAYED
    return RELEASED if last.out else WITHDRAWN


def found(
    row: DecidedRow, case: Case, line: Line, said: ReleasedLine, judged: LineVerdict, state: str, found_with: int, known: KnownThen
) -> bytes:
    """The body of a finding."""
    patient, ship_to = line.patient or _NOBODY, case.order.ship_to
    reasons = tuple([FoundReason(reason.code, REASONS[reason.code].outcome, reason.stops, reason.evidence) for reason in judged.reasons])
    return canonical(
        Finding(
            found_with=found_with,
            verdict_id=str(verdict_id(row.wholesaler_id, row.order_id, row.revision, row.number)),
            wholesaler_id=row.wholesaler_id,
            order_id=row.order_id,
            revision=row.revision,
            examination=row.number,
            line=line.line,
            decided_at=written(row.decided_at),
            program=said.program or judged.program,
            site_id=said.site_id or judged.site_id or ship_to.rems_site_id,
            site_name=ship_to.name,
            ndc=line.ndc,
            gtin=line.gtin,
            quantity=line.quantity,
            unit=line.unit,
            lot=line.lot,
            serials=line.serials,
            patient_id=patient.patient_id,
            authorization_id=patient.authorization_id,
            prescriber_id=patient.prescriber_id,
            record_ids=said.record_ids,
            state=state,
            left=state == SHIPPED,
            outcome=judged.outcome,
            reasons=reasons,
            known=known,
        )
    )


class _Site:
    """What was found of one site, without the lines whose goods stayed."""

    def __init__(self) -> None:
        self.lines = 0
        self.quantity: Counter[str] = Counter()
        self.shown: list[dict[str, Any]] = []

    def said(self, site_id: str | None) -> dict[str, Any]:
        return {"site_id": site_id, "lines": self.lines, "quantity": dict(self.quantity), "shipments": self.shown}


def alert_about(
    looking: LookingBack, at: datetime, registry_version: int, bodies: Callable[[], Iterable[bytes]], most: int = MOST_BYTES
) -> tuple[UUID, str, bytes]:
    """The id, the kind and the bytes of the alert about all that a look-back found; ``bodies`` begins anew at each call.

    It says the totals and every site with its lines; of sites that do not fit their ids. What does not fit into ``most`` bytes
    is counted, and stands with the findings.
    """
    kind = KINDS[looking.kind]
    sites, totals = _summed(bodies())
    shown = _sites_that_fit(sites, min(MOST_BYTES_OF_SITES, most // 3))
    further = _ids_that_fit(sites.keys() - set(shown), min(MOST_BYTES_OF_SITES, most // 3))
    left_out = sum(sites[site_id].lines for site_id in sites)
    evidence = {
        "fact": _said_of(looking),
        "look_back": looking.id,
        "registry_version": registry_version,
        "looked_at": looking.lines,
        **totals,
        "sites": [],
        "sites_in_all": len(sites),
        "further_sites": further,
        "sites_not_shown": len(sites) - len(shown) - len(further),
        "lines_not_shown": left_out,
    }
    empty = _alert(kind, looking, at, evidence | {"sites": [sites[site_id].said(site_id) for site_id in shown]})
    left_out -= _fill(sites, shown, bodies(), most - len(empty))
    evidence |= {"sites": [sites[site_id].said(site_id) for site_id in shown], "lines_not_shown": left_out}
    return _name(kind, looking), kind, _alert(kind, looking, at, evidence)


def _summed(bodies: Iterable[bytes]) -> tuple[dict[str | None, _Site], dict[str, Any]]:
    """By site what may have reached it, and the totals of everything."""
    sites: dict[str | None, _Site] = defaultdict(_Site)
    lines, quantity, states, reasons = 0, Counter[str](), Counter[str](), Counter[str]()
    for body in bodies:
        finding = _finding.decode(body)
        lines += 1
        states[finding.state] += 1
        reasons.update(reason.code for reason in finding.reasons if reason.stops)
        unit = finding.unit or ""
        quantity[unit] += finding.quantity
        if finding.state != STAYED:
            sites[finding.site_id].lines += 1
            sites[finding.site_id].quantity[unit] += finding.quantity
    return sites, {"lines": lines, "quantity": dict(quantity), "states": dict(states), "reasons": dict(reasons)}


def _sites_that_fit(sites: dict[str | None, _Site], most: int) -> list[str | None]:
    """Those with the most lines first."""
    shown, size = [], 0
    for site_id in sorted(sites, key=lambda site_id: (-sites[site_id].lines, site_id or "")):
        size += len(msgspec.json.encode(sites[site_id].said(site_id))) + 1
        if size > most:
            break
        shown.append(site_id)
    return shown


def _ids_that_fit(site_ids: Iterable[str | None], most: int) -> list[str]:
    """Of sites that do not fit with their lines at least who they are."""
    named, size = [], 0
    for site_id in sorted(site_id for site_id in site_ids if site_id is not None):
        size += len(msgspec.json.encode(site_id)) + 1
        if size > most:
            break
        named.append(site_id)
    return named


def _fill(sites: dict[str | None, _Site], shown: Iterable[str | None], bodies: Iterable[bytes], most: int) -> int:
    """Puts lines with their sites as long as they fit, and says how many did."""
    filled, size, known = 0, 0, set(shown)
    for body in bodies:
        finding = _finding.decode(body)
        if finding.state == STAYED or finding.site_id not in known:
            continue
        line = _line_said(finding)
        size += len(msgspec.json.encode(line)) + 1
        if size > most:
            break
        sites[finding.site_id].shown.append(line)
        filled += 1
    return filled


def _line_said(finding: Finding) -> dict[str, Any]:
    """A line as the alert says it: nothing of the patient."""
    said = {
        "wholesaler_id": finding.wholesaler_id,
        "order_id": finding.order_id,
        "revision": finding.revision,
        "line": finding.line,
        "decided_at": finding.decided_at,
        "state": finding.state,
        "ndc": finding.ndc,
        "gtin": finding.gtin,
        "lot": finding.lot,
        "quantity": finding.quantity,
        "unit": finding.unit,
        "serials": finding.serials,
        "reasons": [reason.code for reason in finding.reasons if reason.stops],
        "known": msgspec.to_builtins(finding.known),
    }
    return {name: value for name, value in said.items() if value not in (None, (), [])}


def _said_of(looking: LookingBack) -> dict[str, Any]:
    said: dict[str, Any] = {
        "fact": looking.fact_kind,
        "sequence": looking.sequence,
        "effective_on": looking.effective_on.isoformat(),
        "known_since": written(looking.known_since),
    }
    return said if looking.fact_kind in KEPT_TO_OURSELVES else said | {"subject": looking.subject}


def _name(kind: str, looking: LookingBack) -> UUID:
    return alert_id(kind, f"{looking.program}/{looking.sequence}/{looking.id}")


def _alert(kind: str, looking: LookingBack, at: datetime, evidence: dict[str, Any]) -> bytes:
    text, remedy = ALERTS[kind]
    return canonical(
        ComplianceAlert(
            alert_id=str(_name(kind, looking)),
            kind=kind,
            raised_at=written(at),
            program=looking.program,
            text=text,
            remedy=remedy,
            evidence=evidence,
        )
    )
