"""The members of a message for the slow and complete look: strict in type, and every problem is a sentence that repeats nothing sent."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validates_schema

from schemas.text import FIRST_YEAR, LAST_YEAR, NO_CONTROL, is_day, is_instant

UNKNOWN: Final = "Is not in the contract."
TWICE: Final = "Stands twice."
SENTENCES: Final[dict[str, Any]] = {"required": "Must be given.", "null": "Must not be null.", "validator_failed": "Must be another value."}
NO_OBJECT: Final = "Must be an object."
NO_LIST: Final = "Must be a list."

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_CONTROL: Final = re.compile(NO_CONTROL)
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


class Member(fields.Field[Any]):
    """A member with the sentences of this contract."""

    default_error_messages = SENTENCES


class Words(Member):
    """A text: its length, and that no control character or half of a character stands in it."""

    def __init__(self, *, most: int = 200, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str):
            raise ValidationError("Must be a text.")
        if not 1 <= len(value) <= self.most:
            raise ValidationError(f"Must have 1 to {self.most:,} characters.")
        if not _NO_CONTROL.fullmatch(value):
            raise ValidationError("Must not hold a control character.")
        if _SURROGATE.search(value):
            raise ValidationError("Must not hold half of a surrogate pair.")
        return value


class Written(Member):
    """A text of a given form."""

    def __init__(self, pattern: str, sentence: str, **options: Any) -> None:
        super().__init__(**options)
        self.pattern, self.sentence = re.compile(pattern), sentence

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise ValidationError(self.sentence)
        return value


class OneOf(Member):
    """One of a few words."""

    def __init__(self, words: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        self.words = words

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str) or value not in self.words:
            raise ValidationError(f"Must be one of {', '.join(self.words)}.")
        return value


class WholeNumber(Member):
    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> int:  # noqa: ARG002
        if type(value) is not int or not self.least <= value <= self.most:
            raise ValidationError(f"Must be a whole number from {self.least:,} to {self.most:,}.")
        return value


class TrueOrFalse(Member):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> bool:  # noqa: ARG002
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class Day(Member):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> date:  # noqa: ARG002
        if isinstance(value, str) and _DAY.fullmatch(value):
            try:
                day = date.fromisoformat(value)
            except ValueError:
                day = date.min
            if is_day(day):
                return day
        raise ValidationError(f"Must be a day, YYYY-MM-DD, from {FIRST_YEAR} to {LAST_YEAR}.")


class Instant(Member):
    """An instant, which stays as it was written."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str) or not is_instant(value):
            raise ValidationError(
                f"Must be an instant, YYYY-MM-DDThh:mm:ss, up to 6 decimals, then Z or ±hh:mm, from {FIRST_YEAR} to {LAST_YEAR}."
            )
        return value


class Items(Member):
    """A list. Of one that is too long no more items are looked at than it may have."""

    def __init__(self, item: fields.Field[Any], *, least: int = 0, most: int | None = None, once: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.item, self.least, self.most, self.once = item, least, most, once

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> tuple[Any, ...]:  # noqa: ARG002
        if not isinstance(value, list):
            raise ValidationError(NO_LIST)
        if len(value) < self.least:
            raise ValidationError(f"Must have at least {self.least}.")
        items: list[Any] = []
        problems = self._repeated(value)
        if self.most is not None and len(value) > self.most:
            problems["_schema"] = [f"Must have at most {self.most}."]
            value = value[: self.most]
        for index, item in enumerate(value):
            try:
                items.append(self.item.deserialize(item))
            except ValidationError as problem:
                problems[index] = problem.messages
        if problems:
            raise ValidationError(problems)
        return tuple(items)

    def _repeated(self, value: list[Any]) -> dict[int | str, Any]:
        if not self.once:
            return {}
        first: dict[str, int] = {}
        return {index: [TWICE] for index, item in enumerate(value) if isinstance(item, str) and first.setdefault(item, index) != index}


class Part(fields.Nested):
    """A member that is an object."""

    default_error_messages = SENTENCES | {"type": NO_OBJECT}


class MessageSchema(Schema):
    """A message, or a part of one: an optional member that is empty counts as not given, and one that is unknown is a problem."""

    class Meta:
        unknown = EXCLUDE

    error_messages = {"type": NO_OBJECT}  # noqa: RUF012
    struct: ClassVar[type[Any]]
    lists: ClassVar[frozenset[str]] = frozenset()
    """Optional lists that say no more when empty than when left out."""

    def wire_names(self) -> dict[str, bool]:
        """The members by their name on the wire, and whether they are required."""
        return {field.data_key or name: field.required for name, field in self.fields.items()}

    @pre_load
    def take_out_empty(self, document: Any, **_: Any) -> Any:
        if not isinstance(document, dict):
            return document
        optional = {name for name, required in self.wire_names().items() if not required}
        return {
            name: value
            for name, value in document.items()
            if not (name in optional and value == "") and not (name in self.lists and value == [])
        }

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def say_what_is_unknown(self, _: Any, original: Any, **__: Any) -> None:
        known = self.wire_names()
        unknown = [name for name in original if name not in known] if isinstance(original, dict) else []
        if unknown:
            raise ValidationError({Unknown(name): [UNKNOWN] for name in unknown})

    @post_load
    def make(self, members: dict[str, Any], **_: Any) -> Any:
        return self.make_struct(members)

    def make_struct(self, members: dict[str, Any]) -> Any:
        """The message itself."""
        return self.struct(**members)


class Unknown(str):
    """A member's name that is not in the contract, so that it is never taken for anything else."""

    __slots__ = ()


def flat(messages: Any, pointer: str = "") -> list[tuple[str, str]]:
    """Sentences with their JSON Pointers. An unknown name shows only if nobody can have put a person there."""
    if isinstance(messages, str):
        return [(pointer, messages)]
    if isinstance(messages, list):
        return [found for message in messages for found in flat(message, pointer)]
    return [
        found
        for name, inner in messages.items()
        for found in flat(inner, pointer if name == "_schema" and not isinstance(name, Unknown) else f"{pointer}/{_shown(name)}")
    ]


def _shown(name: str | int) -> str:
    return "*" if isinstance(name, Unknown) and not re.fullmatch(r"[a-z_]{1,32}", name) else str(name)
