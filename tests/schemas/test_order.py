"""The limits of a shipment order, each at its last right and first wrong value, and where a problem is told."""

from datetime import date
from typing import Any

import pytest
from msgspec import UNSET

from schemas.canonical import canonical
from schemas.order import ShipmentOrder
from schemas.reading import Unreadable, read_order
from tests.schemas.messages import ORDER, encoded, with_value, without


def problems(document: Any) -> dict[str, list[str]]:
    read = read_order(document if isinstance(document, bytes) else encoded(document))
    return read.problems if isinstance(read, Unreadable) else {}


def order(document: Any) -> ShipmentOrder:
    read = read_order(encoded(document))
    assert isinstance(read, ShipmentOrder)
    return read


LINE = {"line": 1, "product": {"ndc": "58468-0200-1"}, "quantity": 1}
SERIAL_SIGNS = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

RIGHT: list[tuple[str, Any]] = [
    ("/order_id", "S"),
    ("/order_id", "a" * 64),
    ("/order_id", "AZaz09._:-"),
    ("/wholesaler_id", "AZaz09._-"),
    ("/revision", 1),
    ("/revision", 999),
    ("/ordered_at", "1900-01-01T00:00:00Z"),
    ("/ordered_at", "2199-12-31T23:59:59.999999-23:59"),
    ("/ordered_at", "2028-02-29T10:00:00.1+05:30"),
    ("/ship_on", "1900-01-01"),
    ("/ship_on", "2199-12-31"),
    ("/ship_to/name", "é" * 200),
    ("/ship_to/name", "\U0001f600" * 200),
    ("/ship_to/name", " blanks stay "),
    ("/ship_to/name", "\u00a0"),
    ("/ship_to/name", 'a "quoted" \\ name'),
    ("/ship_to/account", "a" * 64),
    ("/lines/0/line", 200),
    ("/lines/0/quantity", 1),
    ("/lines/0/quantity", 10_000),
    ("/lines/0/serials", ["S" * 20]),
    ("/lines/0/serials", [SERIAL_SIGNS[first : first + 20] for first in range(0, len(SERIAL_SIGNS), 20)]),
    ("/lines", [LINE | {"line": number} for number in range(1, 201)]),
    ("/lines/0/patient", {}),
]
WRONG: list[tuple[str, Any, str]] = [
    ("/order_id", "", ""),
    ("/order_id", "a" * 65, ""),
    ("/order_id", "é", ""),
    ("/order_id", "SO-1\n", ""),
    ("/wholesaler_id", "WD:1", ""),
    ("/revision", 0, ""),
    ("/revision", 1000, ""),
    ("/revision", "1", ""),
    ("/revision", True, ""),
    ("/revision", 1.0, ""),
    ("/ordered_at", "1899-12-31T23:59:59Z", ""),
    ("/ordered_at", "2200-01-01T00:00:00Z", ""),
    ("/ordered_at", "2026-02-29T10:00:00Z", ""),
    ("/ordered_at", "2026-11-20T24:00:00Z", ""),
    ("/ordered_at", "2026-11-20T23:59:60Z", ""),
    ("/ordered_at", "2026-11-20T10:00Z", ""),
    ("/ordered_at", "2026-11-20t10:00:00Z", ""),
    ("/ordered_at", "2026-11-20T10:00:00z", ""),
    ("/ordered_at", "2026-11-20T10:00:00-0500", ""),
    ("/ordered_at", "2026-11-20T10:00:00+24:00", ""),
    ("/ordered_at", "2026-11-20T10:00:00.Z", ""),
    ("/ordered_at", "2026-11-20T10:00:00.1234567Z", ""),
    ("/ordered_at", "2026-11-20T10:00:00Z\n", ""),
    ("/ordered_at", "", ""),
    ("/ship_on", "1899-12-31", ""),
    ("/ship_on", "2200-01-01", ""),
    ("/ship_on", "2026-02-29", ""),
    ("/ship_on", "", ""),
    ("/deliver_by", "9999-12-31", ""),
    ("/lines/0/expires_on", "0001-01-01", ""),
    ("/ship_to/name", "x" * 201, ""),
    ("/ship_to/name", "\ud800", ""),
    ("/ship_to/name", None, ""),
    ("/ship_to/account", "WD-001:10023", ""),
    ("/ship_to/rems_site_id", "HF 1", ""),
    ("/ship_from/site_id", "a" * 65, ""),
    ("/ship_to/address/city", "", ""),
    ("/lines", [], ""),
    ("/lines", [LINE | {"line": number} for number in range(1, 202)], ""),
    ("/lines", {}, ""),
    ("/lines/0", "line", ""),
    ("/lines/0/line", 0, ""),
    ("/lines/0/line", 201, ""),
    ("/lines/0/line", 2, "/lines/1/line"),
    ("/lines/0/quantity", 0, ""),
    ("/lines/0/quantity", 10_001, ""),
    ("/lines/0/quantity", 10**400, ""),
    ("/lines/0/product", {"ndc": "", "gtin": ""}, ""),
    ("/lines/0/product", {}, ""),
    ("/lines/0/serials", ["S" * 21], "/lines/0/serials/0"),
    ("/lines/0/serials", ["S1", ""], "/lines/0/serials/1"),
    ("/lines/0/serials", ["S1", "S2", "S1"], "/lines/0/serials/2"),
    ("/lines/0/serials", "S1", ""),
    ("/lines/0/patient/prescriber_id", "J. Doe", ""),
    ("/lines/0/patient/administering_site_id", 7, ""),
]


@pytest.mark.parametrize(("pointer", "value"), RIGHT)
def test_is_read(pointer: str, value: Any) -> None:
    """The most that can be read is read."""
    assert problems(with_value(ORDER, pointer, value)) == {}


@pytest.mark.parametrize(("pointer", "value", "told_at"), WRONG)
def test_is_refused(pointer: str, value: Any, told_at: str) -> None:
    """The first value beyond a limit is refused, at its own place and nowhere else."""
    assert list(problems(with_value(ORDER, pointer, value))) == [told_at or pointer]


@pytest.mark.parametrize("sign", ["#", "$", "@", "[", "\\", "]", "^", "`", "{", "|", "}", "~", " ", "é", "\u007f"])
def test_a_sign_outside_the_set_of_serials(sign: str) -> None:
    assert list(problems(with_value(ORDER, "/lines/0/serials", [f"S{sign}1"]))) == ["/lines/0/serials/0"]


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0)])
def test_no_control_character(code: int) -> None:
    """Each of them is refused in a text, escaped or as it is, and alone or after a backslash."""
    for text in (f"A{chr(code)}1", f"\\{chr(code)}"):
        assert list(problems(with_value(ORDER, "/lines/0/lot", text))) == ["/lines/0/lot"]
    if code >= 0x7F:
        assert list(problems(encoded(ORDER).replace(b"A1234", f"A\\u{code:04x}".encode()))) == ["/lines/0/lot"]


REQUIRED = [
    "/order_id", "/wholesaler_id", "/ordered_at", "/ship_on", "/ship_from", "/ship_from/site_id", "/ship_to", "/ship_to/address",
    "/ship_to/address/street", "/ship_to/address/city", "/ship_to/address/state", "/ship_to/address/postal_code", "/lines",
    "/lines/0/line", "/lines/0/product", "/lines/0/quantity",
]  # fmt: skip
OPTIONAL = [
    "/revision", "/deliver_by", "/ship_from/gln", "/ship_to/rems_site_id", "/ship_to/account", "/ship_to/npi", "/ship_to/dea",
    "/ship_to/ncpdp_id", "/ship_to/hin", "/ship_to/gln", "/ship_to/name", "/ship_to/address/street2", "/lines/0/product/ndc",
    "/lines/0/product/gtin", "/lines/0/unit", "/lines/0/lot", "/lines/0/expires_on", "/lines/0/serials", "/lines/0/patient",
    "/lines/0/patient/patient_id", "/lines/0/patient/authorization_id", "/lines/0/patient/prescriber_id",
    "/lines/0/patient/administering_site_id",
]  # fmt: skip


@pytest.mark.parametrize("pointer", REQUIRED)
def test_required(pointer: str) -> None:
    """A required member is told at its own pointer when it is missing, null or empty."""
    assert list(problems(without(ORDER, pointer))) == [pointer]
    assert list(problems(with_value(ORDER, pointer, None))) == [pointer]
    assert list(problems(with_value(ORDER, pointer, ""))) == [pointer]


@pytest.mark.parametrize("pointer", OPTIONAL)
def test_optional(pointer: str) -> None:
    """An optional member that is empty is as if it were not there, whatever its type; null it may not be."""
    left_out = order(without(ORDER, pointer))

    assert order(with_value(ORDER, pointer, "")) == left_out
    assert canonical(order(with_value(ORDER, pointer, ""))) == canonical(left_out)
    assert list(problems(with_value(ORDER, pointer, None))) == [pointer]


def test_of_too_many_lines_what_is_wrong_in_the_first_is_told_too() -> None:
    lines = [LINE | {"line": number} for number in range(1, 202)]
    lines[2] |= {"quantity": 0}
    lines[4] |= {"line": 1}
    lines[200] |= {"quantity": 0}

    assert sorted(problems(with_value(ORDER, "/lines", lines))) == ["/lines", "/lines/2/quantity", "/lines/4/line"]


def test_no_serials_are_none_given() -> None:
    assert order(with_value(ORDER, "/lines/0/serials", [])).lines[0].serials is UNSET


def test_the_name_is_no_identifier() -> None:
    """A recipient is known by an identifier; a wrong one is told as such, and not also as missing."""
    named = with_value(ORDER, "/ship_to", {"name": "Harbor", "address": ORDER["ship_to"]["address"]})

    assert list(problems(named)) == ["/ship_to"]
    assert list(problems(with_value(named, "/ship_to/rems_site_id", "A B"))) == ["/ship_to/rems_site_id"]


def test_what_was_written_is_kept() -> None:
    """Days become days; an instant stays as it was written, for written otherwise it is other content."""
    read = order(ORDER)

    assert read.ordered_at == "2026-11-20T10:00:00-05:00"
    assert read.ship_on == date(2026, 11, 23)
    assert read.lines[1].patient is UNSET


@pytest.mark.parametrize(
    ("raw", "about"),
    [
        (b"", "JSON"),
        (b"{} {}", "JSON"),
        (b'{"a": NaN}', "JSON"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"a": "é"}'.encode("latin-1"), "UTF-8"),
        (b"[]", "object"),
        (b"null", "object"),
        (b"[" * 100_000, "deep"),
        (b" " * 1_048_577, "1,048,576"),
    ],
)
def test_a_problem_of_the_whole(raw: bytes, about: str) -> None:
    told = problems(raw)

    assert list(told) == [""]
    assert about in told[""][0]


def test_as_long_as_it_may_be() -> None:
    assert problems(encoded(ORDER).ljust(1_048_576)) == {}


@pytest.mark.parametrize(("depth", "told"), [(15, ["/order_id"]), (16, ["", "/order_id"])])
def test_depth(depth: int, told: list[str]) -> None:
    """The object itself is the first level."""
    lists: Any = []
    for _ in range(depth - 1):
        lists = [lists]
    assert list(problems(with_value(ORDER, "/order_id", lists))) == told


@pytest.mark.parametrize("second", ['"quantity": 5', '"\\u0071uantity": 5', '"quantity" : 7', '"qu\\u0061ntity": 5'])
def test_a_member_twice(second: str) -> None:
    assert list(problems(encoded(ORDER).replace(b'"quantity": 5', f'"quantity": 5, {second}'.encode()))) == [""]


def test_a_member_twice_beside_escaped_quotes() -> None:
    """The quotes that the second name adds are made up for by quotes written as escapes: to count them is not enough."""
    raw = encoded(ORDER).replace(b'"quantity": 5', b'"quantity": 5, "quantity": 7').replace(b"A1234", b"A\\u0022\\u0022")

    assert list(problems(raw)) == [""]


def test_every_problem_is_told() -> None:
    spoiled = with_value(without(ORDER, "/ship_on"), "/lines/0/quantity", "5")
    spoiled = with_value(with_value(spoiled, "/lines/0/patient/name", "J. Doe"), "/lines/1/line", 1)

    assert sorted(problems(spoiled)) == ["/lines/0/patient/name", "/lines/0/quantity", "/lines/1/line", "/ship_on"]


def test_more_problems_than_a_refusal_can_carry() -> None:
    """They are counted out, and that there are more is said."""
    told = problems(with_value(ORDER, "/lines/0/serials", ["é"] * 5_000))

    assert len(told) == 1_001
    assert "1,000" in told[""][0]
