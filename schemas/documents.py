"""The published documents, made from the types: JSON Schema of every message, and AsyncAPI of the topics.

``python -m schemas.documents`` writes them; with ``--check`` it writes nothing, names those that are stale, and exits 1 if any is.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from schemas.event import NAMES_ITS_LINES
from schemas.fact import SnapshotHeader
from schemas.order import PRODUCT_IDENTIFIERS, SITE_IDENTIFIERS
from schemas.topics import TOPICS, Topic

HERE: Final = Path(__file__).parent
PUBLISHED: Final = HERE / "published"
EXAMPLES: Final = HERE / "examples"
VERSION: Final = "1.0.0"
OF_OTHERS: Final = frozenset({PUBLISHED / "openapi.json"})
"""What stands there too, and is not made here."""
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

MESSAGES: Final[dict[str, Any]] = {topic.name: topic.message for topic in TOPICS} | {"snapshot-header": SnapshotHeader}
"""Every message by the name of its document."""

_WRITTEN: Final = frozenset(topic.name for topic in TOPICS if topic.direction == "out")
_BEYOND_THE_TYPES: Final[dict[str, dict[str, Any]]] = {
    "ShipTo": {"anyOf": [{"required": [name]} for name in SITE_IDENTIFIERS]},
    "Product": {"anyOf": [{"required": [name]} for name in PRODUCT_IDENTIFIERS]},
    "SiteFact": {
        "if": {"properties": {"status": {"const": "certified"}}, "required": ["status"]},
        "then": {"required": ["certified_on"]},
    },
    "ShipmentEvent": {
        "if": {"properties": {"event": {"enum": list(NAMES_ITS_LINES)}}, "required": ["event"]},
        "then": {"required": ["lines"]},
    },
    "Acknowledgement": {
        "if": {"properties": {"status": {"const": "accepted"}}, "required": ["status"]},
        "then": {"required": ["receipt"], "not": {"required": ["problem"]}},
        "else": {"required": ["problem"]},
    },
}
_HOW_IT_IS_READ: Final = (
    "UTF-8 JSON without a byte order mark, at most 1,048,576 bytes, nested at most 16 deep, no member twice. "
    "Where an optional member is an empty text it counts as not given. No two lines of an order or event have the same number."
)


def json_schema(name: str) -> dict[str, Any]:
    """JSON Schema 2020-12 of the message of this name."""
    schema = msgspec.json.schema(MESSAGES[name])
    schema.pop("discriminator", None)
    for kind, rules in _BEYOND_THE_TYPES.items():
        if kind in schema["$defs"]:
            schema["$defs"][kind] |= rules
    comment = {"$comment": _HOW_IT_IS_READ} if name not in _WRITTEN else {}
    return {"$schema": DIALECT, "title": name} | comment | schema


def examples(name: str) -> list[tuple[str, Any]]:
    """The committed examples of a message, by the name of their file."""
    return [(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in sorted((EXAMPLES / name).glob("*.json"))]


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0.0 of the topics."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Distribution gatekeeper",
            "version": VERSION,
            "description": "Shipment orders, shipment events, registry facts and acknowledgements in; "
            "released and stopped lines, distribution records, refusals, alerts out. "
            "Outputs are written in transactions: read them with isolation.level=read_committed.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {
            f"{'receive' if topic.direction == 'in' else 'send'}-{topic.name}": {
                "action": "receive" if topic.direction == "in" else "send",
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": topic.about,
            }
            for topic in TOPICS
        },
        "components": {"messages": {topic.name: _message(topic) for topic in TOPICS}},
    }


def documents() -> dict[Path, bytes]:
    """Every published document, by where it stands."""
    made = {PUBLISHED / f"{name}.schema.json": json_schema(name) for name in MESSAGES} | {PUBLISHED / "asyncapi.json": asyncapi()}
    return {path: (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode() for path, document in made.items()}


def stale() -> list[Path]:
    """The documents that are missing, differ from what would be written, or are made no more."""
    made = documents()
    differ = [path for path, content in made.items() if not path.exists() or path.read_bytes() != content]
    return differ + sorted(set(PUBLISHED.glob("*.json")) - set(made) - OF_OTHERS)


def main(arguments: list[str]) -> int:
    """Write, or check. Gives the exit status."""
    if arguments == ["--check"]:
        names = [path.name for path in stale()]
        sys.stdout.write("".join(f"{name} is stale: run python -m schemas.documents\n" for name in names))
        return 1 if names else 0
    if arguments:
        sys.stderr.write("usage: python -m schemas.documents [--check]\n")
        return 2
    made = documents()
    PUBLISHED.mkdir(exist_ok=True)
    for path in set(PUBLISHED.glob("*.json")) - set(made) - OF_OTHERS:
        path.unlink()
    for path, content in made.items():
        path.write_bytes(content)
    return 0


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"{topic.about} Key: {topic.key}. A deployment may put a prefix before the name.",
        "messages": {topic.name: {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {"kafka": {"topic": topic.name, "bindingVersion": "0.5.0"}},
    }


def _message(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "summary": topic.about,
        "contentType": "application/json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./{topic.name}.schema.json"},
        },
        "examples": [{"name": name, "payload": payload} for name, payload in examples(topic.name)],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
