"""The one alert about all that a look-back found: by site, with as many lines as fit, and no patient."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from gatekeeper.examinations.alerts import made
from gatekeeper.following.findings import REACHED_NOBODY, Finding
from gatekeeper.messages import written
from gatekeeper.storage.look_back import LookingBack

MOST_BYTES: Final = 900_000
"""Of an alert's body: brokers take messages of 1 MB."""
MOST_BYTES_OF_SITES: Final = 300_000
KEPT_TO_OURSELVES: Final = frozenset({"patient", "authorization"})
"""Kinds of facts whose subject stands in no alert."""
KINDS: Final = {"look_back": "look_back_finding", "recall": "lot_recalled"}
_finding = msgspec.json.Decoder(Finding)


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
        "sites_in_all": len(sites),
        "further_sites": further,
        "sites_not_shown": len(sites) - len(shown) - len(further),
    }
    about = f"{looking.program}/{looking.sequence}/{looking.id}"

    def alert() -> tuple[str, bytes]:
        said = evidence | {"sites": [sites[site_id].said(site_id) for site_id in shown], "lines_not_shown": left_out}
        return made(kind, about, written(at), said, program=looking.program)

    _, empty = alert()
    left_out -= _fill(sites, shown, bodies(), most - len(empty))
    name, body = alert()
    return UUID(name), kind, body


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
        quantity[unit] += finding.quantity or 0
        if finding.state not in REACHED_NOBODY:
            sites[finding.site_id].lines += 1
            sites[finding.site_id].quantity[unit] += finding.quantity or 0
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
        if finding.state in REACHED_NOBODY or finding.site_id not in known:
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
        "bypass_id": finding.bypass_id,
        "event_id": finding.event_id,
        "left_at": finding.left_at,
        "state": finding.state,
        "ndc": finding.ndc,
        "gtin": finding.gtin,
        "lot": finding.lot,
        "quantity": finding.quantity,
        "unit": finding.unit,
        "serials": finding.serials,
        "reasons": [reason.code for reason in finding.reasons if reason.stops],
        "known": None if finding.known is None else msgspec.to_builtins(finding.known),
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
