"""Every reason that a line can have, in the order in which a line gives them. A code once used is never reused or renamed."""

from typing import NamedTuple

HELD = "held"
BLOCKED = "blocked"

REMS_RECIPIENTS = "REMS: distribute only to certified pharmacies and certified healthcare facilities"
REMS_RECORDS = "REMS: maintain and submit patient level distribution records of all shipments"
REMS_RECERTIFICATION = "REMS: the authorized representative enrols again every 2 years"
REMS_AUTHORIZATION = (
    "REMS: before dispensing, the prescriber and the infusing facility are certified, the patient is enrolled and authorized"
)
REMS_PROCESSES = "REMS: establish processes and procedures that ensure to whom the drug is distributed"
PART_11_STEPS = "21 CFR 11.10(f): the order of steps is enforced"
DSCSA_PRODUCT = "21 U.S.C. 360eee-1(c)(2): products are handled by their product identifier"
DSCSA_SUSPECT = "21 U.S.C. 360eee-1(c)(4): suspect and illegitimate product does not go out"
ADULTERATED = "21 U.S.C. 331(a): no adulterated or misbranded drug goes into commerce"

REGISTRY = "the REMS administrator"
WHOLESALER = "the wholesaler"
NOBODY = "nobody: it is settled"


class ReasonText(NamedTuple):
    """What a reason says to the person who reads it."""

    code: str
    outcome: str
    """``held`` or ``blocked``."""
    sentence: str
    remedy: str
    cleared_by: str
    requirement: str
    site_rule: bool
    """Told but does not stop while the program is under discretion."""


_OTHER_SITE_RULES = frozenset({"recipient_class_not_allowed", "administering_site_not_certified", "identifier_invalid"})


def _held(code: str, cleared_by: str, requirement: str, sentence: str, remedy: str) -> ReasonText:
    return ReasonText(code, HELD, sentence, remedy, cleared_by, requirement, _is_site_rule(code))


def _blocked(code: str, cleared_by: str, requirement: str, sentence: str, remedy: str) -> ReasonText:
    return ReasonText(code, BLOCKED, sentence, remedy, cleared_by, requirement, _is_site_rule(code))


def _is_site_rule(code: str) -> bool:
    return code.startswith(("site_", "certification_")) or code in _OTHER_SITE_RULES


_TABLE = (
    _held(
        "registry_stale",
        REGISTRY,
        REMS_PROCESSES,
        "The program's registry is older than its limit.",
        "Load a current snapshot or wait for the next heartbeat; the line is then examined again.",
    ),
    _held(
        "order_contradicts",
        WHOLESALER,
        PART_11_STEPS,
        "An earlier message with this order number and revision says something else.",
        "Send a new revision that says what is meant.",
    ),
    _blocked(
        "order_superseded", NOBODY, PART_11_STEPS, "A higher revision of this order has been seen.", "None: the higher revision holds."
    ),
    _held(
        "order_already_shipped",
        WHOLESALER,
        PART_11_STEPS,
        "The goods of an earlier revision have left.",
        "Settle with the warehouse what was shipped; send what is still wanted as a new order.",
    ),
    _blocked(
        "order_cancelled", NOBODY, PART_11_STEPS, "The order was cancelled.", "None: send a new order if the goods are wanted after all."
    ),
    _held(
        "product_unknown",
        WHOLESALER,
        DSCSA_PRODUCT,
        "This is a package of a watched product that no table has, or its code cannot be read as a product at all.",
        "Correct the NDC or GTIN, or have the package added to the program's table.",
    ),
    _held(
        "product_ambiguous",
        WHOLESALER,
        DSCSA_PRODUCT,
        "The NDC without hyphens fits more than one product.",
        "Send the NDC with hyphens, or the GTIN.",
    ),
    _held(
        "product_identifiers_disagree",
        WHOLESALER,
        DSCSA_PRODUCT,
        "NDC and GTIN name different products, or one of them is wrong in itself.",
        "Read both codes from the package and correct the order.",
    ),
    _held("ship_date_passed", WHOLESALER, PART_11_STEPS, "The day of shipment is too long past.", "Send a new revision with new dates."),
    _blocked(
        "product_expired",
        WHOLESALER,
        ADULTERATED,
        "The product expires before it is delivered.",
        "Pick a lot that expires later and send a new revision.",
    ),
    _held(
        "unit_unknown",
        WHOLESALER,
        REMS_RECORDS,
        "The program cannot convert this unit, so nobody knows how much is ordered.",
        "Order in a unit that the program's table has.",
    ),
    _blocked(
        "lot_recalled", WHOLESALER, DSCSA_SUSPECT, "The lot is recalled.", "Quarantine the lot, pick another and send a new revision."
    ),
    _held(
        "serials_do_not_match_quantity",
        WHOLESALER,
        DSCSA_PRODUCT,
        "The number of serials is not the quantity in dispensing units.",
        "Correct the quantity or the serials.",
    ),
    _blocked(
        "serial_already_shipped",
        WHOLESALER,
        DSCSA_SUSPECT,
        "A serial of this line was released before and has not come back.",
        "Find out which package is in hand: a serial that is there twice is suspect product.",
    ),
    _held(
        "site_unknown",
        WHOLESALER,
        REMS_RECIPIENTS,
        "No program's registry knows the site.",
        "Correct the identifier, or have the site enrol with the REMS.",
    ),
    _held(
        "site_ambiguous",
        WHOLESALER,
        REMS_RECIPIENTS,
        "More than one site fits, and the address does not tell which.",
        "Send the site's REMS id, or correct the address.",
    ),
    _held(
        "site_identifiers_disagree",
        WHOLESALER,
        REMS_RECIPIENTS,
        "The identifiers of the order do not belong to one site.",
        "Correct the identifier that is named, or have the registry correct its own.",
    ),
    _held(
        "site_address_disagrees",
        WHOLESALER,
        REMS_RECIPIENTS,
        "The address of the order is not the address of the certified site.",
        "Correct the address, or have another writing of it approved for this site.",
    ),
    _blocked(
        "site_of_other_program",
        REGISTRY,
        REMS_RECIPIENTS,
        "The site is known, but only to another program.",
        "The site must be certified in this program before it may receive.",
    ),
    _blocked(
        "site_not_certified",
        REGISTRY,
        REMS_RECIPIENTS,
        "The site is not certified: its certification is pending, or was withdrawn.",
        "The site must complete its certification.",
    ),
    _blocked("site_suspended", REGISTRY, REMS_RECIPIENTS, "The site's certification is suspended.", "The REMS must lift the suspension."),
    _blocked("site_decertified", REGISTRY, REMS_RECIPIENTS, "The site has been decertified.", "The site must be certified anew."),
    _blocked(
        "certification_not_yet_valid",
        REGISTRY,
        REMS_RECERTIFICATION,
        "The site's certification begins later than today.",
        "Wait for the day on which it begins.",
    ),
    _blocked(
        "certification_lapsed",
        REGISTRY,
        REMS_RECERTIFICATION,
        "The site's certification is over.",
        "The site's authorized representative must enrol again.",
    ),
    _held(
        "certification_lapses_before_delivery",
        REGISTRY,
        REMS_RECERTIFICATION,
        "The site is certified today, but not on every day until delivery.",
        "Ship so that it arrives in time, or wait until the renewal is in the registry.",
    ),
    _blocked(
        "recipient_class_not_allowed",
        WHOLESALER,
        REMS_RECIPIENTS,
        "The program does not allow shipments to this class of site.",
        "Ship to a site of an allowed class.",
    ),
    _held(
        "administering_site_not_certified",
        REGISTRY,
        REMS_AUTHORIZATION,
        "The pharmacy ships on to a site that is not a healthcare facility certified today.",
        "Name the certified facility that administers, or have it certified.",
    ),
    _held(
        "patient_missing",
        WHOLESALER,
        REMS_RECORDS,
        "The line names no patient, so no patient-level record could be made.",
        "Send a new revision with the patient's REMS id.",
    ),
    _held(
        "patient_not_enrolled",
        REGISTRY,
        REMS_AUTHORIZATION,
        "The patient is not enrolled in the program.",
        "Correct the patient's REMS id, or have the patient enrolled.",
    ),
    _held(
        "prescriber_not_certified",
        REGISTRY,
        REMS_AUTHORIZATION,
        "The prescriber is not certified, or none is named.",
        "Correct the prescriber's REMS id, or have the prescriber certified.",
    ),
    _held(
        "authorization_missing",
        WHOLESALER,
        REMS_AUTHORIZATION,
        "The line names no authorization.",
        "Obtain the authorization from the REMS and send a new revision with its number.",
    ),
    _held(
        "authorization_unknown",
        REGISTRY,
        REMS_AUTHORIZATION,
        "The registry does not know the authorization.",
        "Correct its number, or wait until the registry has it.",
    ),
    _held(
        "authorization_not_valid",
        REGISTRY,
        REMS_AUTHORIZATION,
        "The authorization is cancelled, not valid yet, or lapsed.",
        "Obtain an authorization that is valid on the day of release.",
    ),
    _held(
        "authorization_for_other_party",
        REGISTRY,
        REMS_AUTHORIZATION,
        "The authorization is for another patient, prescriber or administering site than this shipment.",
        "Correct the parties of the line, or obtain an authorization for them.",
    ),
    _held(
        "authorization_exhausted",
        REGISTRY,
        REMS_AUTHORIZATION,
        "With this line more units would have been released than are authorized.",
        "Order what is left, or obtain another authorization.",
    ),
    _held(
        "identifier_invalid",
        WHOLESALER,
        REMS_PROCESSES,
        "An identifier of the order has not the form or the check digit that it must have.",
        "Correct the identifier that is named.",
    ),
    _held(
        "other_line_stopped",
        WHOLESALER,
        REMS_PROCESSES,
        "The program ships whole orders only, and another line of it is stopped.",
        "Clear the other line, or order without it.",
    ),
    _held(
        "withdrawal_unconfirmed",
        WHOLESALER,
        PART_11_STEPS,
        "The warehouse has not confirmed that the goods of the lower revision stayed.",
        "The warehouse reports the lower revision as cancelled.",
    ),
)

REASONS = {reason.code: reason for reason in _TABLE}
