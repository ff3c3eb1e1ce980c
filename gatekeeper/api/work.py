"""Work on orders: whose hands one is in, notes, settling it, having it judged again, having the answer published once more."""

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, Literal

import msgspec
from flask import Response

from gatekeeper import order_desk
from gatekeeper.api.areas import Area, Body, as_json, caller, parts
from gatekeeper.api.once import must_match, recording, writing
from gatekeeper.api.problems import Problem
from gatekeeper.api.reasons import Reason, ReasonBody
from gatekeeper.messages import written
from gatekeeper.order_desk import Standing
from gatekeeper.people.permissions import Permission
from gatekeeper.storage.desk import Entry

AREA = Area("work", __name__, "Work on orders.")
ORDER = "/v1/orders/<id:wholesaler_id>/<id:order_id>"


class EntryShown(msgspec.Struct):
    """What a person did, when, and why."""

    number: int
    kind: Literal["taken", "given_back", "noted", "settled", "examined", "sent_again"]
    revision: int
    """The highest one of then."""
    person: str
    name: str
    at: str
    text: str | None
    """The note, or why."""


class Work(msgspec.Struct):
    """``taken``: by whom it is in hand; ``settled``: by whom and why, where nothing is open since; ``entries``: all that people did."""

    taken: EntryShown | None
    settled: EntryShown | None
    entries: list[EntryShown]


class LineStanding(msgspec.Struct):
    """What holds of a line."""

    line: int
    outcome: Literal["released", "not_covered", "withdrawn", "held", "blocked"]
    program: str | None
    site_id: str | None
    reasons: list[str]
    examination: int
    """The last one that names it."""


class OrderWork(msgspec.Struct):
    """How an order stands once something was done about it, at its highest revision."""

    wholesaler_id: str
    order_id: str
    revision: int
    state: Literal["open", "settled"]
    lines: list[LineStanding]
    work: Work


class NoteBody(Body):
    """A note."""

    text = Reason(required=True, metadata={"description": "What whoever looks at the order next should know. Name no patient."})


class ExaminationBody(Body):
    """Why, if that is to be said."""

    reason = Reason(metadata={"description": "In words that an auditor understands. Name no patient."})


@recording(AREA, f"{ORDER}/take", Permission.WORK_ORDERS, OrderWork, matches=True)
def take_order(wholesaler_id: str, order_id: str) -> Response:
    """Takes the order in hand: all see who has it. Of two who take it at once one is told that it has changed."""
    order = _seen(wholesaler_id, order_id)
    order_desk.take(writing(), order, caller().person)
    return _standing(order)


@recording(AREA, f"{ORDER}/give-back", Permission.WORK_ORDERS, OrderWork, matches=True)
def give_order_back(wholesaler_id: str, order_id: str) -> Response:
    """Gives the order back, so that another may take it. What another has needs `orders.reassign`."""
    order = _seen(wholesaler_id, order_id)
    order_desk.give_back(writing(), order, caller().person, of_others=caller().may(Permission.REASSIGN_ORDERS))
    return _standing(order)


@recording(AREA, f"{ORDER}/notes", Permission.WORK_ORDERS, OrderWork, body=NoteBody, versioned=True)
def note_order(body: dict[str, Any], wholesaler_id: str, order_id: str) -> Response:
    """Adds a note to the order."""
    order = _named(wholesaler_id, order_id)
    order_desk.note(writing(), order, body["text"], caller().person)
    return _standing(order)


@recording(AREA, f"{ORDER}/settlements", Permission.SETTLE_ORDERS, OrderWork, body=ReasonBody, matches=True)
def settle_order(body: dict[str, Any], wholesaler_id: str, order_id: str) -> Response:
    """Settles the order: what is open of it is closed, and is not judged again on its own.

    Nothing is released by that, and nothing is published. What is stopped of it later, or of a later revision, is open again.
    """
    order = _seen(wholesaler_id, order_id)
    order_desk.settle(writing(), order, body["reason"], caller().person)
    return _standing(order)


@recording(AREA, f"{ORDER}/examinations", Permission.EXAMINE_ORDERS, OrderWork, body=ExaminationBody, versioned=True)
def examine_order(body: dict[str, Any], wholesaler_id: str, order_id: str) -> Response:
    """Has the order judged again now, by the same rules as always, and says what came out; the relay publishes it.

    Stopped lines may be released by that, also those that were settled; released ones whose goods have not left may be withdrawn.
    """
    order = _named(wholesaler_id, order_id)
    order_desk.examine(writing(), order, body.get("reason"), caller().person, parts().book, parts().terms)
    return _standing(order)


@recording(AREA, f"{ORDER}/publications", Permission.PUBLISH_ORDERS, OrderWork, body=ReasonBody, versioned=True)
def publish_order(body: dict[str, Any], wholesaler_id: str, order_id: str) -> Response:
    """Has the answer that holds published once more by the relay: the same bytes under the same ids, each message once for each call.

    Nothing is judged. Distribution records go out once more by `gatekeeper feed resend`.
    """
    order = _named(wholesaler_id, order_id)
    order_desk.send_again(writing(), order, body["reason"], caller().person)
    return _standing(order)


def work_shown(entries: Sequence[Entry], revision: int, *, opened: bool, whole: bool) -> dict[str, Any]:
    """What people did about an order; ``whole``: the caller sees all of its lines, of all revisions, and so what was written about them."""
    taken = order_desk.taken_by(entries)
    settled = [] if opened else order_desk.settlements(entries, revision)
    return {
        "taken": None if taken is None else _entry(taken, whole=whole),
        "settled": _entry(settled[-1], whole=whole) if settled else None,
        "entries": [_entry(entry, whole=whole) for entry in entries],
    }


def _entry(entry: Entry, *, whole: bool) -> dict[str, Any]:
    at = written(entry.at.astimezone(UTC))
    text = entry.text if whole else None
    return {
        "number": entry.number, "kind": entry.kind, "revision": entry.revision, "person": entry.person, "name": entry.name, "at": at,
        "text": text,
    }  # fmt: skip


def _named(wholesaler_id: str, order_id: str) -> Standing:
    """The order, if the caller may act on the whole of it."""
    order = order_desk.standing(writing(), wholesaler_id, order_id)
    if order is None or not any(_allowed(order)):
        raise Problem("not-found")
    if not all(_allowed(order)):
        raise Problem("not-permitted")
    return order


def _seen(wholesaler_id: str, order_id: str) -> Standing:
    """The same, if it is what the caller has seen."""
    order = _named(wholesaler_id, order_id)
    must_match(order.version)
    return order


def _allowed(order: Standing) -> Iterable[bool]:
    return [caller().programs.allow(line.said.program) for line in order.lines.values()]


def _standing(before: Standing) -> Response:
    """How it stands now."""
    order = order_desk.standing(writing(), before.wholesaler_id, before.order_id) or before
    lines = [
        {
            "line": number, "outcome": line.said.outcome, "program": line.said.program, "site_id": line.said.site_id,
            "reasons": [reason["code"] for reason in line.said.reasons], "examination": line.examination,
        }
        for number, line in sorted(order.lines.items())
    ]  # fmt: skip
    shown = {
        "wholesaler_id": order.wholesaler_id,
        "order_id": order.order_id,
        "revision": order.revision,
        "state": "open" if order.open else "settled",
        "lines": lines,
        "work": work_shown(order.entries, order.revision, opened=bool(order.open), whole=all(map(caller().programs.allow, order.programs))),
    }
    return as_json(shown, order.version)
