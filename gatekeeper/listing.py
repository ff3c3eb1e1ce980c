"""The desk's list of orders, kept beside the ledger: what was touched is read anew and put in the place of what stood there.

Nothing waits for it. It is no evidence, and is made anew by beginning from nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date
from threading import Event
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Engine

from gatekeeper.errors import Halt, TryAgain
from gatekeeper.order_desk import Cancelled, Judged, Said, lines_said, open_by_program, open_since
from gatekeeper.storage import listing, patient_forms
from gatekeeper.storage.desk import Entry
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.listing import Examined, LineRow, Name, OrderRow, UpTo
from gatekeeper.telemetry import log

ORDERS_AT_ONCE: Final = 500
IDLE_S: Final = 0.25
"""Where there is nothing more it is looked again after this: what came meanwhile is one piece."""
AWAY_S: Final = 5.0
_WORDS: Final = re.compile(r"\w+")
_IDENTIFIERS: Final = ("rems_site_id", "account", "npi", "dea", "ncpdp_id", "hin", "gln")
_MOST_OF_A_WORD: Final = 200


class LineListed(msgspec.Struct):
    """What holds of a line now."""

    line: int
    outcome: Literal["released", "not_covered", "withdrawn", "held", "blocked"]
    program: str | None
    site_id: str | None
    reasons: list[str]
    open: bool
    """It may still be released as it is."""


class _Ordered(msgspec.Struct):
    line: int
    lot: str | None = None
    serials: list[str] = []
    patient: dict[str, str] = {}


class _Content(msgspec.Struct):
    ship_on: date
    ship_to: dict[str, Any]
    lines: list[_Ordered]


class _Kept(msgspec.Struct):
    order: _Content


_KEPT: Final = msgspec.json.Decoder(_Kept)
_LISTED: Final = msgspec.json.Encoder()


def step(engine: Engine, *, most: int = ORDERS_AT_ONCE) -> bool:
    """Takes one bounded piece of the ledger into the list, and says whether there is more that is not in it yet.

    Killed at any moment, it has done the piece or nothing. Several may call it: one does the work, the others find nothing to do.
    """
    with transaction(engine) as cursor:
        if not listing.take_list(cursor):
            return False
        come, end = listing.up_to(cursor), listing.tail(cursor)
        if end is None or come == end:
            return False
        # What a crash of the server loses of the list is taken in again: how far it has come is lost with it.
        cursor.execute("SET LOCAL synchronous_commit = off")
        come = come or UpTo(0, 0, 0, end.at)
        if end.registry_version > come.registry_version:
            patient_forms.learn_forms(cursor, come.registry_version, end.registry_version)
        stop = listing.next_stop(cursor, come, end, most)
        names = listing.touched(cursor, come, stop)
        listing.keep(cursor, names, list(_orders(cursor, names)), stop)
    return stop != end


def catch_up(engine: Engine) -> None:
    """Until the list has all that the ledger has."""
    while step(engine):
        pass


def follow(engine: Engine, stop: Event, *also: Callable[[Engine], bool]) -> None:
    """Follows the ledger until ``stop`` is set; while the database is away it waits. A fault ends it, and is logged.

    ``also`` are the steps of other lists, which take turns with this one.
    """
    while not stop.is_set():
        wait = IDLE_S
        try:
            more = [each(engine) for each in (step, *also)]
            if any(more):
                continue
        except TryAgain as reason:
            wait = AWAY_S
            log("waiting", reason=reason, seconds=wait)
        except Halt as reason:
            log("halted", command="listing", reason=reason)
            return
        stop.wait(wait)


def current(examinations: Iterable[Examined]) -> list[Said]:
    """Of each line what the last examination says that names it."""
    lines: dict[int, Said] = {}
    for examination in examinations:
        lines |= {line.line: line for line in lines_said(examination.stopped, examination.released)}
    return [line for _, line in sorted(lines.items())]


def _orders(cursor: Any, names: list[Name]) -> Iterator[OrderRow]:
    if not names:
        return
    examinations, opened = listing.on_record(cursor, names)
    waiting = [name for name in names if opened[name]]
    entries, cancelled = listing.entries(cursor, waiting), listing.cancelled(cursor, waiting)
    for name in names:
        row = _order(name, examinations[name], opened[name], [*entries[name], *(Cancelled(*each) for each in cancelled[name])])
        if row is not None:
            yield row


def _order(name: Name, examinations: list[Examined], opened: set[tuple[int, int]], besides: list[Entry | Cancelled]) -> OrderRow | None:
    """The highest revision of which a message came, in the place of the first message; None where there is none."""
    messages = [each for each in examinations if each.cause == "message"]
    if not messages:
        return None
    revision = max(each.revision for each in messages)
    of_it = [each for each in examinations if each.revision == revision]
    first = next(each for each in of_it if each.evidence is not None)
    content = _KEPT.decode(first.evidence or b"").order
    ordered = {line.line: line for line in content.lines}
    lines = current(of_it)
    waiting = {line.line: line for line in lines if (revision, line.line) in opened}
    happened = [*(Judged(each.decided_at, each.revision, lines_said(each.stopped, each.released)) for each in examinations), *besides]
    return OrderRow(
        messages[0].id,
        *name,
        revision,
        messages[0].decided_at,
        of_it[-1].decided_at,
        open_since(happened, waiting) if waiting else None,
        content.ship_on,
        content.ship_to.get("name"),
        _words(content.ship_to, lines),
        _LISTED.encode([_shown(line, line.line in waiting) for line in lines]),
        tuple(_row(line, ordered.get(line.line)) for line in lines),
        {program or "": since.astimezone(UTC) for program, since in open_by_program(happened, waiting.values()).items()},
    )


def _shown(line: Said, opened: bool) -> LineListed:  # noqa: FBT001
    return LineListed(line.line, line.outcome, line.program, line.site_id, [reason["code"] for reason in line.reasons], opened)  # type: ignore[arg-type] # as the gate wrote it


def _row(line: Said, ordered: _Ordered | None) -> LineRow:
    codes = ",".join(sorted({reason["code"] for reason in line.reasons}))
    named = (line.line, line.program or "", line.outcome, codes, line.site_id)
    if ordered is None:
        return LineRow(*named, None, ())
    terms = [term("serial", serial) for serial in ordered.serials]
    terms += [term(name, ordered.patient[name]) for name in ("patient_id", "authorization_id", "prescriber_id") if name in ordered.patient]
    return LineRow(*named, ordered.lot, tuple(terms))


def term(name: str, value: str) -> str:
    """What a line names, as the list has it."""
    return f"{name} {value}"


def words_of(text: str) -> list[str]:
    """The words of a name, as they are compared."""
    return _WORDS.findall(text.lower())


def _words(ship_to: dict[str, Any], lines: Iterable[Said]) -> tuple[str, ...]:
    """Of an addressee: identifiers whole, the name by its words; also the sites that its lines were found to go to."""
    words = {str(ship_to[name]).lower() for name in _IDENTIFIERS if name in ship_to}
    words |= {line.site_id.lower() for line in lines if line.site_id is not None}
    words.update(words_of(ship_to.get("name") or ""))
    return tuple(sorted(word[:_MOST_OF_A_WORD] for word in words))
