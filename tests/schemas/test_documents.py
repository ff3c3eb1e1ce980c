"""The published documents are fresh, and the examples are what they say."""

import json
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from schemas.canonical import canonical
from schemas.documents import EXAMPLES, MESSAGES, PUBLISHED, asyncapi, examples, main, stale
from schemas.reading import Unreadable, read_acknowledgement, read_event, read_fact, read_header, read_order
from schemas.topics import SHIPMENT_ORDERS, TOPICS, topic_name
from tests.schemas.messages import ACKNOWLEDGEMENTS, EVENTS, FACTS, HEADER, ORDER, encoded, without

READERS: dict[str, Any] = {
    "shipment-orders": read_order,
    "shipment-events": read_event,
    "registry-facts": read_fact,
    "rems-acknowledgements": read_acknowledgement,
    "snapshot-header": read_header,
}
ALL = [(name, title) for name in MESSAGES for title, _ in examples(name)]


def published(name: str) -> Draft202012Validator:
    schema = json.loads((PUBLISHED / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_fresh() -> None:
    """Whoever changes a type writes the documents anew: python -m schemas.documents."""
    assert stale() == []
    assert main(["--check"]) == 0


def test_stale(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A type that says something else makes its document stale."""
    monkeypatch.setitem(MESSAGES, "snapshot-header", MESSAGES["shipment-orders"])

    assert main(["--check"]) == 1
    assert "snapshot-header.schema.json is stale: run python -m schemas.documents\n" in capsys.readouterr().out


def test_every_message_has_examples() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == set(MESSAGES) == {name for name, _ in ALL}


@pytest.mark.parametrize(("name", "title"), ALL)
def test_example(name: str, title: str) -> None:
    """It validates against the published schema, and reads as the message that it shows, member for member."""
    example = dict(examples(name))[title]

    assert list(published(name).iter_errors(example)) == []
    message = READERS[name](encoded(example)) if name in READERS else msgspec.convert(example, MESSAGES[name])
    assert not isinstance(message, Unreadable)
    assert list(json.loads(canonical(message))) == list(example)


@pytest.mark.parametrize("name", [name for name in MESSAGES if name not in READERS])
def test_an_answer_is_the_same_bytes(name: str) -> None:
    """What goes out is written in one way, with every member of the example in its place."""
    for _, example in examples(name):
        written = canonical(msgspec.convert(example, MESSAGES[name]))

        assert written == canonical(msgspec.json.decode(written, type=MESSAGES[name]))
        assert json.loads(written) == example


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("shipment-orders", ORDER),
        *(("shipment-events", event) for event in EVENTS),
        *(("registry-facts", fact) for fact in FACTS),
        ("snapshot-header", HEADER),
        *(("rems-acknowledgements", acknowledgement) for acknowledgement in ACKNOWLEDGEMENTS),
    ],
)
def test_published_asks_for_what_reading_asks_for(name: str, document: dict[str, Any]) -> None:
    """A message without one of its members is right for both, or for none."""
    validator = published(name)
    for member in document:
        left_out = without(document, f"/{member}")

        assert validator.is_valid(left_out) is not isinstance(READERS[name](encoded(left_out)), Unreadable)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"SO-1"', '"SO 1"'),
        ('"SO-1"', f'"{"S" * 65}"'),
        ('"WD-001"', '"WD:001"'),
        ('"revision": 1', '"revision": 1000'),
        ('"quantity": 5', '"quantity": 10001'),
        ('"line": 2', '"line": 201'),
        ('"2026-11-23"', '"2200-01-01"'),
        ("10:00:00-05:00", "10:00:00"),
        ('"S2"', '"S1"'),
        ('"S2"', '"S#"'),
        ('"A1234"', '"A\\u0085"'),
        ('"A1234"', f'"{"A" * 201}"'),
        ('"product": {"gtin": "00358468020017"}', '"product": {}'),
        ('"lot"', '"colour"'),
    ],
)
def test_published_carries_the_limits(old: str, new: str) -> None:
    text = encoded(ORDER).decode()
    assert text.count(old) == 1

    assert published("shipment-orders").is_valid(json.loads(text))
    assert not published("shipment-orders").is_valid(json.loads(text.replace(old, new)))


def test_asyncapi() -> None:
    """Each topic has a channel, an operation and a message whose schema is published."""
    document = asyncapi()
    topics = {topic.name: topic for topic in TOPICS}

    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]) == set(document["components"]["messages"]) == set(topics)
    for name, operation in document["operations"].items():
        channel = operation["channel"]["$ref"].removeprefix("#/channels/")
        assert name == f"{operation['action']}-{channel}"
        assert operation["action"] == {"in": "receive", "out": "send"}[topics[channel].direction]
    for message in document["components"]["messages"].values():
        assert (PUBLISHED / message["payload"]["schema"]["$ref"]).is_file()


def test_topics() -> None:
    """The nine topics of the contract."""
    assert [topic.name for topic in TOPICS if topic.direction == "in"] == [
        "shipment-orders",
        "shipment-events",
        "registry-facts",
        "rems-acknowledgements",
    ]
    assert [topic.name for topic in TOPICS if topic.direction == "out"] == [
        "shipments-released",
        "shipments-stopped",
        "distribution-records",
        "refused-messages",
        "compliance-alerts",
    ]
    assert topic_name("", SHIPMENT_ORDERS) == "shipment-orders"
    assert topic_name("east.", SHIPMENT_ORDERS) == "east.shipment-orders"
