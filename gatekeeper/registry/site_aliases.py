"""The wholesaler's own fact of a site: one person proposes it with the evidence seen, another approves it, anybody ends it.

Each step is on record with who took it. An approved alias is a fact, known from its batch on, and what hangs on it is looked at again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET
from msgspec.structs import astuple
from psycopg import Cursor

from gatekeeper.domain.addresses import address_key
from gatekeeper.domain.ids import alias_id
from gatekeeper.domain.program import Program
from gatekeeper.domain.sites import account_of, site_on
from gatekeeper.errors import Halt, Unusable
from gatekeeper.people.access import Person
from gatekeeper.people.approvals import SITE_ALIAS, approval_row, refuse_own
from gatekeeper.storage import ledger
from gatekeeper.storage import site_aliases as kept
from gatekeeper.storage.engine import Database, transaction
from gatekeeper.storage.lookups import ask
from gatekeeper.translate import address_of
from schemas.canonical import canonical
from schemas.site_alias import SiteAlias, SiteAliasProposal
from schemas.text import ID, ID_WITHOUT_COLON

MOST_OF_A_TEXT: Final = 1000
MOST_DAYS: Final = 731
"""Two years, one of them a leap year: what was seen grows old."""
MOST_OF_A_PART: Final = 200
ZIP_DIGITS: Final = 5
_proposal = msgspec.json.Decoder(SiteAliasProposal)


class Alias(NamedTuple):
    """An alias, whatever became of it."""

    alias_id: str
    said: SiteAliasProposal
    state: str
    """``proposed``, ``approved``, ``refused``, ``withdrawn``, or ``ended`` where its last day is over."""
    proposed: kept.Proposed

    @property
    def what(self) -> str:
        """What it gives the site."""
        if self.said.address is UNSET:
            return f"account {self.said.account}"
        return f"address {', '.join(part for part in astuple(self.said.address) if part is not UNSET)}"


def propose(engine: Database, said: SiteAliasProposal, person: Person, programs: Iterable[Program]) -> Alias:
    """Puts a proposal on record; until another person approves it, it counts for nothing. Raises ``Unusable`` where it cannot be one."""
    _refuse_unreadable(said)
    with _step(engine, programs) as step:
        today = step.today(said.program)
        last = today + timedelta(days=MOST_DAYS)
        if not today <= said.through <= last:
            raise Unusable(f"The alias's last day must be between today, {today}, and {last}, in two years.")
        step.refuse_unknown_site(said, today)
        of = (said.program, said.site_id, said.wholesaler_id)
        for other in step.aliases(program=said.program, site_id=said.site_id, wholesaler_id=said.wholesaler_id):
            if other.state in ("proposed", "approved") and (other.said.address, other.said.account) == (said.address, said.account):
                raise Unusable(f"This is {other.state} already, as {other.alias_id}, by {_last_person(other)}.")
        name = alias_id(*of, step.tail.block + 1)
        proposed = kept.Proposed(name, *of, canonical(said), person.subject, step.tail.now)
        kept.propose(step.cursor, step.tail, proposed)
    return Alias(str(name), said, "proposed", proposed)


def approve(engine: Database, name: str, reason: str, person: Person, programs: Iterable[Program]) -> Alias:
    """From now on the alias counts. Raises ``Unusable`` where it is not open, or where ``person`` proposed it."""
    reason = _reason(reason)
    with _step(engine, programs) as step:
        alias = step.open_alias(name)
        refuse_own(alias.proposed.person, person)
        said, today = alias.said, step.today(alias.said.program)
        step.refuse_unknown_site(said, today)
        members = {member: getattr(said, member) for member in ("program", "site_id", "wholesaler_id", "through", "address", "account")}
        body = canonical(SiteAlias(alias_id=alias.alias_id, effective_on=today, **members))
        account = None if said.account is UNSET else account_of(said.wholesaler_id, said.account)
        decision = kept.Decision("approved", reason, person.subject, step.tail.now)
        approval = approval_row(SITE_ALIAS, alias.alias_id, person, step.tail.now, step.tail.block + 1)
        kept.approve(step.cursor, step.tail, alias.proposed, decision, today, body, account, approval)
    return alias._replace(state="approved")


def refuse(engine: Database, name: str, reason: str, person: Person, programs: Iterable[Program]) -> Alias:
    """The proposal comes to nothing; whoever made it may take it back so too. Raises ``Unusable`` where it is not open."""
    reason = _reason(reason)
    with _step(engine, programs) as step:
        alias = step.open_alias(name)
        kept.refuse(step.cursor, step.tail, alias.proposed, kept.Decision("refused", reason, person.subject, step.tail.now))
    return alias._replace(state="refused")


def withdraw(engine: Database, name: str, reason: str, person: Person, programs: Iterable[Program]) -> Alias:
    """From today on an approved alias counts no longer. Raises ``Unusable`` where it does not count anyway."""
    reason = _reason(reason)
    with _step(engine, programs) as step:
        alias = step.alias(name)
        if alias.state != "approved":
            raise Unusable(f"{alias.alias_id} is {alias.state}: there is nothing to withdraw.")
        fact = step.fact_of(alias)
        decision = kept.Decision("withdrawn", reason, person.subject, step.tail.now)
        kept.withdraw(step.cursor, step.tail, alias.proposed, decision, step.today(alias.said.program), fact)
    return alias._replace(state="withdrawn")


def listed(
    engine: Database,
    programs: Iterable[Program],
    *,
    program: str | None = None,
    site_id: str | None = None,
    wholesaler_id: str | None = None,
) -> list[Alias]:
    """The aliases that fit all that is given, whatever became of them, oldest first."""
    with transaction(engine) as cursor:
        step = _Step(cursor, ledger.read_tail(cursor), programs)
        return list(step.aliases(program=program, site_id=site_id, wholesaler_id=wholesaler_id))


def following(
    cursor: Cursor[Any], programs: Iterable[Program], after: tuple[datetime, UUID] | None, most: int, wanted: Mapping[str, str | None]
) -> list[Alias]:
    """The next of them, after one by its instant and id; ``wanted`` by the names of what they must fit."""
    step = _Step(cursor, ledger.read_tail(cursor), programs)
    return list(step.aliases(**wanted, after=after, most=most))


def one(cursor: Cursor[Any], programs: Iterable[Program], alias_id: UUID) -> Alias | None:
    """The alias with this id, whatever became of it."""
    step = _Step(cursor, ledger.read_tail(cursor), programs)
    return next(step.aliases(alias_id=alias_id), None)


class _Step:
    """One transaction of a person."""

    def __init__(self, cursor: Cursor[Any], tail: ledger.Tail, programs: Iterable[Program]) -> None:
        self.cursor, self.tail = cursor, tail
        self._zones = {program.name: ZoneInfo(program.time_zone) for program in programs}

    def today(self, program: str) -> date:
        """The day of the program, which must have rules here."""
        if program not in self._zones:
            raise Unusable(f"There are no rules of {program} here; there are of {', '.join(sorted(self._zones))}.")
        return self.tail.now.astimezone(self._zones[program]).date()

    def aliases(self, **wanted: Any) -> Iterator[Alias]:
        for proposed in kept.proposed(self.cursor, **wanted):
            said = _proposal.decode(proposed.body)
            yield Alias(str(proposed.alias_id), said, self._state(proposed, said.through), proposed)

    def alias(self, name: str) -> Alias:
        try:
            wanted = UUID(name)
        except ValueError:
            raise Unusable("The alias must be named by its id, as `gatekeeper site-alias list` shows it.") from None
        for alias in self.aliases(alias_id=wanted):
            return alias
        raise Unusable(f"There is no alias {wanted}.")

    def open_alias(self, name: str) -> Alias:
        """One that waits for a decision."""
        alias = self.alias(name)
        if alias.state != "proposed":
            by = f", by {_last_person(alias)}" if alias.proposed.decisions else f": its last day was {alias.said.through}"
            raise Unusable(f"{alias.alias_id} is {alias.state} already{by}.")
        return alias

    def refuse_unknown_site(self, said: SiteAliasProposal, today: date) -> None:
        question = ("site", said.site_id)
        if site_on(ask(self.cursor, [question])[question].answer, said.program, today) is None:
            raise Unusable(f"{said.site_id} is not known to the registry of {said.program}: an alias is of a known site.")

    def fact_of(self, alias: Alias) -> int:
        """The number of the fact that an approved alias is."""
        facts = kept.facts_of_site(self.cursor, alias.said.site_id)
        for number, body in facts:
            if msgspec.json.decode(body, type=SiteAlias).alias_id == alias.alias_id:
                return number
        raise Halt(f"{alias.alias_id} is approved, but the registry does not have it.")

    def _state(self, proposed: kept.Proposed, through: date) -> str:
        state = proposed.decisions[-1].decision if proposed.decisions else "proposed"
        zone = self._zones.get(proposed.program, ZoneInfo("UTC"))
        over = self.tail.now.astimezone(zone).date() > through
        return "ended" if over and state in ("proposed", "approved") else state


@contextmanager
def _step(engine: Database, programs: Iterable[Program]) -> Iterator[_Step]:
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        yield _Step(cursor, ledger.read_tail(cursor), programs)


def _last_person(alias: Alias) -> str:
    return alias.proposed.decisions[-1].person if alias.proposed.decisions else alias.proposed.person


def _reason(text: str) -> str:
    return _text("reason", text)


def _text(what: str, text: str) -> str:
    if not 1 <= len(text.strip()) <= MOST_OF_A_TEXT or not text.isprintable():
        raise Unusable(f"The {what} must be a text of 1 to {MOST_OF_A_TEXT} characters on one line.")
    return text.strip()


def _refuse_unreadable(said: SiteAliasProposal) -> None:
    """What the contract lets nobody write, and an address that would agree with more than one place."""
    _text("evidence", said.evidence)
    ids: list[tuple[str, Any, str]] = [
        ("program", said.program, ID),
        ("site", said.site_id, ID),
        ("wholesaler", said.wholesaler_id, ID_WITHOUT_COLON),
        ("account", said.account, ID_WITHOUT_COLON),
    ]
    for what, given, pattern in ids:
        if given is not UNSET and not re.fullmatch(pattern, given):
            raise Unusable(f"The {what} must be 1 to 64 characters of A-Z, a-z, 0-9 and . _ -{' :' if pattern == ID else ''}.")
    if (said.account is UNSET) == (said.address is UNSET):
        raise Unusable("An alias is one account or one address of the site, not both and not neither.")
    if said.address is not UNSET:
        if not all(1 <= len(part) <= MOST_OF_A_PART and part.isprintable() for part in astuple(said.address) if part is not UNSET):
            raise Unusable(f"Each part of the address must be a text of 1 to {MOST_OF_A_PART} characters on one line.")
        words, _, zip5 = address_key(address_of(said.address)).partition(" | ")
        if len(zip5) < ZIP_DIGITS or not any(sign.isalnum() for sign in words):
            raise Unusable("The address must name a place: letters or digits in its street, and five digits in its postal code.")
