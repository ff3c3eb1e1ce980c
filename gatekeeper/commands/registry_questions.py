"""``gatekeeper registry show`` and ``registry history``: what the registry says of one subject, in both times."""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from operator import itemgetter
from typing import Any

import click
import msgspec
from rich.console import Console

from gatekeeper.commands.tables import show_table
from gatekeeper.config import Settings, read_settings
from gatekeeper.errors import Unusable
from gatekeeper.instants import read_instant
from gatekeeper.messages import written
from gatekeeper.opening import open_ledger
from gatekeeper.programs import load_programs
from gatekeeper.registry.both_times import (
    Answer,
    Held,
    KeptAside,
    Subject,
    answer,
    answer_document,
    document,
    document_aside,
    history,
    kept_aside,
    named,
    read_subject,
)
from gatekeeper.registry.importing import zone_of
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.registry import now
from schemas.text import is_day

HEADS = ("effective on", "sequence", "status", "came", "by", "what became of it")
WIDTH = 28


@click.command("show")
@click.argument("subject")
@click.option("--on", "on_text", metavar="DAY", help="The day that is asked about. Without it, today in the program's time zone.")
@click.option("--known-at", "known_text", metavar="INSTANT", help="As was known at this instant. Without it, now.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def show(subject: str, on_text: str | None, known_text: str | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Say what holds of SUBJECT on a day as was known at an instant, and why nothing does where nothing does.

    SUBJECT is written as PROGRAM/site/ID, PROGRAM/prescriber/ID, PROGRAM/patient/ID, PROGRAM/authorization/ID, PROGRAM/recall/LOT or
    PROGRAM/program.
    """
    asked = read_subject(subject)
    on = None if on_text is None else _day(on_text)
    known_at = None if known_text is None else read_instant(known_text, "--known-at")
    settings = read_settings(os.environ)
    programs = load_programs(settings.programs, settings.programs_added)
    engine = open_ledger(settings)
    try:
        with transaction(engine) as cursor:
            present = now(cursor)
            day = on or present.astimezone(zone_of(programs, asked.program)).date()
            given = answer(cursor, asked, day, known_at or present)
    finally:
        engine.dispose()
    if as_json:
        click.echo(msgspec.json.encode(answer_document(given)))
        return
    for line in _told(given):
        click.echo(line)


@click.command("history")
@click.argument("subject")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a fact.")
def history_command(subject: str, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Tell every fact about SUBJECT, with when it came and what became of it; SUBJECT as for `show`.

    Also what was kept aside, and changes nothing.
    """
    asked = read_subject(subject)
    facts, aside = _history(read_settings(os.environ), asked)
    came = sorted([*[(fact.source.at, _row(fact), document(fact)) for fact in facts],
                   *[(fact.row.at, _row_aside(fact), document_aside(fact)) for fact in aside]], key=itemgetter(0))  # fmt: skip
    if as_json:
        for _, _, said in came:
            click.echo(msgspec.json.encode(said))
    elif came:
        show_table(Console(), str(asked), HEADS, [row for _, row, _ in came])
    else:
        click.echo(f"{asked}: it is unknown: no registry ever said anything of it.")


def _history(settings: Settings, asked: Subject) -> tuple[tuple[Held, ...], tuple[KeptAside, ...]]:
    engine = open_ledger(settings)
    try:
        with transaction(engine) as cursor:
            return history(cursor, asked), kept_aside(cursor, asked)
    finally:
        engine.dispose()


def _day(text: str) -> date:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = date.min
        if is_day(day):
            return day
    raise Unusable("--on must be a day such as 2026-11-20.")


def _row(fact: Held) -> tuple[str, ...]:
    ceased = "; ".join(
        f"{'counts again' if change.counts else 'ceased'} from {change.day} by {named(change.source)}" for change in fact.changes
    )
    by = f"{fact.source.origin}{'' if fact.source.sequence is None else f' {fact.source.sequence}'}"
    return (str(fact.effective_on), str(fact.sequence), fact.status, written(fact.source.at), by, ceased)


def _row_aside(fact: KeptAside) -> tuple[str, ...]:
    said = document_aside(fact)["fact"]
    status = said.get("status") or said.get("mode") or ""
    return (said["effective_on"], str(said["sequence"]), status, written(fact.row.at), "topic", fact.why)


def _told(given: Answer) -> Iterator[str]:
    yield f"{given.subject} on {given.on}, as known at {written(given.known_at)}"
    if given.why is not None:
        yield f"Nothing holds. {given.why}"
    for fact in given.holds:
        yield _line("holds since", f"{fact.effective_on} (sequence {fact.sequence})")
        yield _line("known since", f"{written(fact.source.at)}, registry version {fact.source.version}, by {named(fact.source)}")
        for name, value in _members(document(fact)["fact"], ""):
            if name not in {"fact", "program", "sequence", "effective_on"}:
                yield _line(name, value)
        if (until := fact.until(given.known_at)) is not None:
            yield _line("ceases", f"from {until} on")


def _line(name: str, value: str) -> str:
    return f"  {name:<{WIDTH}}{value}"


def _members(said: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in said.items():
        if isinstance(value, Mapping):
            yield from _members(value, f"{before}{name}.")
        else:
            yield before + name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
