"""``gatekeeper site-alias``."""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date
from typing import Any

import click
from msgspec import UNSET
from sqlalchemy import Engine

from gatekeeper.commands.acting import acting, id_of
from gatekeeper.config import read_settings
from gatekeeper.domain.program import Program
from gatekeeper.errors import Unusable
from gatekeeper.messages import written
from gatekeeper.opening import open_ledger
from gatekeeper.people.access import Person
from gatekeeper.people.permissions import Permission
from gatekeeper.programs import load_programs
from gatekeeper.registry import site_aliases
from gatekeeper.registry.site_aliases import Alias
from gatekeeper.storage.engine import transaction
from schemas.order import Address
from schemas.site_alias import SiteAliasProposal
from schemas.text import is_day

PARTS = {"street": True, "street2": False, "city": True, "state": True, "postal_code": True}
"""Of an address, and whether each must be given."""
Decide = Callable[[Engine, str, str, Person, Iterable[Program]], Alias]
REASON = click.option("--reason", required=True, help="Why, in words that an auditor understands. Name no patient.")


@click.group("site-alias")
def site_alias() -> None:
    """One more address or account of a known site, for one wholesaler, until a day: the wholesaler's own word, never the registry's.

    One person proposes it with the evidence seen, another approves it. It can make a site agree, never certify one. Who acts is the
    person of GATEKEEPER_TOKEN.
    """


@site_alias.command("propose")
@click.option("--program", required=True, metavar="NAME", help="Whose registry knows the site.")
@click.option("--site", "site_id", required=True, metavar="ID", help="The site, as the registry names it.")
@click.option("--wholesaler", "wholesaler_id", required=True, metavar="ID", help="For whose orders it counts.")
@click.option("--account", metavar="NUMBER", help="One more account of the site, as orders write it.")
@click.option("--street", metavar="TEXT", help="One more address of the site: its street,")
@click.option("--street2", metavar="TEXT", help="its second line, if it has one,")
@click.option("--city", metavar="TEXT", help="its city,")
@click.option("--state", metavar="TEXT", help="its state,")
@click.option("--postal-code", metavar="TEXT", help="and its ZIP.")
@click.option("--through", required=True, metavar="YYYY-MM-DD", help="The last day on which it counts, at most two years from now.")
@click.option("--evidence", required=True, metavar="TEXT", help="What was seen that shows that it is the site's. Name no patient.")
def propose_command(through: str, account: str | None, **given: Any) -> None:
    """Propose an account or an address of a site."""
    address = _address({part: given.pop(part) for part in PARTS})
    said = SiteAliasProposal(**given, through=_day(through), account=UNSET if account is None else account, address=address)
    with acting(Permission.PROPOSE_SITE_ALIASES) as by:
        by.must_act_for(said.program, said.wholesaler_id)
        alias = site_aliases.propose(by.engine, said, by.person, by.programs)
    click.echo(f"{alias.alias_id} is proposed by {by.person.name}: {_about(alias)}. Another person must approve it before it counts.")


@site_alias.command("approve")
@click.argument("alias_id")
@REASON
def approve_command(alias_id: str, reason: str) -> None:
    """Let a proposed alias count, from now on. Nobody approves what he proposed."""
    _decide(Permission.APPROVE_SITE_ALIASES, site_aliases.approve, alias_id, reason)


@site_alias.command("refuse")
@click.argument("alias_id")
@REASON
def refuse_command(alias_id: str, reason: str) -> None:
    """Close a proposal that is not to count."""
    _decide(Permission.APPROVE_SITE_ALIASES, site_aliases.refuse, alias_id, reason)


@site_alias.command("withdraw")
@click.argument("alias_id")
@REASON
def withdraw_command(alias_id: str, reason: str) -> None:
    """Let an approved alias count no longer, from now on."""
    _decide(Permission.PROPOSE_SITE_ALIASES, site_aliases.withdraw, alias_id, reason)


@site_alias.command("list")
@click.option("--program", metavar="NAME", help="Only of this program.")
@click.option("--site", "site_id", metavar="ID", help="Only of this site.")
@click.option("--wholesaler", "wholesaler_id", metavar="ID", help="Only for this wholesaler.")
def list_command(**wanted: str | None) -> None:
    """Show the aliases, whatever became of them, oldest first: for what, until when, who did what, when and why."""
    settings = read_settings(os.environ)
    engine = open_ledger(settings)
    try:
        aliases = site_aliases.listed(engine, load_programs(settings.programs, settings.programs_added), **wanted)
    finally:
        engine.dispose()
    for line in [line for alias in aliases for line in _shown(alias)] or ["There are no such aliases."]:
        click.echo(line)


def _decide(permission: Permission, step: Decide, alias_id: str, reason: str) -> None:
    with acting(permission) as by:
        if wanted := id_of(alias_id):
            with transaction(by.engine) as cursor:
                seen = site_aliases.one(cursor, by.programs, wanted)
            if seen is not None:
                by.must_act_for(seen.said.program, seen.said.wholesaler_id)
        alias = step(by.engine, alias_id, reason, by.person, by.programs)
    click.echo(f"{alias.alias_id} is {alias.state} by {by.person.name}: {_about(alias)}.")


def _address(given: dict[str, str | None]) -> Any:
    if not any(given.values()):
        return UNSET
    for part, needed in PARTS.items():
        if needed and not given[part]:
            raise Unusable(f"An address needs --{part.replace('_', '-')} too.")
    return Address(**{part: text or UNSET for part, text in given.items()})  # type: ignore[arg-type]


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Unusable("--through must be a day, written YYYY-MM-DD.") from None
    if day.isoformat() != text or not is_day(day):
        raise Unusable("--through must be a day, written YYYY-MM-DD.")
    return day


def _about(alias: Alias) -> str:
    said = alias.said
    return f"{alias.what} of {said.site_id} ({said.program}) for {said.wholesaler_id}, until {said.through}"


def _shown(alias: Alias) -> Iterator[str]:
    proposed = alias.proposed
    yield f"{alias.alias_id}  {alias.state}  {_about(alias)}"
    yield f"    proposed {written(proposed.at.astimezone(UTC))} by {proposed.person}: {alias.said.evidence}"
    for decision in proposed.decisions:
        yield f"    {decision.decision} {written(decision.at.astimezone(UTC))} by {decision.person}: {decision.reason}"
