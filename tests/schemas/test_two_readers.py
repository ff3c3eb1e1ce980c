"""The decoder and the complete look are held to one answer: the same accept, the same refuse, the same value."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.problems import examine
from schemas.reading import (
    ACKNOWLEDGEMENT,
    EVENT,
    FACT,
    HEADER,
    ORDER,
    Unreadable,
    accepted,
    read_acknowledgement,
    read_event,
    read_fact,
    read_header,
    read_order,
)
from tests.schemas.messages import MESSAGES, encoded, places, value_at, with_value, without
from tests.schemas.messages import ORDER as FULL

FORMS: dict[str, Any] = {"order": ORDER, "event": EVENT, "fact": FACT, "header": HEADER, "acknowledgement": ACKNOWLEDGEMENT}
READERS: dict[str, Any] = {
    "order": read_order,
    "event": read_event,
    "fact": read_fact,
    "header": read_header,
    "acknowledgement": read_acknowledgement,
}

# fmt: off
HOSTILE: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, "", " ", [], {}, [[]], [""], [None], ["S1", "S1"], {"a": 1}, 0, -1, 1, 2, 5.0, 0.5, -0.0, 1e300, 10_000, 10_001,
        999, 1000, 200, 201, 2**31 - 1, 2**31, 2**63, 2**64, 10**25, 10**400, "1", "A B", "A\tB", "A\u0000B", "A\nB", "A\n", "A\u007fB",
        "A\u0085B", "A\u009f", "A\u00a0B", "\ud800", "\udc00x", "é", "\U0001f600", "A" * 64, "A" * 65, "A" * 200,
        "A" * 201, "é" * 200, "A:B", "A:B:C", ":",
        '"', "\\", "\\u0041", "9999-12-31", "0001-01-01", "1899-12-31", "1900-01-01", "2199-12-31", "2200-01-01",
        "2026-02-29", "2028-02-29",
        "2026-11-31", "2026-1-01", "20261123", "2026-11-23\n", "2026-11-23T00:00:00Z", "٢٠٢٦-11-23", "2026-11-20T10:00:00Z",
        "2026-11-20T24:00:00Z", "2026-11-20T23:59:60Z", "2026-11-20t10:00:00Z", "2026-11-20T10:00:00z", "2026-11-20 10:00:00Z",
        "2026-11-20T10:00:00", "2026-11-20T10:00:00-0500", "2026-11-20T10:00:00+24:00", "2026-11-20T10:00:00-00:00",
        "2026-11-20T10:00:00.123456Z", "2026-11-20T10:00:00.1234567Z", "2026-11-20T10:00:00.Z",
        "2026-02-30T10:00:00Z", "1899-12-31T23:59:59Z",
        "1900-01-01T00:00:00+14:00", "2199-12-31T23:59:59-12:00", "9999-12-31T23:59:59-23:59", "S" * 20, "S" * 21,
        "!\"%&'()*+,-./:;<=>?_", "A#1",
        "shipped", "cancelled", "returned", "accepted", "rejected", "A" * 2000, "A" * 2001,
        "site", "certified", "pending", "pharmacy", "recalled", "active", "0" * 64, "F" * 64, "f" * 64, ["site"],
        ["site", "site"], ["WD-001:1"],
    ]
)
# fmt: on


def answers_agree(name: str, raw: bytes) -> None:
    quick, complete = accepted(raw, FORMS[name]), examine(raw, name)
    assert quick == complete.message
    assert (quick is None) == bool(complete.problems)
    read = READERS[name](raw)
    assert read == (Unreadable(complete.problems) if quick is None else quick)


@pytest.mark.parametrize(("name", "document"), MESSAGES)
def test_the_messages_to_begin_from_are_read(name: str, document: dict[str, Any]) -> None:
    """What the others spoil is right in itself."""
    assert not isinstance(READERS[name](encoded(document)), Unreadable)


@given(message=st.sampled_from(MESSAGES), data=st.data())
@settings(max_examples=400, deadline=None)
def test_nearly_valid(message: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    """One to three members changed, left out, added, by something that may be right."""
    name, document = message
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(document) or ["/x"]))
        match data.draw(st.sampled_from(["change", "change", "change", "leave out", "add"])):
            case "change":
                document = with_value(document, place, data.draw(HOSTILE))
            case "leave out":
                document = without(document, place)
            case _:
                holder = place.rpartition("/")[0]
                if not holder or isinstance(value_at(document, holder), dict):
                    document = with_value(
                        document, f"{holder}/{data.draw(st.sampled_from(['colour', 'npi', 'P-1', 'é']))}", data.draw(HOSTILE)
                    )
    raw = json.dumps(document, ensure_ascii=data.draw(st.booleans())).encode(
        "utf-8", data.draw(st.sampled_from(["surrogatepass", "backslashreplace"]))
    )
    answers_agree(name, raw)


@given(message=st.sampled_from(MESSAGES), value=HOSTILE)
@settings(max_examples=30, deadline=None)
def test_every_place_in_turn(message: tuple[str, dict[str, Any]], value: Any) -> None:
    """The same thing at every place of a message, one after the other."""
    name, document = message
    for place in places(document):
        answers_agree(name, encoded(with_value(document, place, value)))


TEXT = encoded(FULL)


@given(message=st.sampled_from(MESSAGES), data=st.data())
@settings(max_examples=300, deadline=None)
def test_spoiled_bytes(message: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    """Bytes put in, taken out and replaced anywhere."""
    name, document = message
    raw = bytearray(encoded(document))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(
                st.binary(max_size=3),
                st.sampled_from([b'"', b"\\", b"\\u0000", b"\\ud800", b"}", b"[", b",", b"0", b" ", b"e0", b"\xc2\x85", b"\x7f"]),
            )
        )
    answers_agree(name, bytes(raw))


@given(st.binary(max_size=200))
@example(b"")
@example(b"null")
@example(b"[]")
@example(b'"order_id"')
@example(b"[" * 20_000 + b"]" * 20_000)
@example(b'{"a":' * 20_000)
@example(b'{"order_id":' + b"[" * 17 + b"]" * 17 + b"}")
@example(b"9" * 5_000)
@example(TEXT.replace(b'"quantity": 5', b'"quantity": ' + b"5" * 5_000))
@example(TEXT.replace(b'"quantity": 5', b'"quantity": 1e0'))
@example(TEXT.replace(b'"quantity": 5', b'"quantity": 5.0'))
@example(TEXT.replace(b'"quantity": 5', b'"quantity": -0'))
@example(TEXT.replace(b'"quantity": 5', b'"quantity": 05'))
@example(TEXT.replace(b'"quantity": 5', b'"quantity": NaN'))
@example(TEXT.replace(b'"quantity": 5', b'"quantity": Infinity'))
@example(TEXT.replace(b'"quantity": 5', b'"quantity": 1e999'))
@example(TEXT.replace(b'"quantity": 5', b'"quantity": 5, "quantity": 5'))
@example(TEXT.replace(b'"quantity": 5', b'"quantity": 5, "\\u0071uantity": 5'))
@example(TEXT.replace(b'"quantity": 5', b'"\\u0071uantity": 5'))
@example(TEXT.replace(b'"lot": "A1234"', b'"lot": "", "lot": "A1234"'))
@example(TEXT.replace(b'"lot": "A1234"', b'"lot": "A1234", "lot": ""'))
@example(TEXT.replace(b'"lot": "A1234"', b'"lot": "", "lot": ""'))
@example(TEXT.replace(b'"quantity": 5', b'"quantity": 5, "quantity": 7').replace(b"A1234", b"A\\u0022\\u0022"))
@example(TEXT.replace(b"A1234", b"A\\u0022\\u0022"))
@example(TEXT.replace(b"A1234", b"A\\u0000"))
@example(TEXT.replace(b"A1234", b"A\x00"))
@example(TEXT.replace(b"A1234", b"A\\u007f"))
@example(TEXT.replace(b"A1234", b"A\xc2\x80"))
@example(TEXT.replace(b"A1234", b"A\\\\n"))
@example(TEXT.replace(b"A1234", b"A\\\\\\n"))
@example(TEXT.replace(b"A1234", b'A\\/\\"\\\\'))
@example(TEXT.replace(b"A1234", b"\\ud83d\\ude00"))
@example(TEXT.replace(b"A1234", b"\\ud83d"))
@example(TEXT.replace(b"A1234", b"\\ude00\\ud83d"))
@example(TEXT.replace(b"A1234", b"\xed\xa0\x80"))
@example(TEXT.replace(b"A1234", b"\xff"))
@example(TEXT.replace(b"A1234", b"\xc0\x80"))
@example(b"\xef\xbb\xbf" + TEXT)
@example(TEXT.decode().encode("utf-16"))
@example(TEXT + b" {}")
@example(TEXT + b"\x00")
@example(TEXT + b" \t\r\n")
@example(b" \t\r\n" + TEXT)
@example(b"\x0c" + TEXT)
@example(b"\xc2\xa0" + TEXT)
@example(TEXT[:-1] + b",}")
@example(TEXT.replace(b"{", b"{ /* */", 1))
@example(TEXT.ljust(1_048_576))
@example(TEXT.ljust(1_048_577))
@settings(max_examples=100, deadline=None)
def test_any_bytes(raw: bytes) -> None:
    """Whatever the bytes, for every kind of message."""
    for name in FORMS:
        answers_agree(name, raw)
