"""Distribution records: one for each released covered line, each with an id that derives from what it is about."""

from uuid import UUID

from gatekeeper.domain.facts import ProgramFact
from gatekeeper.domain.ids import record_id, verdict_id
from gatekeeper.domain.order import Patient, ShipTo
from gatekeeper.domain.records import records_for
from tests.domain.worlds_of_cases import ADDRESS, LINE, LONG_AGO, ORDER, judge, known, lines

VERDICT = verdict_id("WD-001", "SO-1", 1, 1)
FREE = LINE._replace(ndc="00093-7180-56", patient=None)


def test_a_record_for_each_released_covered_line() -> None:
    order = lines(LINE._replace(quantity=5, serials=("S1", "S2", "S3", "S4", "S5")), FREE, LINE)
    (record,) = records_for(order, judge(order), VERDICT, 1)
    assert record.record_id == record_id("WD-001", "SO-1", 1, 1, 1, "original")
    assert (record.program, record.verdict_id) == ("lemtrada", VERDICT)
    assert (record.wholesaler_id, record.order_id, record.revision, record.line) == ("WD-001", "SO-1", 1, 1)
    assert (record.ship_on, record.ship_from_site_id) == (ORDER.ship_on, "DC-07")
    assert (record.site_id, record.site_class, record.site_name, record.address) == ("HF1", "healthcare_facility", "A site", ADDRESS)
    assert (record.patient_id, record.prescriber_id, record.authorization_id, record.administering_site_id) == (
        "P-1",
        "PR-1",
        "AU-1",
        "HF1",
    )
    assert (record.ndc, record.gtin, record.product_name) == ("58468-0200-01", "00358468020017", "LEMTRADA 12 mg/1.2 mL")
    assert (record.quantity, record.unit, record.lot, record.expires_on) == (5, "vial", "A1", LINE.expires_on)
    assert record.serials == ("S1", "S2", "S3", "S4", "S5")


def test_whom_only_the_authorization_names() -> None:
    order = lines(LINE._replace(patient=Patient("P-1", "AU-1")))
    (record,) = records_for(order, judge(order), VERDICT, 1)
    assert (record.prescriber_id, record.administering_site_id) == ("PR-1", "HF1")


def test_where_no_site_was_found_under_discretion_the_order_says_where() -> None:
    order = ORDER._replace(ship_to=ShipTo(ADDRESS, "HF-404", name="Some clinic"))
    verdict = judge(order, registry=known(ProgramFact("lemtrada", 9, LONG_AGO, "discretion")))
    (record,) = records_for(order, verdict, VERDICT, 1)
    assert (record.site_id, record.site_class, record.site_name, record.address) == ("HF-404", None, "Some clinic", ADDRESS)


def test_ids_are_the_same_on_any_machine() -> None:
    assert verdict_id("WD-001", "SO-1", 1, 1) == UUID("dee44df6-73c1-565f-948b-8054543dca5b")
    assert record_id("WD-001", "SO-1", 1, 1, 1, "original") == UUID("f8645bdf-7298-5faa-9553-bcb8da95da8c")


def test_no_two_things_share_an_id() -> None:
    ids = [
        verdict_id("WD-001", "SO-1", 1, 11),
        verdict_id("WD-001", "SO-1", 11, 1),
        record_id("WD-001", "SO-1", 1, 1, 11, "original"),
        record_id("WD-001", "SO-1", 1, 11, 1, "original"),
        record_id("WD-001", "SO-1", 1, 1, 1, "original"),
        record_id("WD-001", "SO-1", 1, 1, 1, "void"),
        record_id("WD-001", "SO-1", 1, 1, 1, "original", 2),
    ]
    assert len(set(ids)) == len(ids)
