"""What was released on an authorization, and what each line holds of it by now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from psycopg import Cursor

from gatekeeper.domain.case import Held, Question
from gatekeeper.domain.program import Program
from gatekeeper.examinations.history import by_order
from gatekeeper.goods.held import holding
from gatekeeper.goods.line_book import Books
from gatekeeper.storage import ledger, waiting, waiting_events
from gatekeeper.storage.events import events_of
from gatekeeper.storage.moving import question_key
from gatekeeper.storage.records import Place, records_of
from gatekeeper.storage.waiting import ReleasedOn
from schemas.record import DistributionRecord

_record = msgspec.json.Decoder(DistributionRecord)


class Holder(NamedTuple):
    """A line that was released on an authorization, or left past the gate on it."""

    place: Place
    sequence: int
    """Of the record that it began with."""
    examination: int
    units: int
    """That it holds by now: less than was released, where the rest stays, or goods came back."""


def holders(cursor: Cursor[Any], programs: tuple[Program, ...], questions: Iterable[Question]) -> Mapping[Question, list[Holder]]:
    """By question about the units of an authorization, who holds some."""
    keys = {question_key(("authorization", *question[1:])): question for question in questions}
    found = [(each, _record.decode(each.body)) for each in waiting.released_on(cursor, sorted(keys))]
    uses = _uses(cursor, programs, found)
    held = defaultdict(list)
    for released, body in found:
        question = keys[released.question]
        of_books, units = uses.get(released.record_id), released.units if (released.program, body.authorization_id) == question[1:] else 0
        if of_books is not None:
            units = of_books.get(question) or 0
        held[question].append(Holder(Place.of(body), released.sequence, released.examination, units))
    return held


def not_against(place: Place, question: Question, found: Collection[Holder], examination: int) -> Held:
    """What does not count against a line that may leave by this examination: what it holds itself, and what was released after it."""
    own = [each for each in found if each.place == place]
    # Of what passed because its program had ended there is no record.
    begun = max((each.sequence for each in own), default=None)
    later = [each for each in found if (each.examination > examination if begun is None else each.sequence > begun)]
    return Held(place.line, question, sum(each.units for each in own), sum(each.units for each in later))


def _uses(
    cursor: Cursor[Any], programs: tuple[Program, ...], found: list[tuple[ReleasedOn, DistributionRecord]]
) -> dict[Any, Mapping[Question, int | None]]:
    """By record of a line of which anything was reported, or that another record names, what the line has used up."""
    events = events_of(cursor, {body.order_id for _, body in found}) if found else []
    names = {event.order_id for event in events} | {body.order_id for released, body in found if released.is_named}
    if not names:
        return {}
    books = Books(records_of(cursor, names), waiting_events.of_orders(cursor, names))
    of_order, told = by_order(ledger.earlier(cursor, list(names))), by_order(events)
    uses: dict[Any, Mapping[Question, int | None]] = {}
    for released, body in found:
        place = Place.of(body)
        originals = [each for each in books.records(place) if each.kind == "original" and each.program == released.program]
        if originals and released.record_id not in uses:
            # A line that left past the gate before it was released has two, and the first is void.
            is_last = released.record_id == originals[-1].record_id
            uses[released.record_id] = holding(books.book(place, of_order[place[:2]], told[place[:2]], programs)) if is_last else {}
    return uses
