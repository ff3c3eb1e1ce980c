"""The answer to a case, and how it is come by."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from gatekeeper.domain.calendar import day_in
from gatekeeper.domain.case import Answers, Case, Earlier, Held, Question
from gatekeeper.domain.checks import CHECKS
from gatekeeper.domain.covered_line import DISCRETION, CoveredLine, Standing, cover, stand
from gatekeeper.domain.facts import SiteFact, holding
from gatekeeper.domain.order import Line, Order
from gatekeeper.domain.products import Product, find_product, read_product
from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.domain.reasons import BLOCKED, HELD, REASONS

RELEASED = "released"
NOT_COVERED = "not_covered"
_SITE_RULES = frozenset(code for code, text in REASONS.items() if text.site_rule)
_PLACES = {code: place for place, code in enumerate(REASONS)}
_BLOCKING = frozenset(code for code, text in REASONS.items() if text.outcome == BLOCKED)


class Reason(NamedTuple):
    code: str
    evidence: dict[str, Any]
    """What was seen, for a person: never a patient's identifier."""
    stops: bool = True
    """False only under discretion."""


class LineVerdict(NamedTuple):
    line: int
    outcome: str
    """``released``, ``held``, ``blocked`` or ``not_covered``."""
    program: str | None
    """The program whose rules ran."""
    site_id: str | None
    reasons: tuple[Reason, ...]
    package: CoveredPackage | None = None
    """The covered package that the line names, where one is."""
    units: int = 0
    """Dispensing units, where the unit is known."""
    site: SiteFact | None = None
    """The fact about the recipient that held on the day, where the site was found."""
    prescriber_id: str | None = None
    """Of a covered line: whom it names, else whom its authorization names."""
    administering_site_id: str | None = None
    site_alias: tuple[str, ...] = ()
    """The ids of the site aliases that were used: without them more of the order would disagree."""


class Verdict(NamedTuple):
    lines: tuple[LineVerdict, ...]


def decide(case: Case) -> Verdict:
    """Every line's outcome with all its reasons (contract section 5). What a line releases counts for the later ones, and what it holds
    while it is stopped for all others.

    Asks only what the answer hangs on. A repeat is not decided again, that is the caller's to see.
    """
    order, answers, programs, at, _, held = case
    first = _order_first(order, answers[("order", order.wholesaler_id, order.order_id)])
    days = _Days(answers, at)
    standings: dict[str, Standing] = {}
    used: dict[Question, Any] = {}
    lines = []
    for line in order.lines:
        if line.line in first:
            lines.append(LineVerdict(line.line, _outcome(first[line.line]), None, None, first[line.line]))
            continue
        reading = read_product(line.ndc, line.gtin, programs)
        if reading.nobodys:
            lines.append(LineVerdict(line.line, NOT_COVERED, None, None, ()))
            continue
        product = find_product(reading, programs, days.in_force)
        if product.row is None:
            lines.append(_without_program(line, product))
            continue
        program, package = product.row
        standing = standings.get(program.name)
        if standing is None:
            today, mode = days.of(program)
            standing = standings[program.name] = stand(case, program, today, mode)
        own = [each for each in held if each.line == line.line] if held else ()
        verdict = _judge(cover(line, package, reading, standing, _against(used, own) if own else used))
        if verdict.outcome == RELEASED:
            _use_up(used, used_by_line(order, line, verdict), own)
        lines.append(verdict)
    if any(standing.program.whole_order for standing in standings.values()):
        lines = _whole_orders(lines, frozenset(name for name, standing in standings.items() if standing.program.whole_order))
    return Verdict(tuple(lines))


def used_by(order: Order, verdict: Verdict) -> list[tuple[Question, int | str]]:
    """What the released lines use up: to ("units", …) the number is added, to ("serial", …) the text is the answer."""
    judged = zip(order.lines, verdict.lines, strict=True)
    return [use for line, covered in judged if covered.package is not None for use in used_by_line(order, line, covered)]


def used_by_line(order: Order, line: Line, judged: LineVerdict) -> list[tuple[Question, int | str]]:
    """What one line uses up; nothing unless it is covered and released."""
    if judged.outcome != RELEASED or judged.package is None or judged.program is None:
        return []
    uses: list[tuple[Question, int | str]] = []
    if line.patient is not None and line.patient.authorization_id is not None:
        uses.append((("units", judged.program, line.patient.authorization_id), judged.units))
    if line.serials:
        where = f"{order.wholesaler_id}/{order.order_id}/{order.revision}/{line.line}"
        uses.extend([(("serial", judged.package.gtin, serial), where) for serial in line.serials])
    return uses


class _Days:
    """The day and the mode of each program at the instant of the decision, asked for once."""

    def __init__(self, answers: Answers, at: datetime) -> None:
        self._answers = answers
        self._at = at
        self._known: dict[str, tuple[date, str]] = {}

    def of(self, program: Program) -> tuple[date, str]:
        known = self._known.get(program.name)
        if known is None:
            today = day_in(self._at, program.time_zone)
            fact = holding(self._answers[("mode", program.name)], today)
            known = self._known[program.name] = (today, "active" if fact is None else fact.mode)
        return known

    def in_force(self, program: Program) -> bool:
        return self.of(program)[1] != "ended"


def _order_first(order: Order, earlier: tuple[Earlier, ...]) -> dict[int, tuple[Reason, ...]]:
    """By line, what ends its examination before it is looked at. Only a cancellation may be of some lines alone."""
    if not earlier:
        return {}
    revision, reasons = order.revision, []
    messages = [before for before in earlier if before.what == "message"]
    if any(message.revision == revision and message.digest != order.digest for message in messages):
        reasons.append(Reason("order_contradicts", {"revision": revision}))
    highest = max((message.revision for message in messages), default=0)
    if highest > revision:
        reasons.append(Reason("order_superseded", {"revision": revision, "highest_revision": highest}))
    shipped = [before.revision for before in earlier if before.what == "shipped" and before.revision < revision]
    if shipped:
        reasons.append(Reason("order_already_shipped", {"revision": revision, "shipped_revision": max(shipped)}))
    cancelled = [before for before in earlier if before.what == "cancelled" and before.revision >= revision]
    first = {line.line: (*reasons, *_cancelled(line, cancelled)) for line in order.lines}
    return {number: found for number, found in first.items() if found}


def _cancelled(line: Line, cancellations: list[Earlier]) -> tuple[Reason, ...]:
    revisions = [cancelled.revision for cancelled in cancellations if not cancelled.lines or line.line in cancelled.lines]
    return (Reason("order_cancelled", {"cancelled_revision": max(revisions)}),) if revisions else ()


def _without_program(line: Line, product: Product) -> LineVerdict:
    if product.problem is None:
        return LineVerdict(line.line, NOT_COVERED, None, None, ())
    evidence: dict[str, Any] = {"ndc": line.ndc, "gtin": line.gtin}
    if product.candidates:
        evidence["fits" if product.problem == "product_ambiguous" else "watched_by"] = list(product.candidates)
    return LineVerdict(line.line, HELD, None, None, (Reason(product.problem, evidence),))


def _against(used: Mapping[Question, Any], own: Iterable[Held]) -> dict[Question, Any]:
    """What others used up beyond the answers; less than nothing where the answers count what does not count against the line."""
    return {**used, **{each.question: used.get(each.question, 0) - each.units - each.later for each in own}}


def _use_up(used: dict[Question, Any], uses: list[tuple[Question, int | str]], own: Iterable[Held]) -> None:
    """What a line uses takes the place of what it held of the same authorization; what it holds of others stays with it."""
    for question, amount in uses:
        used[question] = used.get(question, 0) + amount if isinstance(amount, int) else amount
    for each in own:
        if any(each.question == question for question, _ in uses):
            used[each.question] -= each.units


def _judge(case: CoveredLine) -> LineVerdict:
    discretion = case.standing.mode == DISCRETION
    reasons = []
    for code, look in CHECKS:
        evidence = look(case)
        if evidence is not None:
            reasons.append(Reason(code, evidence, not (discretion and code in _SITE_RULES)))
    site = case.standing.finding.site
    return LineVerdict(
        case.line.line,
        _outcome(tuple(reasons)),
        case.standing.program.name,
        None if site is None else site.site_id,
        tuple(reasons),
        case.package,
        case.units or 0,
        site,
        case.prescriber_id,
        case.administering_site_id,
        case.standing.finding.aliases,
    )


def _outcome(reasons: tuple[Reason, ...]) -> str:
    outcome = RELEASED
    for reason in reasons:
        if reason.stops:
            if reason.code in _BLOCKING:
                return BLOCKED
            outcome = HELD
    return outcome


def _whole_orders(lines: list[LineVerdict], programs: frozenset[str]) -> list[LineVerdict]:
    """One line that is stopped by itself stops every other line of a program that ships whole orders only."""
    stopped = [line for line in lines if line.outcome in (HELD, BLOCKED)]
    return [_with_the_others(line, stopped) if line.program in programs else line for line in lines]


def _with_the_others(line: LineVerdict, stopped: list[LineVerdict]) -> LineVerdict:
    others = [other.line for other in stopped if other.program == line.program and other.line != line.line]
    if not others:
        return line
    reasons = tuple(sorted((*line.reasons, Reason("other_line_stopped", {"lines": others})), key=lambda reason: _PLACES[reason.code]))
    return line._replace(reasons=reasons, outcome=_outcome(reasons))
