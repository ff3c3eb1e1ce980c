"""The programs' rules by time: which of them are in force at an instant, and how they stand in messages and in evidence."""

import json
from bisect import bisect_right
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gatekeeper.domain.order import Order
from gatekeeper.domain.products import touched_by
from gatekeeper.domain.program import Program
from gatekeeper.errors import Unusable
from gatekeeper.messages import rules_of
from gatekeeper.programs import newest, program_document, read_versions
from gatekeeper.programs.reading import Version, refuse_doubles
from schemas.released import ProgramRules

_DAY = timedelta(days=1)


class Rules(NamedTuple):
    """The programs in force at an instant, in the order of their names."""

    programs: tuple[Program, ...]
    said: dict[str, ProgramRules]
    """As every message names them."""
    documents: dict[str, bytes]
    """All that each holds, for the evidence."""
    names: dict[str, bytes]
    """Name, version and digest of each, for the evidence where no more is needed."""
    kept: dict[tuple[str, ...], bytes]
    """What the evidence kept so far, by the names of those that stand in it whole."""

    @classmethod
    def of(cls, programs: tuple[Program, ...]) -> "Rules":
        return cls(
            programs,
            rules_of(programs),
            {program.name: program_document(program) for program in programs},
            {program.name: _named(program) for program in programs},
            {},
        )

    def kept_for(self, order: Order) -> bytes:
        """For the evidence of this order's verdicts: whole those that its product codes touch, the name of the others."""
        whole = tuple([program.name for program in touched_by(order, self.programs)])
        kept = self.kept.get(whole)
        if kept is None:
            each = [self.documents[name] if name in whole else said for name, said in self.names.items()]
            kept = self.kept[whole] = b"[" + b",".join(each) + b"]"
        return kept


class RuleBook:
    """All versions of all programs' rules, by the instants from which they hold."""

    def __init__(self, versions: tuple[Version, ...], changes: tuple[datetime, ...], rules: tuple[Rules, ...]) -> None:
        self.versions = versions
        self._changes, self._rules = changes, rules

    @classmethod
    def of(cls, versions: Iterable[Version]) -> "RuleBook":
        """Raises ``Unusable`` where two versions hold from the same day, or rules of the same day name a package twice."""
        all_of_them = tuple(sorted(versions, key=lambda version: (version.program.name, version.in_force_from)))
        seen: dict[tuple[str, date], Version] = {}
        for version in all_of_them:
            other = seen.setdefault((version.program.name, version.in_force_from), version)
            if other is not version:
                since = f"rules of {version.program.name} that hold from {version.in_force_from} on"
                raise Unusable(f"{version.file.name}: {since} stand in {other.file.name} already.")
        changes = tuple(sorted({instant for version in all_of_them for instant in _changes(version)}))
        rules = [Rules.of(())]
        for instant in changes:
            holding = _holding(all_of_them, instant)
            refuse_doubles(holding)
            rules.append(Rules.of(tuple(version.program for version in holding)))
        return cls(all_of_them, changes, tuple(rules))

    @classmethod
    def read(cls, folder: Path | None = None, added: Collection[str] = ()) -> "RuleBook":
        """Of the files of a folder, without one the built-in ones, and of the programs ``added``. Raises ``Unusable``."""
        return cls.of(read_versions(folder, added))

    @property
    def newest(self) -> tuple[Program, ...]:
        """Of each program the rules that hold last: whose registry may be loaded, also before its rules are in force."""
        return newest(self.versions)

    def at(self, instant: datetime) -> Rules:
        """What is in force. A program has no rules before its first version holds, nor after its text has ended."""
        return self._rules[bisect_right(self._changes, instant)]

    def known(self, instant: datetime) -> tuple[Program, ...]:
        """Of each program the rules in force, and where none are, those that hold last; by name."""
        named = {program.name: program for program in (*self.newest, *self.at(instant).programs)}
        return tuple(named[name] for name in sorted(named))

    def next_change(self, instant: datetime) -> datetime | None:
        """The first instant after this one at which other rules hold; None where none are prepared."""
        place = bisect_right(self._changes, instant)
        return self._changes[place] if place < len(self._changes) else None

    def in_force(self, instant: datetime) -> tuple[Version, ...]:
        """The versions that hold, by the names of their programs."""
        return _holding(self.versions, instant)

    def not_yet(self, instant: datetime) -> list[str]:
        """The programs whose first rules are prepared: until they hold, nothing restricts their products."""
        first = {version.program.name: version for version in reversed(self.versions)}
        return sorted(name for name, version in first.items() if _changes(version)[0] > instant)


def day_begins(day: date, time_zone: str) -> datetime:
    """The instant, in UTC, at which the day begins there."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def _changes(version: Version) -> list[datetime]:
    zone = version.program.time_zone
    through = version.in_force_through
    return [day_begins(version.in_force_from, zone), *([] if through is None else [day_begins(through + _DAY, zone)])]


def _holding(versions: Iterable[Version], instant: datetime) -> tuple[Version, ...]:
    """``versions`` come by name and day."""
    last = {version.program.name: version for version in versions if _changes(version)[0] <= instant}
    return tuple(version for version in last.values() if not _over(version, instant))


def _over(version: Version, instant: datetime) -> bool:
    return any(change <= instant for change in _changes(version)[1:])


def _named(program: Program) -> bytes:
    said = {"name": program.name, "version": program.version, "sha256": program.sha256}
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
