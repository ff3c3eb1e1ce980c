"""What the built-in program does not show: whole orders, other patient rules, conversions, several programs, several rows."""

import pytest

from gatekeeper.domain.case import Case
from gatekeeper.domain.facts import ProgramFact
from gatekeeper.domain.order import Patient, ShipTo
from gatekeeper.domain.verdict import decide, used_by
from tests.domain.worlds_of_cases import ADDRESS, AT, LEMTRADA, LINE, LONG_AGO, ORDER, facts, judge, known, lines, row, site, told

WHOLE = LEMTRADA._replace(whole_order=True)
FREE = LINE._replace(ndc="00093-7180-56", patient=None)
UNENROLLED = LINE._replace(patient=LINE.patient and LINE.patient._replace(patient_id="P-404"))


def test_one_stopped_line_stops_the_whole_order() -> None:
    verdict = judge(lines(LINE, UNENROLLED, FREE), WHOLE)
    assert told(verdict) == [
        "held other_line_stopped",
        "held patient_not_enrolled authorization_for_other_party",
        "not_covered",
    ]
    assert verdict.lines[0].reasons[-1].evidence == {"lines": [2]}
    assert used_by(lines(LINE, UNENROLLED, FREE), verdict) == []


def test_two_stopped_lines_stop_each_other_too() -> None:
    assert (
        told(judge(lines(UNENROLLED, UNENROLLED), WHOLE))
        == ["held patient_not_enrolled authorization_for_other_party other_line_stopped"] * 2
    )


def test_a_whole_order_without_a_stopped_line_leaves() -> None:
    assert told(judge(lines(LINE, LINE, FREE), WHOLE)) == ["released", "released", "not_covered"]


@pytest.mark.parametrize(
    ("rule", "patient", "expected"),
    [
        ("authorized", None, "held patient_missing"),
        ("present", None, "held patient_missing"),
        ("none", None, "released"),
        ("present", Patient("P-404"), "released"),
        ("none", Patient("P-404", "AU-404", "PR-404", "HF-404"), "released"),
    ],
)
def test_what_the_patient_rule_asks(rule: str, patient: Patient | None, expected: str) -> None:
    assert told(judge(lines(LINE._replace(patient=patient)), LEMTRADA._replace(patient_rule=rule))) == [expected]


def test_only_an_authorized_patient_needs_an_administering_site() -> None:
    order = ORDER._replace(ship_to=ShipTo(ADDRESS, "PH1"), lines=(LINE._replace(patient=Patient("P-1")),))
    assert told(judge(order, LEMTRADA._replace(patient_rule="present"))) == ["released"]


def test_units_are_converted() -> None:
    package = row("058468020001", "00358468020017", carton=3)
    program = LEMTRADA._replace(packages=(package,))
    cartons = LINE._replace(unit="carton")
    verdict = judge(lines(cartons, cartons), program)
    assert told(verdict) == ["released", "held authorization_exhausted"]
    assert verdict.lines[1].reasons[0].evidence["released"] == 3
    assert used_by(lines(cartons, cartons), verdict) == [(("units", "lemtrada", "AU-1"), 3)]
    serials = cartons._replace(serials=("S1", "S2", "S3"))
    assert told(judge(lines(serials), program)) == ["released"]
    assert told(judge(lines(serials._replace(serials=("S1",))), program)) == ["held serials_do_not_match_quantity"]


def test_an_ndc_that_fits_two_rows_is_ambiguous() -> None:
    other = row("058468002001", "00358468002013")
    program = LEMTRADA._replace(packages=(*LEMTRADA.packages, other))
    ten_digits = LINE._replace(ndc="5846802001")
    verdict = judge(lines(ten_digits), program)
    assert told(verdict) == ["held product_ambiguous"]
    assert verdict.lines[0].program is None
    assert verdict.lines[0].reasons[0].evidence["fits"] == ["58468-0020-01", "58468-0200-01"]
    assert told(judge(lines(ten_digits._replace(gtin="00358468020017")), program)) == ["released"]
    assert told(judge(lines(ten_digits._replace(gtin="00358468020018")), program)) == ["held product_identifiers_disagree"]
    assert told(judge(lines(LINE), program)) == ["released"]


SECOND = LEMTRADA._replace(
    name="second", packages=(row("000093718056", "00300937180562"),), watched=("0000937180",), classes=("pharmacy",), patient_rule="none"
)


def test_each_line_is_judged_by_its_own_program() -> None:
    registry = known(*facts("second"))
    registry.tell_as_of("second", AT)
    order = lines(LINE, LINE._replace(ndc="00093-7180-56"), LINE._replace(ndc="00093-7180-57"), LINE._replace(ndc="00093-7181-56"))
    verdict = decide(Case(order, registry, (LEMTRADA, SECOND), AT))
    assert told(verdict) == ["released", "blocked recipient_class_not_allowed", "held product_unknown", "not_covered"]
    assert [line.program for line in verdict.lines] == ["lemtrada", "second", None, None]


def test_a_stopped_line_of_another_program_stops_no_whole_order() -> None:
    registry = known(*facts("second"))
    registry.tell_as_of("second", AT)
    order = lines(LINE, LINE._replace(ndc="00093-7180-56"))
    assert told(decide(Case(order, registry, (WHOLE, SECOND), AT))) == ["released", "blocked recipient_class_not_allowed"]
    both = lines(UNENROLLED, LINE, LINE._replace(ndc="00093-7180-56"))
    allowing = SECOND._replace(classes=LEMTRADA.classes)
    assert told(decide(Case(both, registry, (LEMTRADA, allowing._replace(whole_order=True)), AT)))[1:] == ["released", "released"]


def test_a_gtin_of_a_program_that_has_ended() -> None:
    registry = known(ProgramFact("second", 9, LONG_AGO, "ended"))
    order = lines(LINE._replace(ndc=None, gtin="00300937180562"))
    assert told(decide(Case(order, registry, (LEMTRADA, SECOND), AT))) == ["not_covered"]


def test_codes_of_two_programs_run_the_rules_of_the_gtin() -> None:
    registry = known(*facts("second"))
    registry.tell_as_of("second", AT)
    both = lines(LINE._replace(gtin="00300937180562"))
    verdict = decide(Case(both, registry, (LEMTRADA, SECOND), AT))
    assert told(verdict) == ["blocked product_identifiers_disagree recipient_class_not_allowed"]
    assert verdict.lines[0].program == "second"


def test_a_program_that_has_ended_does_not_keep_another_from_its_rules() -> None:
    registry = known(ProgramFact("second", 9, LONG_AGO, "ended"))
    order = lines(LINE, LINE._replace(ndc="00093-7180-56"), LINE._replace(ndc="00093-7180-57"), LINE._replace(ndc="none"))
    verdict = decide(Case(order, registry, (LEMTRADA, SECOND), AT))
    assert told(verdict) == ["released", "not_covered", "not_covered", "held product_unknown"]


def test_a_registry_that_was_never_heard_of_is_stale() -> None:
    registry = known(program="second")
    registry.tell(site("HF1", "healthcare_facility"))
    assert told(judge(ORDER, LEMTRADA._replace(patient_rule="none"), registry)) == ["held registry_stale"]


def test_a_fact_that_a_snapshot_left_out_counts_no_longer() -> None:
    gone = site("A", "pharmacy")._replace(until=AT.date())
    assert told(judge(ORDER._replace(ship_to=ShipTo(ADDRESS, "A")), LEMTRADA, known(gone))) == ["held site_unknown"]
    later = gone._replace(until=ORDER.ship_on)
    order = ORDER._replace(ship_to=ShipTo(ADDRESS, "A"))
    assert told(judge(order, LEMTRADA, known(later))) == ["held certification_lapses_before_delivery"]
