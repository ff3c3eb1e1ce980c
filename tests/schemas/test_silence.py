"""What was sent does not come back in a refusal: somebody may have put a patient anywhere."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.reading import Unreadable, read_acknowledgement, read_event, read_fact, read_header, read_order
from tests.schemas.messages import MESSAGES, ORDER, encoded, places, value_at, with_value

READERS: dict[str, Any] = {
    "order": read_order,
    "event": read_event,
    "fact": read_fact,
    "header": read_header,
    "acknowledgement": read_acknowledgement,
}
MARKER = "Zq7-Doe"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("colour", "colour"),
        ("a" * 32, "a" * 32),
        ("_", "_"),
        ("_schema", "_schema"),
        ("a" * 33, "*"),
        ("", "*"),
        ("Colour", "*"),
        ("jane doe", "*"),
        ("p1", "*"),
        ("colour\n", "*"),
        ("a/b", "*"),
        ("a~b", "*"),
        ("é", "*"),
        ("\ud800", "*"),
    ],
)
@pytest.mark.parametrize("holder", ["", "/ship_to", "/lines/0", "/lines/0/patient"])
def test_unknown_names(holder: str, name: str, shown: str) -> None:
    """A name that is not in the contract shows only if it is of small letters and underscores."""
    document: Any = with_value(ORDER, "/order_id", "SO-1")
    (value_at(document, holder) if holder else document)[name] = MARKER
    read = read_order(encoded(document))

    assert isinstance(read, Unreadable)
    assert read.problems == {f"{holder}/{shown}": ["Is not in the contract."]}


def test_many_unknown_names_are_one_star() -> None:
    read = read_order(encoded(ORDER | {f"P-{number}": 1 for number in range(50)}))

    assert read == Unreadable({"/*": ["Is not in the contract."]})


@given(message=st.sampled_from(MESSAGES), data=st.data())
@settings(max_examples=200, deadline=None)
def test_no_sentence_repeats_what_was_sent(message: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    """A marker as value, as name, in the middle of rubbish."""
    name, document = message
    place = data.draw(st.sampled_from(places(document)))
    sign = data.draw(st.sampled_from([MARKER, MARKER + " x", MARKER * 50, [MARKER], {MARKER: MARKER}, [{MARKER: 1}], MARKER + "\u0000"]))
    raw = encoded(with_value(document, place, sign))
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(1, len(raw) - 1))]
    read = READERS[name](raw)

    if isinstance(read, Unreadable):
        assert MARKER not in repr(read)
        assert all(sentences and all(sentences) for sentences in read.problems.values())
