"""Which site an order means, by the registry of one program on one day (contract section 5, "Which site")."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from gatekeeper.domain.addresses import address_key
from gatekeeper.domain.case import Answers
from gatekeeper.domain.facts import SiteAlias, SiteFact, holding
from gatekeeper.domain.order import Order

Evidence = dict[str, Any]
_SITES_SHOWN = 20


class Finding(NamedTuple):
    """The site that was found, or why none was; and what of the order does not fit it."""

    site: SiteFact | None
    facts: tuple[SiteFact, ...]
    """All the program's facts about the site: another day may have another one."""
    problems: dict[str, Evidence]
    """By the code of the reason."""
    aliases: tuple[str, ...] = ()
    """The site aliases that made something agree which by the registry alone does not."""


def identifiers_of(order: Order) -> list[tuple[str, str]]:
    """The identifiers that the order gives beside ``rems_site_id``, as the registry is asked for them; the account first."""
    _, _, account, npi, dea, ncpdp_id, hin, gln, _ = order.ship_to
    given = [] if account is None else [("account", account_of(order.wholesaler_id, account))]
    if npi is not None:
        given.append(("npi", npi))
    if dea is not None:
        given.append(("dea", dea))
    if ncpdp_id is not None:
        given.append(("ncpdp_id", ncpdp_id))
    if hin is not None:
        given.append(("hin", hin))
    if gln is not None:
        given.append(("gln", gln))
    return given


def account_of(wholesaler_id: str, account: str) -> str:
    return f"{wholesaler_id}:{account}"


def site_on(facts: tuple[SiteFact, ...], program: str, day: date) -> SiteFact | None:
    """The fact of the program that holds for a site on the day."""
    if len(facts) == 1:
        fact = facts[0]
        if fact.program != program or fact.effective_on > day or (fact.until is not None and day >= fact.until):
            return None
        return fact
    return holding([fact for fact in facts if fact.program == program], day)


def find_site(order: Order, program: str, day: date, answers: Answers) -> Finding:
    """The site that the order means. ``problems`` holds every disagreement; a site found is judged by the caller."""
    site_id = order.ship_to.rems_site_id
    if site_id is None:
        return _by_identifiers(order, program, day, answers)
    facts: tuple[SiteFact, ...] = answers[("site", site_id)]
    site = site_on(facts, program, day)
    if site is not None:
        return _found(site, facts, order, day, answers)
    others = _programs_on(facts, day)
    if others:
        return _not_found("site_of_other_program", {"kinds": ["rems_site_id"], "programs": sorted(others)})
    return _not_found("site_unknown", {"kinds": ["rems_site_id"]})


def _by_identifiers(order: Order, program: str, day: date, answers: Answers) -> Finding:
    given = identifiers_of(order)
    carriers = {kind: _carriers(kind, value, program, day, answers) for kind, value in given}
    aliased = _carriers_by_alias(order, program, day, answers, carriers.get("account", {}))
    if aliased:
        carriers["account"].update({site_id: site for site_id, (site, _) in aliased.items()})
    if carriers.get("account"):
        candidates = carriers["account"]
    else:
        known = [sites for sites in carriers.values() if sites]
        if not known:
            return _known_to_nobody(given, day, answers)
        candidates = {site_id: site for site_id, site in known[0].items() if all(site_id in sites for sites in known)}
    if not candidates:
        return _not_found("site_identifiers_disagree", {"kinds": [kind for kind, sites in carriers.items() if sites]})
    if len(candidates) > 1:
        wanted = address_key(order.ship_to.address)
        at_address = {site_id: _address_aliases(site, wanted, order, day, answers) for site_id, site in candidates.items()}
        agreeing = {site_id: site for site_id, site in candidates.items() if at_address[site_id] or _key_on_file(site) == wanted}
        if len(agreeing) != 1:
            shown = {"sites": sorted(candidates)[:_SITES_SHOWN], "address_agrees": sorted(agreeing)[:_SITES_SHOWN]}
            used = {alias for aliases in (*at_address.values(), *(found for _, found in aliased.values())) for alias in aliases}
            evidence = {"count": len(candidates), **shown, "order_address": wanted}
            return Finding(None, (), {"site_ambiguous": evidence}, tuple(sorted(used)[:_SITES_SHOWN]))
        candidates = agreeing
    ((site_id, site),) = candidates.items()
    _, by_account = aliased.get(site_id, (site, ()))
    return _found(site, answers[("site", site_id)], order, day, answers, by_account)


def _known_to_nobody(given: list[tuple[str, str]], day: date, answers: Answers) -> Finding:
    """Of identifiers that this program's registry does not know on the day."""
    others = {
        fact.program
        for kind, value in given
        for site_id in answers[("identifier", kind, value)]
        for fact in _holding_anywhere(answers[("site", site_id)], day)
        if value in _on_file(fact, kind)
    }
    kinds = [kind for kind, _ in given]
    if others:
        return _not_found("site_of_other_program", {"kinds": kinds, "programs": sorted(others)})
    return _not_found("site_unknown", {"kinds": kinds})


def _found(
    site: SiteFact, facts: tuple[SiteFact, ...], order: Order, day: date, answers: Answers, found_by: tuple[str, ...] = ()
) -> Finding:
    """``found_by`` are the aliases by which the site was found."""
    problems: dict[str, Evidence] = {}
    disagreeing = []
    used = set(found_by)
    for kind, value in identifiers_of(order):
        on_file = _on_file(site, kind)
        if kind == "account":
            on_file = tuple([account for account in on_file if account.startswith(order.wholesaler_id + ":")])
        # Not among those on file; or, where none of the kind is on file, another site's.
        if value not in on_file if on_file else _carriers(kind, value, site.program, day, answers):
            aliases = _account_aliases(site, order, day, answers) if kind == "account" else ()
            used.update(aliases)
            if not aliases:
                disagreeing.append(kind)
    if disagreeing:
        problems["site_identifiers_disagree"] = {
            "kinds": sorted(disagreeing),
            "effective_on": site.effective_on.isoformat(),
            "fact_sequence": site.sequence,
        }
    wanted, registered = address_key(order.ship_to.address), _key_on_file(site)
    if wanted != registered:
        aliases = _address_aliases(site, wanted, order, day, answers)
        used.update(aliases)
        if not aliases:
            problems["site_address_disagrees"] = {
                "order_address": wanted,
                "registry_address": registered,
                "effective_on": site.effective_on.isoformat(),
                "fact_sequence": site.sequence,
            }
    return Finding(site, facts, problems, tuple(sorted(used)))


def _carriers(kind: str, value: str, program: str, day: date, answers: Answers) -> dict[str, SiteFact]:
    """The sites to which the program's registry gives this value on the day."""
    found = {}
    for site_id in answers[("identifier", kind, value)]:
        site = site_on(answers[("site", site_id)], program, day)
        if site is not None and value in _on_file(site, kind):
            found[site_id] = site
    return found


def _carriers_by_alias(
    order: Order, program: str, day: date, answers: Answers, known: Mapping[str, SiteFact]
) -> dict[str, tuple[SiteFact, tuple[str, ...]]]:
    """Beside the ``known`` ones, the sites to which an alias gives the order's account on the day, with the aliases that do."""
    account = order.ship_to.account
    found = {}
    for site_id in () if account is None else answers[("identifier", "account", account_of(order.wholesaler_id, account))]:
        site = None if site_id in known else site_on(answers[("site", site_id)], program, day)
        aliases = () if site is None else _account_aliases(site, order, day, answers)
        if site is not None and aliases:
            found[site_id] = (site, aliases)
    return found


def _account_aliases(site: SiteFact, order: Order, day: date, answers: Answers) -> tuple[str, ...]:
    return tuple([alias.alias_id for alias in _aliases(site, order, day, answers) if alias.account == order.ship_to.account])


def _address_aliases(site: SiteFact, wanted: str, order: Order, day: date, answers: Answers) -> tuple[str, ...]:
    """Where the address does not agree by the registry alone, those by which it does."""
    if _key_on_file(site) == wanted:
        return ()
    addressed = [(alias.alias_id, alias.address) for alias in _aliases(site, order, day, answers)]
    return tuple([alias_id for alias_id, address in addressed if address is not None and address_key(address) == wanted])


def _aliases(site: SiteFact, order: Order, day: date, answers: Answers) -> Iterator[SiteAlias]:
    """Those of the site that are this wholesaler's and hold on the day."""
    for alias in answers[("alias", site.site_id)]:
        if (alias.program, alias.wholesaler_id) == (site.program, order.wholesaler_id) and alias.holds_on(day):
            yield alias


def _on_file(site: SiteFact, kind: str) -> tuple[str, ...]:
    for name, values in site.identifiers:
        if name == kind:
            return values
    return ()


def _key_on_file(site: SiteFact) -> str | None:
    return None if site.address is None else address_key(site.address)


def _holding_anywhere(facts: tuple[SiteFact, ...], day: date) -> Iterator[SiteFact]:
    for program in {fact.program for fact in facts}:
        fact = site_on(facts, program, day)
        if fact is not None:
            yield fact


def _programs_on(facts: tuple[SiteFact, ...], day: date) -> set[str]:
    return {fact.program for fact in _holding_anywhere(facts, day)}


def _not_found(code: str, evidence: Evidence) -> Finding:
    return Finding(None, (), {code: evidence})
