"""The table of reasons is whole, closed and in the contract's order."""

from gatekeeper.domain.checks import CHECKS
from gatekeeper.domain.reasons import BLOCKED, HELD, REASONS

TABLE = [
    "registry_stale",
    "order_contradicts",
    "order_superseded*",
    "order_already_shipped",
    "order_cancelled*",
    "product_unknown",
    "product_ambiguous",
    "product_identifiers_disagree",
    "ship_date_passed",
    "product_expired*",
    "unit_unknown",
    "lot_recalled*",
    "serials_do_not_match_quantity",
    "serial_already_shipped*",
    "site_unknown",
    "site_ambiguous",
    "site_identifiers_disagree",
    "site_address_disagrees",
    "site_of_other_program*",
    "site_not_certified*",
    "site_suspended*",
    "site_decertified*",
    "certification_not_yet_valid*",
    "certification_lapsed*",
    "certification_lapses_before_delivery",
    "recipient_class_not_allowed*",
    "administering_site_not_certified",
    "patient_missing",
    "patient_not_enrolled",
    "prescriber_not_certified",
    "authorization_missing",
    "authorization_unknown",
    "authorization_not_valid",
    "authorization_for_other_party",
    "authorization_exhausted",
    "identifier_invalid",
    "other_line_stopped",
    "withdrawal_unconfirmed",
]


def test_codes_outcomes_and_order() -> None:
    written = [text.code + ("*" if text.outcome == BLOCKED else "") for text in REASONS.values()]
    assert written == TABLE
    assert {text.outcome for text in REASONS.values()} == {HELD, BLOCKED}


def test_each_has_a_sentence_a_remedy_a_requirement_and_somebody() -> None:
    for text in REASONS.values():
        assert text.sentence.endswith(".")
        assert text.remedy.endswith(".")
        assert text.cleared_by
        assert text.requirement
    assert len({text.sentence for text in REASONS.values()}) == len(REASONS)


def test_site_rules() -> None:
    named = {code for code in REASONS if code.startswith(("site_", "certification_"))}
    rules = named | {"recipient_class_not_allowed", "administering_site_not_certified", "identifier_invalid"}
    assert {code for code, text in REASONS.items() if text.site_rule} == rules


def test_checks_stand_in_the_order_of_the_reasons() -> None:
    places = [list(REASONS).index(check.code) for check in CHECKS]
    assert places == sorted(set(places))
