"""Every 867 that is written is read by parsers that are not ours: envelope, counters, totals, lengths and order."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.order import Address
from schemas.record import DistributionRecord, RecordShipTo
from tests.edi.reading import Parsed, parsed
from tests.feed.made import layout, record, records, whole


def hold(got: Parsed, made: list[DistributionRecord], sets: int, number: int = 12) -> None:
    """The counters and totals are those of what the parser read."""
    assert got.problems == []
    [isa], [iea], [gs], [ge] = (got.named(name) for name in ("ISA", "IEA", "GS", "GE"))
    assert (isa[12], isa[13], iea[1:], gs[1], gs[6], gs[8]) == ("00401", f"{number:09}", ["1", f"{number:09}"], "PT", str(number), "004010")
    assert ge[1:] == [str(sets), str(number)]
    assert [segment[2] for segment in got.named("ST")] == [segment[2] for segment in got.named("SE")]
    assert len({segment[2] for segment in got.named("ST")}) == sets
    begins = [place for place, segment in enumerate(got.segments) if segment[0] == "ST"]
    ends = [place for place, segment in enumerate(got.segments) if segment[0] == "SE"]
    for begin, end in zip(begins, ends, strict=True):
        of_set = got.segments[begin : end + 1]
        quantity = sum(int(segment[2]) for segment in of_set if segment[0] == "QTY")
        assert of_set[-2] == ["CTT", str(sum(segment[0] == "PTD" for segment in of_set)), str(quantity)]
        assert of_set[-1][1] == str(len(of_set))
    told = [(segment[2], segment[3]) for segment in got.named("REF") if segment[1] == "TN"]
    assert told == [(str(each.sequence), each.record_id) for each in made]
    assert [int(segment[2]) for segment in got.named("QTY")] == [each.quantity for each in made]


@pytest.mark.parametrize(("name", "sets"), [("x12", 2), ("x12_control", 6)])
def test_an_867_is_read_by_another_parser(tmp_path: Path, name: str, sets: int) -> None:
    (tmp_path / "file.x12").write_bytes(whole(layout(name), records()))
    got = parsed(tmp_path / "file.x12")
    hold(got, records(), sets)
    references = [segment[1:] for segment in got.named("REF")]
    assert [reference for reference in references if reference[0] == "SE"][5:7] == [["SE", "!\"%&'()*+,-./:;<=>?"], ["SE", "_"]]
    assert "".join(reference[2] for reference in references if reference[:2] == ["LT", ""]) == "L" * 200
    assert ["ZZ", "OUTSIDE GATE"] in references
    assert {segment[1] for segment in got.named("QTY")} == {"32", "76"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"SE|105|", b"SE|106|", "CONTROL_COUNT_DOES_NOT_MATCH_ACTUAL_COUNT"),
        (b"GE|2|", b"GE|3|", "CONTROL_COUNT_DOES_NOT_MATCH_ACTUAL_COUNT"),
        (b"IEA|1|000000012", b"IEA|1|000000013", "CONTROL_REFERENCE_MISMATCH"),
        (b"SE|105|0001", b"SE|105|0009", "CONTROL_REFERENCE_MISMATCH"),
        (b"REF|EJ|P-00001234", b"REF|EJ|" + b"P" * 31, "DATA_ELEMENT_TOO_LONG"), (b"QTY|32|5", b"QTY|32|five", "INVALID_CHARACTER_DATA"),
        (b"PTD|SS~\n", b"", "UNEXPECTED_SEGMENT"),
    ],
)  # fmt: skip
def test_the_parser_finds_what_is_wrong(tmp_path: Path, old: bytes, new: bytes, problem: str) -> None:
    """One that finds nothing would prove nothing."""
    raw = whole(layout("x12"), records())
    assert old in raw
    (tmp_path / "file.x12").write_bytes(raw.replace(old, new, 1))
    assert problem in str(parsed(tmp_path / "file.x12").problems)


TEXTS = st.text(st.characters(blacklist_categories=("Cc", "Cs"), max_codepoint=0x2FFF), min_size=1, max_size=200)
IDS = st.text("abcXYZ019._:-", min_size=1, max_size=64)


@given(st.lists(st.tuples(IDS, IDS, IDS, TEXTS, TEXTS, st.integers(1, 10_000)), min_size=1, max_size=20))
@settings(max_examples=8, deadline=None)
def test_whatever_the_texts_are(tmp_path_factory: pytest.TempPathFactory, given_texts: list[tuple[str, str, str, str, str, int]]) -> None:
    made = []
    for number, (order, patient, site, name, street, quantity) in enumerate(given_texts, 1):
        address = Address(street=street, city=name, state=name, postal_code=street)
        to = RecordShipTo(site_id=site, site_class="pharmacy", name=name, address=address)
        made.append(record(number, order_id=order, patient_id=patient, prescriber_id=site, quantity=quantity, ship_to=to))
    path = tmp_path_factory.mktemp("x12") / "file.x12"
    path.write_bytes(whole(layout("x12"), made, number=7))
    hold(parsed(path), made, -(-len(made) // 4), number=7)
