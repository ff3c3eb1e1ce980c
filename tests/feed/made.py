"""Records of every kind, made by hand, and layouts of every form."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from gatekeeper.feeds import form_of, read_layouts
from gatekeeper.feeds.forms import File
from gatekeeper.feeds.layout import Layout
from schemas.canonical import canonical
from schemas.order import Address
from schemas.record import DistributionRecord, RecordProduct, RecordShipFrom, RecordShipTo

LAYOUTS = Path(__file__).parent / "layouts"
AT = datetime(2026, 11, 21, 5, 0, 7, 123000, tzinfo=UTC)


def layout(name: str) -> Layout:
    """One of the test's own layouts, by the name of its folder."""
    [found] = read_layouts(LAYOUTS / name).values()
    return found


def record(sequence: int, **changed: Any) -> DistributionRecord:
    """A record with every member, but for what is changed."""
    made = DistributionRecord(
        record_id=f"0c1ff5ad-6f0d-5f19-9c9c-{sequence:012}",
        program="lemtrada",
        sequence=sequence,
        kind="original",
        replaces=None,
        wholesaler_id="WD-001",
        order_id="SO-2026-000123",
        revision=1,
        line=1,
        verdict_id="ad1efc4e-5d9a-5d4b-8f50-0a7b1f1c2d3e",
        recorded_at="2026-11-20T15:00:01.482Z",
        ship_on=date(2026, 11, 23),
        ship_from=RecordShipFrom(site_id="DC-07"),
        ship_to=RecordShipTo(
            site_id="HF-0001",
            site_class="healthcare_facility",
            name="Harbor Infusion Center",
            address=Address(street="100 Main St", street2="Ste 4", city="Boston", state="MA", postal_code="02110"),
        ),
        patient_id="P-00001234",
        prescriber_id="PR-19",
        authorization_id="AU-778",
        administering_site_id="HF-0001",
        product=RecordProduct(ndc="58468-0200-01", gtin="00358468020017", name="LEMTRADA 12 mg/1.2 mL"),
        quantity=5,
        unit="vial",
        lot="A1234",
        expires_on=date(2027, 5, 31),
        serials=("S1", "S2", "S3", "S4", "S5"),
    )
    return replace(made, **changed)


def records() -> list[DistributionRecord]:
    """One of every kind; the least that a record can hold; and what is awkward in each form."""
    first = record(1)
    least = RecordShipTo(site_id=None, site_class=None)
    long = RecordShipTo(
        site_id="X", site_class="pharmacy", name='Ünïcode "Quoted", Inc. | ~ ^ ' + "Long Name " * 17,
        address=Address(street="1 \u00c5 St | " + "A" * 150, city="B", state="Mass.", postal_code="0"),
    )  # fmt: skip
    return [
        first,
        record(2, kind="correction", replaces=first.record_id, lot="B2", serials=("!\"%&'()*+,-./:;<=>?", "_")),
        record(3, kind="void", replaces="0c1ff5ad-6f0d-5f19-9c9c-000000000002"),
        record(4, kind="return", replaces=first.record_id, quantity=2, serials=("S1", "S2")),
        record(
            5, verdict_id=UNSET, outside_gate=True, ship_to=least, patient_id=UNSET, prescriber_id=UNSET, authorization_id=UNSET,
            administering_site_id=UNSET, lot=UNSET, expires_on=UNSET, serials=UNSET, unit="carton", quantity=10_000,
        ),
        record(6, ship_to=long, order_id="o" * 64, patient_id="p" * 31, wholesaler_id="w", lot="L" * 200, quantity=1, serials=UNSET),
    ]  # fmt: skip


def bodies(made: list[DistributionRecord]) -> list[bytes]:
    return [canonical(each) for each in made]


def whole(of: Layout, made: list[DistributionRecord], number: int = 12, part: int = 1000) -> bytes:
    """A file with these records, written in parts of so many."""
    form = form_of(File(of.program, number, AT, made[0].sequence, made[-1].sequence), of)
    written = bodies(made)
    begun = form.begin()
    return begun + b"".join([form.add(written[first : first + part]) for first in range(0, len(written), part)]) + form.end()
