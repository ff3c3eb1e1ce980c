"""How the text of one setting becomes its value. What cannot be used is a ``WrongValueError``."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

Option = str | int | float | bool

SERVER = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?\Z")
OPTION = re.compile(r"[a-z0-9._]{1,100}\Z")

DISCOVER: Final = "discover"
"""In the place of the address of keys: the issuer tells it."""

OURS = frozenset({
    "acks", "auto.commit.enable", "auto.offset.reset", "bootstrap.servers", "enable.auto.commit", "enable.auto.offset.store",
    "enable.idempotence", "group.id", "group.instance.id", "isolation.level", "max.poll.interval.ms", "metadata.broker.list",
    "request.required.acks", "session.timeout.ms", "transaction.timeout.ms", "transactional.id",
})  # fmt: skip
"""Client options that another setting, or exactly-once itself, decides."""


class WrongValueError(Exception):
    """A value that cannot be used; the message goes on after the setting's name, and shows nothing of the value."""


class Secret:
    """A text that never shows itself; ``reveal`` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text."""
        return self._text

    def __repr__(self) -> str:
        return "(secret)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class ClientOptions(Mapping[str, Option]):
    """Options of the Kafka client, among which passwords may be: only their names show."""

    __slots__ = ("_options",)

    def __init__(self, options: Mapping[str, Option] | None = None) -> None:
        self._options = dict(options or {})

    def __getitem__(self, name: str) -> Option:
        return self._options[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)

    def __hash__(self) -> int:
        return hash(frozenset(self._options.items()))

    def __repr__(self) -> str:
        return f"(options: {', '.join(sorted(self._options)) or 'none'})"


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number of this range."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII) or not least <= int(text) <= most:
            raise WrongValueError(f"must be a whole number from {least} to {most}.")
        return int(text)

    return read


def matching(pattern: str, described: str) -> Callable[[str], str]:
    """Reads a text that the pattern describes whole."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise WrongValueError(f"must be {described}.")
        return text

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """Reads one of these words, in capitals too."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise WrongValueError(f"must be one of {', '.join(words)}.")
        return text.lower()

    return read


def servers(text: str) -> str:
    """Reads a list of brokers."""
    for part in text.split(","):
        found = SERVER.match(part)
        if not found or not 1 <= int(found[1] or 9092) <= 65535:
            raise WrongValueError("must be a list such as broker-1:9092,broker-2:9092.")
    return text


def names(text: str) -> tuple[str, ...]:
    """Reads names with commas between."""
    found = tuple(text.split(","))
    if not all(re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", name, re.ASCII) for name in found) or len(set(found)) != len(found):
        raise WrongValueError("must be names with commas between, each once.")
    return found


def web_address(text: str) -> str:
    """Reads an address of https, or of http on this machine."""
    try:
        found = urlsplit(text)
        host, _ = found.hostname or "", found.port
    except ValueError:
        host = ""
    safe = host and (found.scheme == "https" or (found.scheme == "http" and host in {"127.0.0.1", "::1", "localhost"}))
    if not safe or "@" in found.netloc or found.fragment or not re.fullmatch(r"[!-~]{1,2000}", text, re.ASCII):
        raise WrongValueError("must be an address such as https://id.example, or of http on this machine.")
    return text


def origins(text: str) -> frozenset[str]:
    """Reads origins with commas between."""
    found = text.split(",")
    if not all(re.fullmatch(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?", origin, re.ASCII) for origin in found):
        raise WrongValueError("must be origins such as https://desk.example, with commas between, in small letters and without a path.")
    return frozenset(found)


def key_address(text: str) -> str:
    """Reads where keys are fetched."""
    return text if text == DISCOVER else web_address(text)


def folder(text: str) -> Path:
    """Reads the path of a folder that is there."""
    path = path_of(text)
    if not _is(path.is_dir):
        raise WrongValueError("names no folder.")
    return path


def file(text: str) -> Path:
    """Reads the path of a file that is there."""
    path = path_of(text)
    if not _is(path.is_file):
        raise WrongValueError("names no file.")
    return path


def path_of(text: str) -> Path:
    """Reads a path, of something that need not be there; ``~`` is the user's home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise WrongValueError("begins with ~, but this user has no home folder: give the whole path.") from None


def client_options(text: str) -> ClientOptions:
    """Reads the file of client options. Tables within tables are names with points."""
    options: dict[str, Option] = {}
    for name, value in _flat("", document(file(text))):
        if not OPTION.match(name):
            raise WrongValueError("has an option whose name is not made of a-z, 0-9, points and underscores.")
        if name in OURS:
            raise WrongValueError(f"has the option {name}, which is not free: the gatekeeper sets it itself.")
        if not isinstance(value, Option):
            raise WrongValueError(f"has the option {name}, which is neither a text nor a number nor true or false.")
        options[name] = value
    return ClientOptions(options)


def document(path: Path) -> dict[str, Any]:
    """The content of a TOML file, or of a JSON file where the name does not end with ``.toml``. No error shows any of it."""
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise WrongValueError(f"cannot be read ({type(error).__name__}).") from None
    except UnicodeDecodeError:
        raise WrongValueError("is not UTF-8 text.") from None
    except (ValueError, RecursionError) as error:
        place = re.search(r"line \d+", str(error))
        raise WrongValueError(f"is not valid {'TOML' if path.suffix == '.toml' else 'JSON'}{f' ({place[0]})' if place else ''}.") from None
    if not isinstance(found, dict):
        raise WrongValueError("does not hold names with values.")
    return found


def _is(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except OSError as error:
        raise WrongValueError(f"cannot be reached ({type(error).__name__}).") from None


def _flat(before: str, table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(f"{before}{name}.", value)
        else:
            yield before + name, value
