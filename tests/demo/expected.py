"""What each message of the demonstration is answered with: the outcome, and by line its outcome and reasons."""

from typing import NamedTuple


class Expected(NamedTuple):
    order_id: str
    outcome: str
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    seen: str = ""
    """A part of what a person is told."""


def _whole(order_id: str, outcome: str, *reasons: str, seen: str = "") -> Expected:
    return Expected(order_id, outcome, ((outcome, reasons),), seen)


EXPECTED = (
    _whole("SO-1001", "released", seen="to Harbor Infusion Center"),
    _whole("SO-1002", "released", seen="no. 2: 3 vials of LEMTRADA"),
    _whole("SO-1003", "not covered", seen="no program restricts this product"),
    _whole("SO-1004", "blocked", "site_suspended", seen="Lakeside Neurology: suspended since"),
    _whole("SO-1005", "blocked", "site_decertified", seen="River Street Pharmacy: decertified since"),
    _whole("SO-1006", "blocked", "certification_lapsed", seen="Quay Street Infusion Suite: certified through"),
    _whole("SO-1007", "held", "certification_lapses_before_delivery", seen="but needed on"),
    _whole("SO-1008", "held", "site_address_disagrees", seen="registered at 100 MAIN ST # 4, 02110; the order says 100 MAIN ST # 6, 02110"),
    _whole("SO-1009", "held", "site_unknown"),
    _whole("SO-1010", "blocked", "site_of_other_program", seen="known to isotretinoin only"),
    _whole("SO-1011", "blocked", "recipient_class_not_allowed", "patient_missing", seen="registered as wholesaler"),
    _whole("SO-1012", "held", "administering_site_not_certified", seen="the infusing site is suspended since"),
    _whole("SO-1013", "held", "patient_missing"),
    _whole("SO-1014", "held", "patient_not_enrolled", seen="withdrawn since"),
    _whole("SO-1015", "held", "prescriber_not_certified", seen="decertified since"),
    _whole("SO-1016", "held", "authorization_not_valid", seen="authorized from"),
    _whole("SO-1017", "held", "authorization_exhausted", seen="5 units authorized, 5 released so far, 0 left; 2 ordered"),
    _whole("SO-1018", "held", "product_identifiers_disagree", seen="GTIN 00358468020018"),
    _whole("SO-1019", "blocked", "lot_recalled", seen="recalled since"),
    _whole("SO-1020", "blocked", "serial_already_shipped", seen="serial 10000003 left with SO-1001, revision 1, line 1"),
    _whole("SO-1021", "held", "ship_date_passed", seen="the limit is 7 days"),
    Expected("SO-1022", "in parts", (("released", ()), ("blocked", ("lot_recalled",)), ("not covered", ()))),
    Expected("SO-1001", "repeat", (), "nothing to publish"),
    _whole("SO-1002", "held", "order_contradicts", seen="shipments-stopped, compliance-alerts"),
    _whole("SO-1025", "released"),
    _whole("SO-1025", "held", "site_address_disagrees", seen="voids that of revision 1"),
    _whole("SO-1025", "released", seen="no. 6: 3 vials"),
    Expected("SO-1028", "refused", (), "/lines/0/quantity"),
    Expected("", "refused", (), "Is not JSON."),
)

RECORDS = (
    ("REMS", "accepted", "no. 1, 3, 4, 5, 6"),
    ("REMS", "rejected", "Lot A1324 is not known"),
    ("warehouse", "confirmed", "SO-1001, SO-1002, SO-1003, SO-1022, SO-1025"),
    ("desk", "corrected", "no. 7: corrected, 3 vials of LEMTRADA 12 mg/1.2 mL, lot A1234"),
    ("warehouse", "bypass", "no. 8: outside the gate, 3 vials"),
    ("warehouse", "returned", "no. 9: returned, 1 vial"),
    ("all books", "agree", "9: 6 original, 1 correction, 1 void, 1 return"),
)
"""What becomes of the records, row by row: who, the answer, and a part of what a person is told."""
