"""Logs: JSON lines on standard error. Events and their fields stand in a closed list, and nothing that was sent gets into a line.

Until ``start_logging`` is called, what is not on the list is an error, so that a test sees it; afterwards it is dropped.
"""

import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

import structlog

from gatekeeper import clock
from gatekeeper.errors import Halt, TryAgain, Unusable


class Event(NamedTuple):
    level: str
    about: str
    fields: frozenset[str] = frozenset()


def _event(level: str, about: str, *fields: str) -> Event:
    return Event(level, about, frozenset(fields))


PLACE: Final = ("topic", "partition", "offset")

EVENTS: Final[dict[str, Event]] = {
    "started": _event("info", "A command that stays began its work.", "command", "instance", "group", "version"),
    "stopping": _event("info", "It was told to stop, and ends the batch in hand.", "command", "instance", "signal"),
    "stopped": _event("info", "It ended as it was told to.", "command", "instance"),
    "halted": _event("error", "It ended because going on could be wrong.", "command", "instance", "reason"),
    "waiting": _event("warning", "Something outside is away; the same work is tried again after so many seconds.", "reason", "seconds"),
    "going_on": _event("info", "What was away is back.", "seconds"),
    "assigned": _event("info", "Partitions came to this consumer.", "topic", "partitions"),
    "read_back": _event("info", "Messages had been judged before; the ledger's answers are published.", *PLACE, "messages"),
    "message_refused": _event("warning", "A message could not be read.", *PLACE),
    "relay_begins": _event("info", "The relay goes on with this number of the outbox, and with those that wait.", "number", "waiting"),
    "outbox_full": _event(
        "warning", "So many entries of the outbox wait that the relay looks at none from this number on.", "number", "waiting"
    ),
    "work_in_hand": _event(
        "info",
        "What follows from changes is being done: what is to be found, to be judged again, to be looked back at.",
        "follow_ups",
        "due",
        "look_backs",
        "place",
        "through",
    ),
    "health_served": _event("info", "Health and metrics are served.", "port"),
    "health_failed": _event("warning", "A request for health or metrics could not be answered.", "code"),
    "http_served": _event("info", "The API is served.", "port"),
    "request_failed": _event("error", "A request ended with a fault of the gatekeeper.", "code"),
    "keys_not_fetched": _event("warning", "The keys that sign tokens could not be fetched from the issuer.", "code"),
    "library_said": _event("warning", "A library logged something, whose words are not repeated.", "library", "code"),
}
"""Every event: its level, what it says, and the fields that it may have."""

_NAME: Final = re.compile(r"[A-Za-z0-9._:+/@|-]{1,200}\Z")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(value: object) -> bool:
    return isinstance(value, str) and bool(_NAME.match(value))


def _own_words(value: object) -> bool:
    return isinstance(value, TryAgain | Halt | Unusable)


NUMBERS: Final = (
    "partition", "offset", "messages", "partitions", "seconds", "port", "signal",
    "number", "waiting", "follow_ups", "due", "look_backs", "place", "through",
)  # fmt: skip
NAMES: Final = ("command", "instance", "group", "version", "topic", "code", "library")
FIELDS: Final[Mapping[str, Callable[[object], bool]]] = (
    dict.fromkeys(NUMBERS, _number) | dict.fromkeys(NAMES, _name) | {"reason": _own_words}
)
"""Every field, and what it takes: a number, an id or a code, or one of our own errors, whose sentences repeat nothing that was sent."""


class NotListedError(Exception):
    """An event or a field that is not on the list."""


class AllowList:
    """Lets through what is on the list. The rest is an error, or, where that would do harm, dropped."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict

    def __call__(self, _: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        name = line.pop("event")
        event = EVENTS.get(name)
        if event is None:
            if self._strict:
                raise NotListedError(f"{name} is no event of the list")
            raise structlog.DropEvent
        kept = {field: value for field, value in line.items() if field in event.fields and FIELDS[field](value)}
        if self._strict and len(kept) < len(line):
            raise NotListedError(
                f"{name} has fields that are not on the list, or with values of another kind: {sorted(line.keys() - kept.keys())}"
            )
        return {"at": clock.now().isoformat(timespec="milliseconds"), "level": event.level, "event": name} | {
            field: str(value) if FIELDS[field] is _own_words else value for field, value in kept.items()
        }


class _Lines:
    """Writes where standard error is at the moment. A log that cannot be written changes nothing that is decided."""

    def write(self, line: str) -> None:
        with suppress(OSError):
            sys.stderr.write(line)
            sys.stderr.flush()

    def flush(self) -> None:
        """Every line is written at once."""


class Libraries(logging.Handler):
    """What libraries log, without their words, which may hold what was sent."""

    def emit(self, record: logging.LogRecord) -> None:
        log("library_said", library=record.name, code=record.levelname.lower())


def log(event: str, **fields: Any) -> None:
    """Logs an event of the list."""
    _logger.log(logging.getLevelNamesMapping()[EVENTS[event].level.upper()] if event in EVENTS else logging.ERROR, event, **fields)


def start_logging(level: str) -> None:
    """From now on lines of this level and above are written, and what is not on the list is dropped."""
    global _logger  # noqa: PLW0603 - there is one log
    _logger = _made(level, strict=False)
    logging.basicConfig(handlers=[Libraries(level=logging.WARNING)], force=True)
    logging.raiseExceptions = False


def _made(level: str, *, strict: bool) -> Any:
    return structlog.wrap_logger(
        structlog.WriteLogger(_Lines()),  # type: ignore[arg-type]
        processors=[AllowList(strict=strict), structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
    )


_logger = _made("debug", strict=True)
