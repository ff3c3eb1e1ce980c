"""What is right: for every message that is sent, what may be said to it, in words that are compared."""

from typing import Any, NamedTuple

Said = tuple[str, str]
"""A topic, and what one message in it says."""
Answer = frozenset[Said]
"""All that is said to one message."""

NOTHING: Answer = frozenset()
RELEASED, STOPPED, RECORDS = "shipments-released", "shipments-stopped", "distribution-records"
REFUSED, ALERTS = "refused-messages", "compliance-alerts"
OUTPUTS = (RELEASED, STOPPED, RECORDS, REFUSED, ALERTS)
ORDERS, FACTS, EVENTS, ACKNOWLEDGEMENTS = "shipment-orders", "registry-facts", "shipment-events", "rems-acknowledgements"
INPUTS = (ORDERS, FACTS, EVENTS, ACKNOWLEDGEMENTS)


class Sending(NamedTuple):
    """One message, with its label."""

    partition: int
    value: bytes
    right: tuple[Answer, ...]
    """One of these is right."""
    shared: str | None = None
    """What it shares with other messages: as many of them as there is room for get the first answer, whoever comes first."""
    hangs_on: int | None = None
    """The import of the registry that turns its answer from the first one into the second."""
    living: bool = False
    """Nothing stops it but what is told of its site, authorization and lot, or an event: what it gets follows from those exactly."""
    topic: str = ORDERS


class Telling(NamedTuple):
    """One message that is no order, with its label."""

    topic: str
    partition: int
    value: bytes
    kinds: frozenset[str]
    """The ledger is right to take it for one of these."""
    said: Answer = NOTHING
    """What its consumer says to it."""


def lines_said(revision: int, examination: int, lines: dict[int, str]) -> str:
    """``lines`` by number: the outcome, of a stopped line with its codes."""
    return f"revision {revision}, examination {examination}: " + ", ".join(f"{line} {lines[line]}" for line in sorted(lines))


def record_said(kind: str, revision: int, line: int) -> str:
    return f"{kind} of revision {revision}, line {line}"


def answer(lines: dict[int, str], revision: int = 1, examination: int = 1) -> Answer:
    """One examination: ``released`` and ``not_covered`` lines, a record of each released one, and the others with their codes."""
    free = {line: said for line, said in lines.items() if said in ("released", "not_covered")}
    stopped = {line: said for line, said in lines.items() if line not in free}
    messages = [(topic, lines_said(revision, examination, own)) for topic, own in ((RELEASED, free), (STOPPED, stopped)) if own]
    records = [(RECORDS, record_said("original", revision, line)) for line, said in free.items() if said == "released"]
    return frozenset([*messages, *records])


def withdrawal(revision: int, examination: int, lines: tuple[int, ...]) -> Answer:
    """What a higher revision says of a lower one whose ``lines`` were released."""
    return frozenset({
        (RELEASED, lines_said(revision, examination, dict.fromkeys(lines, "withdrawn"))),
        (STOPPED, lines_said(revision, examination, dict.fromkeys(lines, "blocked order_superseded")) + ", withdraws"),
        (ALERTS, "released_order_superseded"),
        *((RECORDS, record_said("void", revision, line)) for line in lines),
    })  # fmt: skip


SUBJECT = {
    "site": "site_id", "authorization": "authorization_id", "recall": "lot", "patient": "patient_id", "prescriber": "prescriber_id",
}  # fmt: skip


def fact_said(fact: dict[str, Any]) -> str:
    """A registry fact in words."""
    kind = fact["fact"]
    return " ".join(str(fact.get(member)) for member in ("fact", SUBJECT[kind], "sequence", "effective_on", "status", "valid_through"))


def refusal(*pointers: str) -> Answer:
    return frozenset({(REFUSED, " ".join(sorted(pointers)))})


def alert(kind: str) -> Answer:
    return frozenset({(ALERTS, kind)})


def said_by(topic: str, message: dict[str, Any]) -> Said:
    """What a message says, in the same words."""
    if topic == REFUSED:
        return topic, " ".join(sorted(message["problems"]))
    if topic == ALERTS:
        return topic, message["kind"]
    if topic == RECORDS:
        return topic, record_said(message["kind"], message["revision"], message["line"])
    lines = {line["line"]: _line_said(topic, line) for line in message["lines"]}
    return topic, lines_said(message["revision"], message["examination"], lines) + (", withdraws" if "withdraws" in message else "")


def _line_said(topic: str, line: dict[str, Any]) -> str:
    if topic == RELEASED:
        return str(line["outcome"])
    return " ".join([line["outcome"], *sorted(reason["code"] for reason in line["reasons"])])
