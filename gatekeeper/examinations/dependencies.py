"""On what the answer to a line hangs: what its case looked up, also in vain."""

from collections.abc import Iterable

import msgspec

from gatekeeper.domain.calendar import day_in
from gatekeeper.domain.case import Case, Question
from gatekeeper.domain.products import restricted_by
from gatekeeper.domain.program import Program
from gatekeeper.domain.verdict import Verdict
from gatekeeper.storage.lookups import KIND_OF_FACT, OF_ALL_PROGRAMS

SETTLED = frozenset({"order_superseded", "order_contradicts", "order_cancelled", "order_already_shipped"})
"""A line with one of these is not open: only another message clears it."""
_STOPPED = ("held", "blocked")
_ONLY_WHERE = {"units": "authorization_exhausted", "serial": "serial_already_shipped"}
"""What moves with every release matters to a line that this reason stops."""
_NEVER = frozenset({"as_of", "order"})
STALE = "stale"
"""The first member of what a line hangs on that an old registry stops, or lets stay; the second is the program."""


def open_lines(verdict: Verdict) -> list[int]:
    """The stopped lines that may still be released as they are."""
    return [line.line for line in verdict.lines if line.outcome in _STOPPED and not any(reason.code in SETTLED for reason in line.reasons)]


def hangs_on(asked: Iterable[Question], verdict: Verdict) -> list[Question]:
    """The questions whose answers could change a line's."""
    stopped = [line for line in verdict.lines if line.outcome in _STOPPED]
    if not stopped:
        return [question for question in asked if question[0] not in _ONLY_WHERE and question[0] not in _NEVER]
    codes = {reason.code for line in stopped for reason in line.reasons}
    questions = [
        question
        for question in asked
        if question[0] not in _NEVER and (question[0] not in _ONLY_WHERE or _ONLY_WHERE[question[0]] in codes)
    ]
    if "registry_stale" in codes:
        stale = {line.program for line in stopped for reason in line.reasons if reason.code == "registry_stale"}
        questions += [(STALE, str(program)) for program in sorted(map(str, stale))]
    return questions


def postponed(asked: Iterable[Question]) -> list[Question]:
    """Of released lines: the registries that have to be fresh again before it is said what lapsed. Only then is their age asked for."""
    return [(STALE, question[1]) for question in asked if question[0] == "as_of"]


def wanted_long_ago(case: Case, verdict: Verdict, programs: tuple[Program, ...]) -> list[int]:
    """The lines that would be released longer after their day of shipment than any of the programs that restrict them allows."""
    order = case.order
    return [
        line.line
        for line, judged in zip(order.lines, verdict.lines, strict=True)
        if judged.outcome not in _STOPPED
        and any(
            (day_in(case.at, program.time_zone) - order.ship_on).days > program.ship_date_limit_days
            for program in restricted_by(line.ndc, line.gtin, programs)
        )
    ]


class _SiteBody(msgspec.Struct):
    identifiers: dict[str, list[str]] = {}


class _AliasBody(msgspec.Struct):
    wholesaler_id: str
    account: str | None = None


_alias = msgspec.json.Decoder(_AliasBody)
_site = msgspec.json.Decoder(_SiteBody)
_QUESTION = {kind: question for question, kind in KIND_OF_FACT.items()}


def answered_by(kind: str, program: str, subject: str, body: bytes) -> list[Question]:
    """The questions that a fact is part of the answer to."""
    if kind == "site":
        on_file = _site.decode(body).identifiers
        return [("site", subject), *(("identifier", name, value) for name, values in on_file.items() for value in values)]
    if kind == "site_alias":
        alias = _alias.decode(body)
        return [
            ("alias", subject),
            *(() if alias.account is None else [("identifier", "account", f"{alias.wholesaler_id}:{alias.account}")]),
        ]
    question = _QUESTION[kind]
    if kind in OF_ALL_PROGRAMS:
        return [(question, subject)]
    return [("mode", program)] if kind == "program" else [(question, program, subject)]
