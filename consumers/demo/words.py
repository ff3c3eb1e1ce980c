"""What was seen, in words that a compliance officer understands."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from consumers.demo.answers import OUTPUTS, Answer
from schemas.record import DistributionRecord
from schemas.released import ReasonGiven, ReleasedLine
from schemas.stopped import StoppedLine

Evidence = Mapping[str, Any]
Detail = tuple[str, str]
"""A label, and what it labels."""


def details(answer: Answer, names: Mapping[str, str]) -> list[Detail]:
    """What became of a message, line by line; ``names`` are those of the sites, by their ids."""
    told: list[Detail] = []
    for withdrawal in answer.withdrawals:
        numbers = ", ".join(str(line.line) for line in withdrawal.lines)
        told.append(("withdrawn", f"line {numbers} of revision {withdrawal.revision}, which was released and must not leave any more"))
    told += [("record", record_told(record)) for record in answer.records if record.kind == "void"]
    lines = answer.lines
    for line in lines:
        if len(lines) > 1:
            told.append((f"line {line.line}", line.outcome.replace("_", " ")))
        told += _line(line, answer, names)
    for refusal in answer.refusals:
        told += [("wrong", f"{pointer or 'the message'}: {' '.join(said)}") for pointer, said in refusal.problems.items()]
        told.append(("kept", "its bytes are in the ledger, and nothing waits for it"))
    told += [("alert", alert.text) for alert in answer.alerts]
    if not answer.topics:
        told.append(("answer", "the same as before; nothing is said twice"))
    return told


def way(source: str, answer: Answer) -> str:
    """From which topic to which."""
    topics = [topic.name for topic in OUTPUTS if topic.name in answer.topics]
    return f"{source} → judged → {', '.join(topics) or 'nothing to publish'}"


def day(text: str) -> str:
    """A day as a person writes it."""
    told = date.fromisoformat(text)
    return f"{told.day} {told:%b %Y}"


def _line(line: ReleasedLine | StoppedLine, answer: Answer, names: Mapping[str, str]) -> list[Detail]:
    site = names.get(line.site_id or "", line.site_id or "")
    told: list[Detail] = []
    if line.outcome == "not_covered":
        told.append(("may leave", "no program restricts this product"))
    if line.outcome == "released":
        told += [("may leave", f"to {site}")]
    told += [("record", record_told(record)) for record in answer.records if record.line == line.line and record.kind != "void"]
    if isinstance(line, StoppedLine):
        for reason in line.reasons:
            told += [("why", reason.text), ("seen", _seen(reason, site)), ("clears", reason.remedy)]
    return [(label, text) for label, text in told if text]


def record_told(record: DistributionRecord) -> str:
    """A record in a line."""
    if record.kind == "void":
        return f"no. {record.sequence}: voids that of revision {record.revision}"
    units = f"{record.quantity} {record.unit}{'s' if record.quantity > 1 else ''}"
    kind = {"correction": "corrected, ", "return": "returned, "}.get(record.kind, "outside the gate, " if record.outside_gate else "")
    return f"no. {record.sequence}: {kind}{units} of {record.product.name}, lot {record.lot}"


def _seen(reason: ReasonGiven, site: str) -> str:
    """The telling part of the evidence, with the site's name where it is about the site."""
    evidence = reason.evidence
    telling = _TELLING.get(reason.code, _plainly)
    words = telling(evidence)
    return f"{site}: {words}" if site and reason.code.startswith(("site_", "certification_", "recipient_")) else words


def _since(evidence: Evidence) -> str:
    return f"{evidence['status']} since {day(evidence['effective_on'])}" if "status" in evidence else _plainly(evidence)


def _lapsed(evidence: Evidence) -> str:
    last = evidence["last_valid_day"]
    gone = (date.fromisoformat(evidence["judged_on"]) - date.fromisoformat(last)).days
    return f"certified through {day(last)}, {'yesterday' if gone == 1 else f'{gone} days ago'}"


def _lapses(evidence: Evidence) -> str:
    return f"certified through {day(evidence['last_valid_day'])}, but needed on {day(evidence['judged_on'])}"


def _addresses(evidence: Evidence) -> str:
    registered, ordered = (str(evidence[name]).replace(" | ", ", ") for name in ("registry_address", "order_address"))
    return f"registered at {registered}; the order says {ordered}"


def _site_class(evidence: Evidence) -> str:
    allowed = " and ".join(name.replace("_", " ") for name in evidence["allowed"])
    return f"registered as {evidence['class'].replace('_', ' ')}; the program allows {allowed}"


def _period(evidence: Evidence) -> str:
    return f"{evidence['status']} from {day(evidence['valid_from'])} through {day(evidence['valid_through'])}"


def _units(evidence: Evidence) -> str:
    authorized, released, ordered = evidence["authorized"], evidence["released"], evidence["ordered"]
    return f"{authorized} units authorized, {released} released so far, {authorized - released} left; {ordered} ordered"


def _serials(evidence: Evidence) -> str:
    told = []
    for serial in evidence["serials"]:
        _, order_id, revision, line = serial["released_in"].split("/")
        told.append(f"serial {serial['serial']} left with {order_id}, revision {revision}, line {line}")
    return "; ".join(told)


def _ship_day(evidence: Evidence) -> str:
    gone = (date.fromisoformat(evidence["today"]) - date.fromisoformat(evidence["ship_on"])).days
    return f"to be shipped on {day(evidence['ship_on'])}, {gone} days ago; the limit is {evidence['limit_days']} days"


def _plainly(evidence: Evidence) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in evidence.items() if name != "fact_sequence")


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_TELLING: Final[Mapping[str, Callable[[Evidence], str]]] = {
    "product_identifiers_disagree": lambda seen: f"NDC {seen['ndc']}, GTIN {seen['gtin']}",
    "ship_date_passed": _ship_day,
    "lot_recalled": _since,
    "serial_already_shipped": _serials,
    "site_unknown": lambda _: "",
    "site_address_disagrees": _addresses,
    "site_of_other_program": lambda seen: f"known to {', '.join(seen['programs'])} only",
    "site_suspended": _since,
    "site_decertified": _since,
    "certification_lapsed": _lapsed,
    "certification_lapses_before_delivery": _lapses,
    "recipient_class_not_allowed": _site_class,
    "administering_site_not_certified": lambda seen: f"the infusing site is {_since(seen)}",
    "patient_not_enrolled": _since,
    "prescriber_not_certified": _since,
    "authorization_not_valid": _period,
    "authorization_exhausted": _units,
    "order_contradicts": lambda seen: f"revision {seen['revision']} was answered already",
}
"""By reason; of another one all of its evidence is told."""
