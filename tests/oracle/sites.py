"""Which site an order is shipped to, and whether what the order says of it agrees."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle import addresses
from tests.oracle.registry import KINDS, Fact, on_file, other_programs, site_on, sites_on, told


@dataclass(frozen=True)
class Found:
    """The site that was found, or the reason why none was."""

    site: Fact | None
    code: str | None = None


def given_identifiers(order: dict[str, Any]) -> dict[str, str]:
    """The identifiers of the order by kind; 'looked up as `wholesaler_id:account`'."""
    ship_to = order["ship_to"]
    given = {kind: ship_to[kind] for kind in KINDS if kind in ship_to}
    return given | ({"account": f"{order['wholesaler_id']}:{ship_to['account']}"} if "account" in ship_to else {})


def find_site(order: dict[str, Any], facts: list[Fact], program: str, today: date) -> Found:
    """'`rems_site_id`, if given, decides … Else `account` (looked up as `wholesaler_id:account`), if the registry knows it: the sites that
    carry it. Else all sites that carry every other identifier given that the registry knows; none carries them all:
    `site_identifiers_disagree`.'"""
    if "rems_site_id" in order["ship_to"]:
        return by_rems_site_id(order["ship_to"]["rems_site_id"], facts, program, today)
    given, sites = given_identifiers(order), sites_on(facts, program, today)
    by_account = [
        site for site in sites if given.get("account") in on_file(site, "account") or account_is_aliased(order, site, facts, today)
    ]
    if by_account:
        return the_one_at(order, by_account, facts, today)
    known = {kind: value for kind, value in given.items() if any(value in on_file(site, kind) for site in sites)}
    if not known:
        return Found(None, unknown_or_of_other_program(given, facts, program, today))
    carriers = [site for site in sites if all(value in on_file(site, kind) for kind, value in known.items())]
    return the_one_at(order, carriers, facts, today) if carriers else Found(None, "site_identifiers_disagree")


def by_rems_site_id(site_id: str, facts: list[Fact], program: str, today: date) -> Found:
    """'`rems_site_id`, if given, decides: not known to it is `site_unknown`, or `site_of_other_program` if another program has it on the
    same day, whatever else is given.'"""
    site = site_on(facts, program, site_id, today)
    if site is not None:
        return Found(site)
    elsewhere = any(site_on(facts, other, site_id, today) for other in other_programs(facts, program))
    return Found(None, "site_of_other_program" if elsewhere else "site_unknown")


def unknown_or_of_other_program(given: dict[str, str], facts: list[Fact], program: str, today: date) -> str:
    """'no identifier is known to any program's registry'; 'known, but only to another program'."""
    elsewhere = any(
        value in on_file(site, kind)
        for other in other_programs(facts, program)
        for site in sites_on(facts, other, today)
        for kind, value in given.items()
    )
    return "site_of_other_program" if elsewhere else "site_unknown"


def the_one_at(order: dict[str, Any], candidates: list[Fact], facts: list[Fact], today: date) -> Found:
    """'Of several sites, the one whose address agrees (none or several: `site_ambiguous`).'"""
    if len(candidates) > 1:
        candidates = [site for site in candidates if address_agrees(order, site, facts, today)]
    return Found(candidates[0]) if len(candidates) == 1 else Found(None, "site_ambiguous")


def aliases_of(order: dict[str, Any], site: Fact, facts: list[Fact], today: date) -> list[Fact]:
    """'`site_alias` gives one more address or account of a known site for one wholesaler, until a day.'"""
    of_both = {"site_id": site["site_id"], "wholesaler_id": order["wholesaler_id"]}
    aliases = told(facts, site["program"], "site_alias", **of_both)
    return [alias for alias in aliases if alias["effective_on"] <= today.isoformat() <= alias["through"]]


def address_agrees(order: dict[str, Any], site: Fact, facts: list[Fact], today: date) -> bool:
    """'The address always has to agree'; 'what this rule cannot know to be the same … a `site_alias` settles.'"""
    known = [site.get("address"), *(alias["address"] for alias in aliases_of(order, site, facts, today) if "address" in alias)]
    return any(addresses.agree(order["ship_to"]["address"], address) for address in known)


def account_is_aliased(order: dict[str, Any], site: Fact, facts: list[Fact], today: date) -> bool:
    """An alias gives the order's account to the site."""
    accounts = [alias["account"] for alias in aliases_of(order, site, facts, today) if "account" in alias]
    return "account" in order["ship_to"] and order["ship_to"]["account"] in accounts


def identifier_disagrees(kind: str, value: str, site: Fact, order: dict[str, Any], sites: list[Fact]) -> bool:
    """'An identifier in the order disagrees if the registry holds that kind of identifier for the site (of accounts: this wholesaler's) and
    this value is not among them, or gives this value to other sites and not to this one; one that the registry does not know at all, for a
    site that has none on file, does no harm.'"""
    held = on_file(site, kind)
    if value in held:
        return False
    if kind == "account":
        held = [account for account in held if account.startswith(order["wholesaler_id"] + ":")]
    return bool(held) or any(value in on_file(other, kind) for other in sites)
