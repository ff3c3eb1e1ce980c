"""Every reason that a covered line can have, as one small function."""

from collections.abc import Callable
from datetime import date

from tests.oracle.case import Case
from tests.oracle.identifiers import dea_is_valid, gln_is_valid, npi_is_valid
from tests.oracle.registry import is_certified, is_recalled, is_stale, last_valid_day, site_on, sites_on
from tests.oracle.sites import account_is_aliased, address_agrees, given_identifiers, identifier_disagrees


def registry_stale(case: Case) -> bool:
    """'the program's registry is older than its limit'"""
    return is_stale(case.known)


def product_identifiers_disagree(case: Case) -> bool:
    """'`ndc` and `gtin` name different products, or a check digit is wrong'"""
    return "product_identifiers_disagree" in case.product_codes


def ship_date_passed(case: Case) -> bool:
    """'`ship_on` is more than 7 days (program file) before the day of the decision'"""
    return (case.today - date.fromisoformat(case.order["ship_on"])).days > case.program.ship_date_days


def product_expired(case: Case) -> bool:
    """'expires before `deliver_by`, or before today'"""
    return "expires_on" in case.line and date.fromisoformat(case.line["expires_on"]) < max(case.deliver_by, case.today)


def unit_unknown(case: Case) -> bool:
    """'a unit the program cannot convert'; '`unit` defaults to the product's dispensing unit'; 'unit `vial` and no other'."""
    return bool(case.line.get("unit", case.program.unit) != case.program.unit)


def lot_recalled(case: Case) -> bool:
    """The lot of the line is one of a recall of the row."""
    return "lot" in case.line and is_recalled(case.facts, case.program.name, case.row, case.line["lot"], case.today)


def serials_do_not_match_quantity(case: Case) -> bool:
    """'serials are given and their number is not the quantity in dispensing units'; not judged where the unit is unknown."""
    serials = case.line.get("serials", [])
    return bool(serials) and len(serials) != case.line["quantity"] and not unit_unknown(case)


def serial_already_shipped(case: Case) -> bool:
    """'(GTIN, serial) was released before and not returned'"""
    return any(
        release.gtin == case.row.gtin and serial in release.serials
        for release in case.history.counting(case.order)
        for serial in case.line.get("serials", [])
    )


def not_found_with(code: str) -> Callable[[Case], bool]:
    """No site was found, for this reason."""

    def judged(case: Case) -> bool:
        return case.found.code == code

    return judged


def site_identifiers_disagree(case: Case) -> bool:
    """None carries all known identifiers, or an identifier disagrees with the site found."""
    if case.site is None:
        return case.found.code == "site_identifiers_disagree"
    sites = sites_on(case.facts, case.program.name, case.today)
    given = given_identifiers(case.order)
    if account_is_aliased(case.order, case.site, case.facts, case.today):
        del given["account"]
    return any(identifier_disagrees(kind, value, case.site, case.order, sites) for kind, value in given.items())


def site_address_disagrees(case: Case) -> bool:
    """'The address always has to agree.'"""
    return case.site is not None and not address_agrees(case.order, case.site, case.facts, case.today)


def with_status(*statuses: str) -> Callable[[Case], bool]:
    """The site found has one of these statuses today."""

    def judged(case: Case) -> bool:
        return case.site is not None and case.site["status"] in statuses

    return judged


def certification_not_yet_valid(case: Case) -> bool:
    """'Dates are judged only where the status is `certified`.'"""
    return with_status("certified")(case) and date.fromisoformat((case.site or {})["certified_on"]) > case.today


def certification_lapsed(case: Case) -> bool:
    """'on the day of the decision'"""
    return case.site is not None and with_status("certified")(case) and last_valid_day(case.site) < case.today


def certification_lapses_before_delivery(case: Case) -> bool:
    """'valid today, not through delivery'; 'Certification must also cover `ship_on` and `deliver_by`, each judged by the fact that holds on
    that day; a day before today is judged as today.'"""
    if case.site is None or not is_certified(case.site, case.today):
        return False
    days = {max(day, case.today) for day in (date.fromisoformat(case.order["ship_on"]), case.deliver_by)}
    return not all(is_certified(site_on(case.facts, case.program.name, case.site["site_id"], day), day) for day in days)


def recipient_class_not_allowed(case: Case) -> bool:
    """'classes `pharmacy` and `healthcare_facility`'"""
    return case.site is not None and case.site["class"] not in case.program.classes


def administering_site_not_certified(case: Case) -> bool:
    """'If the site shipped to is of a pharmacy class, the line's `administering_site_id`, else the authorization's, must be a site of the
    program, of class `healthcare_facility`, certified on the day (`administering_site_not_certified`, also where none is named)'"""
    if case.site is None or case.site["class"] not in ("pharmacy", "inpatient_pharmacy"):
        return False
    site_id = case.named("administering_site_id") or (case.authorization or {}).get("administering_site_id")
    infusing = case.about("site", site_id=site_id)
    return infusing is None or infusing["class"] != "healthcare_facility" or not is_certified(infusing, case.today)


def patient_missing(case: Case) -> bool:
    """'Without `patient_id` the line gets `patient_missing` and no other patient, prescriber or authorization reason.'"""
    return case.named("patient_id") is None


def patient_not_enrolled(case: Case) -> bool:
    """The patient named is known and enrolled today, or this."""
    patient = case.about("patient", patient_id=case.named("patient_id"))
    return not patient_missing(case) and (patient is None or patient["status"] != "enrolled")


def prescriber_not_certified(case: Case) -> bool:
    """'Where the line names no prescriber, the authorization's is judged; where there is none, `prescriber_not_certified`.'"""
    prescriber_id = case.named("prescriber_id") or (case.authorization or {}).get("prescriber_id")
    prescriber = case.about("prescriber", prescriber_id=prescriber_id)
    return not patient_missing(case) and (prescriber is None or prescriber["status"] != "certified")


def authorization_missing(case: Case) -> bool:
    """The line names no authorization."""
    return not patient_missing(case) and case.named("authorization_id") is None


def authorization_unknown(case: Case) -> bool:
    """The line names one that nobody knows today."""
    return not patient_missing(case) and case.named("authorization_id") is not None and case.authorization is None


def authorization_not_valid(case: Case) -> bool:
    """'cancelled, not yet valid or lapsed on the day'"""
    held = case.authorization
    if patient_missing(case) or held is None:
        return False
    in_time = date.fromisoformat(held["valid_from"]) <= case.today <= date.fromisoformat(held["valid_through"])
    return held["status"] != "authorized" or not in_time


def authorization_for_other_party(case: Case) -> bool:
    """'other patient, prescriber or administering site; or the facility shipped to is not the one that administers': 'a healthcare
    facility must itself be the administering site, of the line where it names one and of the authorization'."""
    if patient_missing(case):
        return False
    held = case.authorization or {}
    parties = [(case.named(member), held.get(member)) for member in ("patient_id", "prescriber_id", "administering_site_id")]
    if case.site is not None and case.site["class"] == "healthcare_facility":
        parties += [(case.named("administering_site_id"), case.site["site_id"]), (held.get("administering_site_id"), case.site["site_id"])]
    return any(None not in pair and pair[0] != pair[1] for pair in parties)


def authorization_exhausted(case: Case) -> bool:
    """'units released so far (less voided and returned) plus this line exceed its units'; not judged where the unit is unknown."""
    held = case.authorization
    if patient_missing(case) or held is None or unit_unknown(case):
        return False
    released = sum(release.units for release in case.history.counting(case.order) if release.authorization_id == held["authorization_id"])
    return bool(released + case.line["quantity"] > held["units"])


def identifier_invalid(case: Case) -> bool:
    """'an NPI, DEA or GLN of the order (`ship_from` too) without the form or the check digit it must have'"""
    ship_to, ship_from = case.order["ship_to"], case.order["ship_from"]
    judged = [
        (npi_is_valid, ship_to.get("npi")),
        (dea_is_valid, ship_to.get("dea")),
        (gln_is_valid, ship_to.get("gln")),
        (gln_is_valid, ship_from.get("gln")),
    ]
    return any(value is not None and not valid(value) for valid, value in judged)


# 'One entry a code and line, in the order of this table.'
REASONS: dict[str, tuple[str, Callable[[Case], bool]]] = {
    "registry_stale": ("held", registry_stale),
    "product_identifiers_disagree": ("held", product_identifiers_disagree),
    "ship_date_passed": ("held", ship_date_passed),
    "product_expired": ("blocked", product_expired),
    "unit_unknown": ("held", unit_unknown),
    "lot_recalled": ("blocked", lot_recalled),
    "serials_do_not_match_quantity": ("held", serials_do_not_match_quantity),
    "serial_already_shipped": ("blocked", serial_already_shipped),
    "site_unknown": ("held", not_found_with("site_unknown")),
    "site_ambiguous": ("held", not_found_with("site_ambiguous")),
    "site_identifiers_disagree": ("held", site_identifiers_disagree),
    "site_address_disagrees": ("held", site_address_disagrees),
    "site_of_other_program": ("blocked", not_found_with("site_of_other_program")),
    "site_not_certified": ("blocked", with_status("pending", "withdrawn")),
    "site_suspended": ("blocked", with_status("suspended")),
    "site_decertified": ("blocked", with_status("decertified")),
    "certification_not_yet_valid": ("blocked", certification_not_yet_valid),
    "certification_lapsed": ("blocked", certification_lapsed),
    "certification_lapses_before_delivery": ("held", certification_lapses_before_delivery),
    "recipient_class_not_allowed": ("blocked", recipient_class_not_allowed),
    "administering_site_not_certified": ("held", administering_site_not_certified),
    "patient_missing": ("held", patient_missing),
    "patient_not_enrolled": ("held", patient_not_enrolled),
    "prescriber_not_certified": ("held", prescriber_not_certified),
    "authorization_missing": ("held", authorization_missing),
    "authorization_unknown": ("held", authorization_unknown),
    "authorization_not_valid": ("held", authorization_not_valid),
    "authorization_for_other_party": ("held", authorization_for_other_party),
    "authorization_exhausted": ("held", authorization_exhausted),
    "identifier_invalid": ("held", identifier_invalid),
}
