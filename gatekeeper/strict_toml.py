"""Strict reading of our own TOML files, key by key: a slip of the pen is one sentence that names file and key."""

import tomllib
from datetime import date, datetime
from typing import Any, TypeVar

from gatekeeper.errors import Unusable

T = TypeVar("T")


def toml(file: str, raw: bytes) -> dict[str, Any]:
    """The file's keys. Raises ``Unusable``."""
    try:
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError:
        raise Unusable(f"{file} is not UTF-8.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unusable(f"{file} is not TOML: {error}.") from None


class Table:
    """One table of a file, its keys taken one by one; what is left over at the end is unknown. ``of`` says what the file is."""

    def __init__(self, file: str, values: dict[str, Any], of: str, place: str = "") -> None:
        self._file, self._of = file, of
        self._values = dict(values)
        self._place = place

    def refuse(self, key: str, sentence: str) -> Unusable:
        """What is wrong with a key, to be raised."""
        return Unusable(f"{self._file}: {self._place}{key} {sentence}.")

    def take(self, key: str, kind: type[T], wanted: str) -> T:
        """The value of a key, of this very type."""
        if key not in self._values:
            raise self.refuse(key, "is missing")
        value = self._values.pop(key)
        if type(value) is not kind:
            raise self.refuse(key, f"must be {wanted}")
        return value

    def text(self, key: str) -> str:
        value = self.take(key, str, "a text")
        if not 1 <= len(value) <= 200:
            raise self.refuse(key, "must have 1 to 200 characters")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.refuse(key, f"must be one of {', '.join(allowed)}")
        return value

    def number(self, key: str, least: int, most: int) -> int:
        value = self.take(key, int, "a whole number")
        if not least <= value <= most:
            raise self.refuse(key, f"must lie between {least} and {most}")
        return value

    def day(self, key: str) -> date:
        if isinstance(self._values.get(key), datetime):
            raise self.refuse(key, "must be a day such as 2026-11-01, without a time")
        value = self.take(key, date, "a day such as 2026-11-01, without quotes")
        if not 1900 <= value.year <= 2199:
            raise self.refuse(key, "must lie in the years 1900 to 2199")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values: list[Any] = self.take(key, list, "a list of texts")
        if not all(isinstance(value, str) for value in values):
            raise self.refuse(key, "must be a list of texts")
        if len(set(values)) != len(values):
            raise self.refuse(key, "has an entry twice")
        return tuple(values)

    def has(self, key: str) -> bool:
        return key in self._values

    def end(self) -> None:
        """Raises ``Unusable`` where a key was not taken."""
        for key in self._values:
            raise self.refuse(key, f"is not a key of {self._of}")
