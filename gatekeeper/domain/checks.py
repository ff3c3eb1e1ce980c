"""The checks of a covered line, in the order of the reasons. Each is named for what should hold and yields nothing when it does."""

from collections.abc import Callable
from typing import NamedTuple

from gatekeeper.domain import goods_checks as goods
from gatekeeper.domain import order_checks as order
from gatekeeper.domain import patient_checks as patient
from gatekeeper.domain import site_checks as site
from gatekeeper.domain.covered_line import CoveredLine
from gatekeeper.domain.sites import Evidence


class Check(NamedTuple):
    code: str
    """The reason that it yields."""
    look: Callable[[CoveredLine], Evidence | None]


CHECKS: tuple[Check, ...] = (
    Check("registry_stale", goods.registry_is_current),
    Check("product_identifiers_disagree", goods.product_codes_agree),
    Check("ship_date_passed", goods.ship_date_is_recent),
    Check("product_expired", goods.product_lasts_until_delivery),
    Check("unit_unknown", goods.unit_is_known),
    Check("lot_recalled", goods.lot_is_not_recalled),
    Check("serials_do_not_match_quantity", goods.serials_match_quantity),
    Check("serial_already_shipped", goods.serials_have_not_shipped),
    Check("site_unknown", site.site_is_known),
    Check("site_ambiguous", site.site_is_the_only_one),
    Check("site_identifiers_disagree", site.site_identifiers_agree),
    Check("site_address_disagrees", site.site_address_agrees),
    Check("site_of_other_program", site.site_is_of_this_program),
    Check("site_not_certified", site.site_is_certified),
    Check("site_suspended", site.site_is_not_suspended),
    Check("site_decertified", site.site_is_not_decertified),
    Check("certification_not_yet_valid", site.certification_has_begun),
    Check("certification_lapsed", site.certification_is_not_over),
    Check("certification_lapses_before_delivery", site.certification_lasts_until_delivery),
    Check("recipient_class_not_allowed", site.recipient_class_is_allowed),
    Check("administering_site_not_certified", site.administering_site_is_certified),
    Check("patient_missing", patient.patient_is_named),
    Check("patient_not_enrolled", patient.patient_is_enrolled),
    Check("prescriber_not_certified", patient.prescriber_is_certified),
    Check("authorization_missing", patient.authorization_is_named),
    Check("authorization_unknown", patient.authorization_is_known),
    Check("authorization_not_valid", patient.authorization_is_valid),
    Check("authorization_for_other_party", patient.authorization_is_for_these_parties),
    Check("authorization_exhausted", patient.authorization_is_not_exhausted),
    Check("identifier_invalid", site.identifiers_have_their_form),
    Check("withdrawal_unconfirmed", order.withdrawal_is_confirmed),
)
