"""Layouts are read strictly, kept whole, and give the very bytes of the golden files."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.feeds import BUILT_IN, read_layouts
from gatekeeper.feeds.forms import BETWEEN_SERIALS
from gatekeeper.feeds.layout import document, layout_from, read_layout
from gatekeeper.feeds.members import ndc_written
from tests.feed.made import LAYOUTS, bodies, layout, record, records, whole

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.name for path in LAYOUTS.iterdir())


def test_the_golden_files_are_of_every_layout() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_bytes_are_those_of_the_golden_file(name: str) -> None:
    """Whatever the parts in which the records come."""
    golden = (GOLDEN / f"{name}.golden").read_bytes()
    for part in (1, 2, 1000):
        assert whole(layout(name), records(), part=part) == golden


@pytest.mark.parametrize("name", NAMES)
def test_a_layout_is_kept_whole(name: str) -> None:
    """What the row of a file keeps gives the same file."""
    of = layout(name)
    assert layout_from(document(of)) == of
    assert whole(layout_from(document(of)), records()) == whole(of, records())


def test_csv_says_what_the_records_say() -> None:
    """Read again by the standard library: every member in its column, the totals last."""
    rows = list(csv.DictReader(io.StringIO(whole(layout("csv"), records()).decode(), newline="")))
    *told, total = rows
    for row, said in zip(told, [json.loads(body) for body in bodies(records())], strict=True):
        assert row["record_id"] == said["record_id"]
        assert row["ship_to_name"] == said["ship_to"].get("name", "")
        assert row["ship_to_city"] == said["ship_to"].get("address", {}).get("city", "")
        assert row["serials"].split(BETWEEN_SERIALS) == said.get("serials", [""])
        assert row["outside_gate"] == ("true" if said.get("outside_gate") else "")
        assert (row["quantity"], row["lot"], row["expires_on"]) == (str(said["quantity"]), said.get("lot", ""), said.get("expires_on", ""))
    assert list(total.values())[:6] == ["TOTAL", "file=12", "first=1", "last=6", "records=6", f"quantity={quantity()}"]


def quantity() -> int:
    return sum(each.quantity for each in records())


def test_json_lines_are_the_records_as_they_are_published() -> None:
    head, *told, total = whole(layout("json_lines"), records()).splitlines()
    assert told == bodies(records())
    assert json.loads(head) == {
        "file": 12, "program": "lemtrada", "layout": "json lines", "made_at": "2026-11-21T05:00:07.123Z", "first": 1, "last": 6,
    }  # fmt: skip
    assert json.loads(total) == {"total": {"records": 6, "quantity": quantity()}}


@pytest.mark.parametrize(
    ("ndc", "gtin", "ten", "eleven", "twelve"),
    [
        ("58468-0200-01", "00358468020017", "58468-0200-1", "58468-0200-01", "058468-0200-01"),
        ("00002-1234-01", "00300021234010", "0002-1234-01", "00002-1234-01", "000002-1234-01"),
        ("54321-0123-45", "00354321123451", "54321-123-45", "54321-0123-45", "054321-0123-45"),
    ],
)
def test_an_ndc_with_so_many_digits(ndc: str, gtin: str, ten: str, eleven: str, twelve: str) -> None:
    """Ten digits are those that the GTIN has."""
    for digits, text in ((10, ten), (11, eleven), (12, twelve)):
        assert ndc_written(ndc, gtin, digits, hyphens=True) == text
        assert ndc_written(ndc, gtin, digits, hyphens=False) == text.replace("-", "")


def test_an_ndc_that_has_no_such_form() -> None:
    """One sentence, and no guess."""
    for gtin in ("00614141000012", "00354321123451", "1"):
        with pytest.raises(Unusable, match="no form of 10 digits that its GTIN tells"):
            ndc_written("58468-0200-01", gtin, 10, hyphens=True)
    with pytest.raises(Unusable, match="six"):
        ndc_written("123456-0200-01", "00614141000012", 11, hyphens=True)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("csv", 'form = "csv"', 'form = "xml"', "form must be one of csv, json_lines, x12_867"),
        ("csv", 'cadence = "daily"', "", "cadence is missing"),
        ("csv", 'cadence = "daily"', 'cadence = "weekly"', "cadence must be one of each, daily, monthly"),
        ("csv", 'days = "YYYY-MM-DD"', 'days = "DD.MM.YYYY"', "days must be one of"),
        ("csv", "ndc_digits = 11", "ndc_digits = 13", "ndc_digits must lie between 10 and 12"),
        ("csv", "ndc_hyphens = true", 'ndc_hyphens = "yes"', "ndc_hyphens must be true or false"),
        ("csv", 'version = "2026-11-01"', 'version = "1"\ncolour = "red"', "colour is not a key of a feed's layout"),
        ("csv", 'member = "sequence"', 'member = "patient_name"', r"columns\[0\].member must be one of"),
        ("csv", 'name = "record_id"', 'name = "sequence"', "columns has a name twice"),
        ("csv", 'name = "sequence",', 'name = "sequence", width = 9,', r"columns\[0\].width is not a key"),
        ("csv", "columns = [", "columns = []\nrows = [", "columns must be a list of 1 to 200 tables"),
        ("json_lines", 'program = "lemtrada"', 'program = "../lemtrada"', "program must be 1 to 64"),
        ("json_lines", "records = false", "records = false\n[x12]", "x12 is not a key"),
        ("x12", "[x12]", "[x13]", "x12 is missing"),
        ("x12", 'element_separator = "|"', 'element_separator = "*"', "x12.element_separator must be one character that no id"),
        ("x12", 'element_separator = "|"', 'element_separator = "~"', "must differ from each other"),
        ("x12", 'component_separator = "^"', r'component_separator = "\u001f"', "x12.component_separator must be one character"),
        ("x12", 'sender = "WD-001"', 'sender = "A|B"', "x12.sender must be 2 to 15"),
        ("x12", 'vial = "VI"', "vial = 1", "x12.units must give each unit a code"),
        ("x12", "records_a_set = 4", "records_a_set = 0", "x12.records_a_set must lie between"),
    ],
)
def test_a_slip_of_the_pen_is_one_sentence(tmp_path: Path, name: str, old: str, new: str, said: str) -> None:
    text = (LAYOUTS / name / "lemtrada.toml").read_text()
    assert old in text
    (tmp_path / "a.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(Unusable, match=said):
        read_layout(tmp_path / "a.toml")


def test_two_layouts_of_a_program(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_bytes((LAYOUTS / "csv" / "lemtrada.toml").read_bytes())
    with pytest.raises(Unusable, match=r"b\.toml: there is another layout of lemtrada for the cadence"):
        read_layouts(tmp_path)
    text = (tmp_path / "a.toml").read_text()
    other = "monthly" if 'cadence = "daily"' in text else "daily"
    (tmp_path / "b.toml").write_text(re.sub('cadence = "[a-z]*"', f'cadence = "{other}"', text))
    assert {(of.program, of.cadence) for of in read_layouts(tmp_path).values()} == read_layouts(tmp_path).keys()
    assert len(read_layouts(tmp_path)) == 2
    with pytest.raises(Unusable, match="cannot be read"):
        read_layouts(tmp_path / "none")


def test_the_built_in_layouts() -> None:
    """Lemtrada's, a file a day; and that of the program of those that come along whose text asks for records each month."""
    built_in = read_layouts()
    assert set(built_in) == {("lemtrada", "daily"), ("macitentan", "monthly")}
    assert not any(of.accepted_file_accepts_records for of in built_in.values())
    assert read_layouts(BUILT_IN) == built_in


def test_a_lot_is_never_altered() -> None:
    """A delimiter in it is refused, in a name it is a blank, and in CSV both are as they are."""
    made = [record(7, lot="A|1")]
    with pytest.raises(Unusable, match="The lot of record 7 holds a delimiter"):
        whole(layout("x12"), made)
    assert b"REF\x1dLT\x1dA|1\x1c" in whole(layout("x12_control"), made)
    assert b",A|1," in whole(layout("csv"), made)
