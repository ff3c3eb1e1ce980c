"""Which members of a message may be left out: an empty one of these counts as not given."""

from typing import Any, Final, NamedTuple, get_args

from msgspec import Struct, inspect

from schemas.acknowledgement import Acknowledgement
from schemas.event import ShipmentEvent
from schemas.fact import Fact, SnapshotHeader
from schemas.order import ShipmentOrder


class Shape(NamedTuple):
    optional: frozenset[str]
    lists: frozenset[str]
    """Optional lists that may be empty, which says no more than leaving them out."""
    inner: dict[str, "Shape"]
    """The members that are objects, or lists of objects."""


def shape_of(struct: type[Struct]) -> Shape:
    """Read from the types of the message."""
    described = inspect.type_info(struct)
    if not isinstance(described, inspect.StructType):
        raise TypeError(struct)
    optional, lists, inner = set(), set(), {}
    for member in described.fields:
        given = _given(member.type)
        if not member.required:
            optional.add(member.encode_name)
            if isinstance(given, inspect.VarTupleType) and not given.min_length:
                lists.add(member.encode_name)
        item = _given(given.item_type) if isinstance(given, inspect.VarTupleType) else given
        if isinstance(item, inspect.StructType):
            inner[member.encode_name] = shape_of(item.cls)
    return Shape(frozenset(optional), frozenset(lists), inner)


def _given(kind: inspect.Type) -> inspect.Type:
    """The type without what is said about it."""
    return kind.type if isinstance(kind, inspect.Metadata) else kind


ORDER_SHAPE: Final = shape_of(ShipmentOrder)
EVENT_SHAPE: Final = shape_of(ShipmentEvent)
ACKNOWLEDGEMENT_SHAPE: Final = shape_of(Acknowledgement)
HEADER_SHAPE: Final = shape_of(SnapshotHeader)
FACT_SHAPES: Final = {str(kind.__struct_config__.tag): shape_of(kind) for kind in get_args(Fact)}


def without_empty(document: Any, shape: Shape | dict[str, Shape]) -> Any:
    """The document without the optional members that are empty."""
    if isinstance(shape, dict):
        kind = document.get("fact") if isinstance(document, dict) else None
        return without_empty(document, shape[kind]) if isinstance(kind, str) and kind in shape else document
    if isinstance(document, list):
        return [without_empty(item, shape) for item in document]
    if not isinstance(document, dict):
        return document
    return {
        name: without_empty(value, shape.inner[name]) if name in shape.inner else value
        for name, value in document.items()
        if not (name in shape.optional and value == "") and not (name in shape.lists and value == [])
    }
