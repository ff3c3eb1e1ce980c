"""What should hold of the sites: found, agreeing, certified on every day that counts, of an allowed class."""

from datetime import date

from gatekeeper.domain.calendar import last_valid_day
from gatekeeper.domain.covered_line import CoveredLine
from gatekeeper.domain.days import ONE_DAY
from gatekeeper.domain.facts import SiteFact
from gatekeeper.domain.identifiers import dea_is_valid, gln_is_valid, npi_is_valid
from gatekeeper.domain.lapses import may_be_renewed
from gatekeeper.domain.program import Program
from gatekeeper.domain.sites import Evidence, site_on

_PHARMACIES = frozenset({"pharmacy", "inpatient_pharmacy"})
FACILITY = "healthcare_facility"


def site_is_known(case: CoveredLine) -> Evidence | None:
    return case.standing.finding.problems.get("site_unknown")


def site_is_the_only_one(case: CoveredLine) -> Evidence | None:
    return case.standing.finding.problems.get("site_ambiguous")


def site_identifiers_agree(case: CoveredLine) -> Evidence | None:
    return case.standing.finding.problems.get("site_identifiers_disagree")


def site_address_agrees(case: CoveredLine) -> Evidence | None:
    return case.standing.finding.problems.get("site_address_disagrees")


def site_is_of_this_program(case: CoveredLine) -> Evidence | None:
    return case.standing.finding.problems.get("site_of_other_program")


def site_is_certified(case: CoveredLine) -> Evidence | None:
    site = case.site
    return _status(site) if site is not None and site.status in ("pending", "withdrawn") else None


def site_is_not_suspended(case: CoveredLine) -> Evidence | None:
    site = case.site
    return _status(site) if site is not None and site.status == "suspended" else None


def site_is_not_decertified(case: CoveredLine) -> Evidence | None:
    site = case.site
    return _status(site) if site is not None and site.status == "decertified" else None


def certification_has_begun(case: CoveredLine) -> Evidence | None:
    site, today = case.site, case.today
    if site is None or site.status != "certified" or _has_begun(site, today):
        return None
    return _certificate(site, case, today)


def certification_is_not_over(case: CoveredLine) -> Evidence | None:
    site, today = case.site, case.today
    if site is None or site.status != "certified" or _is_not_over(site, today, case.program.certification_years):
        return None
    return None if _only_lapsed(site, case.standing.finding.facts, case) else _certificate(site, case, today)


def certification_lasts_until_delivery(case: CoveredLine) -> Evidence | None:
    """Judged only where it is valid today; each day by the fact that holds on it."""
    standing, site, today = case.standing, case.site, case.today
    years = case.program.certification_years
    if site is None or not certified_on_day(site, today, years):
        return None
    for day in (standing.ship_day, standing.delivery_day):
        fact = site_on(standing.finding.facts, case.program.name, day)
        if fact is None or not certified_on_day(fact, day, years):
            return _certificate(fact or site, case, day)
    return None


def recipient_class_is_allowed(case: CoveredLine) -> Evidence | None:
    site, allowed = case.site, case.program.classes
    if site is None or site.site_class in allowed:
        return None
    return {
        "class": site.site_class,
        "allowed": list(allowed),
        "effective_on": site.effective_on.isoformat(),
        "fact_sequence": site.sequence,
    }


def administering_site_is_certified(case: CoveredLine) -> Evidence | None:
    """A pharmacy's shipment goes on to a facility that infuses: a site of the program, certified on the day."""
    site, program, today = case.site, case.program, case.today
    if site is None or site.site_class not in _PHARMACIES or program.patient_rule != "authorized":
        return None
    site_id = case.administering_site_id
    if site_id is None:
        return {"named": False}
    facts = case.answers[("site", site_id)]
    administering = site_on(facts, program.name, today)
    if administering is None:
        return {"named": True, "known": False}
    certified = certified_on_day(administering, today, program.certification_years) or _only_lapsed(administering, facts, case)
    if administering.site_class == FACILITY and certified:
        return None
    return {"class": administering.site_class, **_certificate(administering, case, today)}


def identifiers_have_their_form(case: CoveredLine) -> Evidence | None:
    order = case.standing.order
    ship_to, ship_from_gln = order.ship_to, order.ship_from_gln
    wrong = []
    if ship_to.npi is not None and not npi_is_valid(ship_to.npi):
        wrong.append("ship_to.npi")
    if ship_to.dea is not None and not dea_is_valid(ship_to.dea):
        wrong.append("ship_to.dea")
    if ship_to.gln is not None and not gln_is_valid(ship_to.gln):
        wrong.append("ship_to.gln")
    if ship_from_gln is not None and not gln_is_valid(ship_from_gln):
        wrong.append("ship_from.gln")
    return {"identifiers": wrong} if wrong else None


def certified_on_day(site: SiteFact, day: date, years: int) -> bool:
    """By this fact; which fact holds on the day is the caller's to say."""
    return site.status == "certified" and _has_begun(site, day) and _is_not_over(site, day, years)


def may_receive(site: SiteFact, day: date, program: Program) -> bool:
    """Whether this fact lets lines to the site pass on the day: without that all of them are stopped."""
    return site.site_class in program.classes and certified_on_day(site, day, program.certification_years)


def _has_begun(site: SiteFact, day: date) -> bool:
    return site.certified_on is not None and site.certified_on <= day


def _is_not_over(site: SiteFact, day: date, years: int) -> bool:
    last = last_valid_day(site.certified_on, site.valid_through, years)
    return last is not None and day <= last


def _only_lapsed(site: SiteFact, facts: tuple[SiteFact, ...], case: CoveredLine) -> bool:
    """Whether it is over because its last day has passed, not because a fact ended it, and may have been renewed."""
    years = case.program.certification_years
    last = last_valid_day(site.certified_on, site.valid_through, years)
    if site.status != "certified" or last is None or last >= case.today:
        return False
    then = site_on(facts, case.program.name, last)
    ran_out = then is not None and certified_on_day(then, last, years) and not certified_on_day(then, last + ONE_DAY, years)
    return ran_out and may_be_renewed(case)


def _status(site: SiteFact) -> Evidence:
    return {"status": site.status, "effective_on": site.effective_on.isoformat(), "fact_sequence": site.sequence}


def _certificate(site: SiteFact, case: CoveredLine, day: date) -> Evidence:
    last = last_valid_day(site.certified_on, site.valid_through, case.program.certification_years)
    return {
        **_status(site),
        "certified_on": None if site.certified_on is None else site.certified_on.isoformat(),
        "last_valid_day": None if last is None else last.isoformat(),
        "judged_on": day.isoformat(),
    }
