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
    site_rule: bool = False
    """Told but does not stop while the program is under discretion."""


_TABLE = (
    ReasonText(
        "registry_stale",
        HELD,
        "The program's registry is older than its limit.",
        "Load a current snapshot or wait for the next heartbeat; the line is then examined again.",
        REGISTRY,
        REMS_PROCESSES,
    ),
    ReasonText(
        "order_contradicts",
        HELD,
        "An earlier message with this order number and revision says something else.",
        "Send a new revision that says what is meant.",
        WHOLESALER,
        PART_11_STEPS,
    ),
    ReasonText(
        "order_superseded",
        BLOCKED,
        "A higher revision of this order has been seen.",
        "None: the higher revision holds.",
        NOBODY,
        PART_11_STEPS,
    ),
    ReasonText(
        "order_already_shipped",
        HELD,
        "The goods of an earlier revision have left.",
        "Settle with the warehouse what was shipped; send what is still wanted as a new order.",
        WHOLESALER,
        PART_11_STEPS,
    ),
    ReasonText(
        "order_cancelled",
        BLOCKED,
        "The order was cancelled.",
        "None: send a new order if the goods are wanted after all.",
        NOBODY,
        PART_11_STEPS,
    ),
    ReasonText(
        "product_unknown",
        HELD,
        "This is a package of a watched product that no table has, or its code cannot be read as a product at all.",
        "Correct the NDC or GTIN, or have the package added to the program's table.",
        WHOLESALER,
        DSCSA_PRODUCT,
    ),
    ReasonText(
        "product_ambiguous",
        HELD,
        "The NDC without hyphens fits more than one product.",
        "Send the NDC with hyphens, or the GTIN.",
        WHOLESALER,
        DSCSA_PRODUCT,
    ),
    ReasonText(
        "product_identifiers_disagree",
        HELD,
        "NDC and GTIN name different products, or one of them is wrong in itself.",
        "Read both codes from the package and correct the order.",
        WHOLESALER,
        DSCSA_PRODUCT,
    ),
    ReasonText(
        "ship_date_passed",
        HELD,
        "The day of shipment is too long past.",
        "Send a new revision with new dates.",
        WHOLESALER,
        PART_11_STEPS,
    ),
    ReasonText(
        "product_expired",
        BLOCKED,
        "The product expires before it is delivered.",
        "Pick a lot that expires later and send a new revision.",
        WHOLESALER,
        ADULTERATED,
    ),
    ReasonText(
        "unit_unknown",
        HELD,
        "The program cannot convert this unit, so nobody knows how much is ordered.",
        "Order in a unit that the program's table has.",
        WHOLESALER,
        REMS_RECORDS,
    ),
    ReasonText(
        "lot_recalled",
        BLOCKED,
        "The lot is recalled.",
        "Quarantine the lot, pick another and send a new revision.",
        WHOLESALER,
        DSCSA_SUSPECT,
    ),
    ReasonText(
        "serials_do_not_match_quantity",
        HELD,
        "The number of serials is not the quantity in dispensing units.",
        "Correct the quantity or the serials.",
        WHOLESALER,
        DSCSA_PRODUCT,
    ),
    ReasonText(
        "serial_already_shipped",
        BLOCKED,
        "A serial of this line was released before and has not come back.",
        "Find out which package is in hand: a serial that is there twice is suspect product.",
        WHOLESALER,
        DSCSA_SUSPECT,
    ),
    ReasonText(
        "site_unknown",
        HELD,
        "No program's registry knows the site.",
        "Correct the identifier, or have the site enrol with the REMS.",
        WHOLESALER,
        REMS_RECIPIENTS,
        site_rule=True,
    ),
    ReasonText(
        "site_ambiguous",
        HELD,
        "More than one site fits, and the address does not tell which.",
        "Send the site's REMS id, or correct the address.",
        WHOLESALER,
        REMS_RECIPIENTS,
        site_rule=True,
    ),
    ReasonText(
        "site_identifiers_disagree",
        HELD,
        "The identifiers of the order do not belong to one site.",
        "Correct the identifier that is named, or have the registry correct its own.",
        WHOLESALER,
        REMS_RECIPIENTS,
        site_rule=True,
    ),
    ReasonText(
        "site_address_disagrees",
        HELD,
        "The address of the order is not the address of the certified site.",
        "Correct the address, or have another writing of it approved for this site.",
        WHOLESALER,
        REMS_RECIPIENTS,
        site_rule=True,
    ),
    ReasonText(
        "site_of_other_program",
        BLOCKED,
        "The site is known, but only to another program.",
        "The site must be certified in this program before it may receive.",
        REGISTRY,
        REMS_RECIPIENTS,
        site_rule=True,
    ),
    ReasonText(
        "site_not_certified",
        BLOCKED,
        "The site is not certified: its certification is pending, or was withdrawn.",
        "The site must complete its certification.",
        REGISTRY,
        REMS_RECIPIENTS,
        site_rule=True,
    ),
    ReasonText(
        "site_suspended",
        BLOCKED,
        "The site's certification is suspended.",
        "The REMS must lift the suspension.",
        REGISTRY,
        REMS_RECIPIENTS,
        site_rule=True,
    ),
    ReasonText(
        "site_decertified",
        BLOCKED,
        "The site has been decertified.",
        "The site must be certified anew.",
        REGISTRY,
        REMS_RECIPIENTS,
        site_rule=True,
    ),
    ReasonText(
        "certification_not_yet_valid",
        BLOCKED,
        "The site's certification begins later than today.",
        "Wait for the day on which it begins.",
        REGISTRY,
        REMS_RECERTIFICATION,
        site_rule=True,
    ),
    ReasonText(
        "certification_lapsed",
        BLOCKED,
        "The site's certification is over.",
        "The site's authorized representative must enrol again.",
        REGISTRY,
        REMS_RECERTIFICATION,
        site_rule=True,
    ),
    ReasonText(
        "certification_lapses_before_delivery",
        HELD,
        "The site is certified today, but not on every day until delivery.",
        "Ship so that it arrives in time, or wait until the renewal is in the registry.",
        REGISTRY,
        REMS_RECERTIFICATION,
        site_rule=True,
    ),
    ReasonText(
        "recipient_class_not_allowed",
        BLOCKED,
        "The program does not allow shipments to this class of site.",
        "Ship to a site of an allowed class.",
        WHOLESALER,
        REMS_RECIPIENTS,
        site_rule=True,
    ),
    ReasonText(
        "administering_site_not_certified",
        HELD,
        "The pharmacy ships on to a site that is not a healthcare facility certified today.",
        "Name the certified facility that administers, or have it certified.",
        REGISTRY,
        REMS_AUTHORIZATION,
        site_rule=True,
    ),
    ReasonText(
        "patient_missing",
        HELD,
        "The line names no patient, so no patient-level record could be made.",
        "Send a new revision with the patient's REMS id.",
        WHOLESALER,
        REMS_RECORDS,
    ),
    ReasonText(
        "patient_not_enrolled",
        HELD,
        "The patient is not enrolled in the program.",
        "Correct the patient's REMS id, or have the patient enrolled.",
        REGISTRY,
        REMS_AUTHORIZATION,
    ),
    ReasonText(
        "prescriber_not_certified",
        HELD,
        "The prescriber is not certified, or none is named.",
        "Correct the prescriber's REMS id, or have the prescriber certified.",
        REGISTRY,
        REMS_AUTHORIZATION,
    ),
    ReasonText(
        "authorization_missing",
        HELD,
        "The line names no authorization.",
        "Obtain the authorization from the REMS and send a new revision with its number.",
        WHOLESALER,
        REMS_AUTHORIZATION,
    ),
    ReasonText(
        "authorization_unknown",
        HELD,
        "The registry does not know the authorization.",
        "Correct its number, or wait until the registry has it.",
        REGISTRY,
        REMS_AUTHORIZATION,
    ),
    ReasonText(
        "authorization_not_valid",
        HELD,
        "The authorization is cancelled, not valid yet, or lapsed.",
        "Obtain an authorization that is valid on the day of release.",
        REGISTRY,
        REMS_AUTHORIZATION,
    ),
    ReasonText(
        "authorization_for_other_party",
        HELD,
        "The authorization is for another patient, prescriber or administering site than this shipment.",
        "Correct the parties of the line, or obtain an authorization for them.",
        REGISTRY,
        REMS_AUTHORIZATION,
    ),
    ReasonText(
        "authorization_exhausted",
        HELD,
        "With this line more units would have been released than are authorized.",
        "Order what is left, or obtain another authorization.",
        REGISTRY,
        REMS_AUTHORIZATION,
    ),
    ReasonText(
        "identifier_invalid",
        HELD,
        "An identifier of the order has not the form or the check digit that it must have.",
        "Correct the identifier that is named.",
        WHOLESALER,
        REMS_PROCESSES,
        site_rule=True,
    ),
    ReasonText(
        "other_line_stopped",
        HELD,
        "The program ships whole orders only, and another line of it is stopped.",
        "Clear the other line, or order without it.",
        WHOLESALER,
        REMS_PROCESSES,
    ),
    ReasonText(
        "withdrawal_unconfirmed",
        HELD,
        "The warehouse has not confirmed that the goods of the lower revision stayed.",
        "The warehouse reports the lower revision as cancelled.",
        WHOLESALER,
        PART_11_STEPS,
    ),
)

REASONS = {reason.code: reason for reason in _TABLE}
