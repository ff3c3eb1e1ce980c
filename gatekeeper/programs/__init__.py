"""The rules of each REMS, as TOML: read strictly, so that a slip of the pen is an error and never a rule."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.errors import Unusable
from gatekeeper.programs.reading import Version, read_version

BUILT_IN = Path(__file__).parent
MORE = BUILT_IN / "more"
"""Rules that come with the gatekeeper and are in force only where a deployment adds them by name."""


def read_versions(folder: Path | None = None, added: Collection[str] = ()) -> tuple[Version, ...]:
    """The files of a folder (without one, of the built-in one), and of the rules that come along those of the programs ``added``.

    Raises ``Unusable``.
    """
    return (*map(read_version, files_of(BUILT_IN if folder is None else folder)), *_more(added))


def files_of(place: Path) -> tuple[Path, ...]:
    """The files of rules in a folder, by their names. Raises ``Unusable`` where it has none."""
    try:
        files = tuple(sorted(path for path in place.iterdir() if path.suffix == ".toml"))
    except OSError as error:
        raise Unusable(f"The folder of program rules {place} cannot be read: {error.strerror}.") from None
    if not files:
        raise Unusable(f"The folder of program rules {place} holds no .toml file.")
    return files


def to_be_added() -> tuple[str, ...]:
    """The names of the programs whose rules come along, to be added."""
    return tuple(sorted({version.program.name for version in map(read_version, files_of(MORE))}))


def newest(versions: Iterable[Version]) -> tuple[Program, ...]:
    """Of each program the rules that hold last, in the order of the names."""
    last = {version.program.name: version.program for version in sorted(versions, key=lambda version: version.in_force_from)}
    return tuple(last[name] for name in sorted(last))


def load_programs(folder: Path | None = None, added: Collection[str] = ()) -> tuple[Program, ...]:
    """Every program that has a file, each by the rules that hold last. Raises ``Unusable``."""
    return newest(read_versions(folder, added))


def program_document(program: Program) -> bytes:
    """All that a program holds, as compact canonical JSON: a verdict's row keeps it."""
    return json.dumps(program, separators=(",", ":"), ensure_ascii=False).encode()


def program_from(document: bytes) -> Program:
    """The program that ``program_document`` wrote."""
    values = json.loads(document)
    program = Program(*values)
    packages = [CoveredPackage(*row) for row in program.packages]
    return program._replace(
        packages=tuple(package._replace(units=tuple((unit, factor) for unit, factor in package.units)) for package in packages),
        watched=tuple(program.watched),
        classes=tuple(program.classes),
    )


def _more(added: Collection[str]) -> tuple[Version, ...]:
    if not added:
        return ()
    versions = [version for version in map(read_version, files_of(MORE)) if version.program.name in added]
    for name in sorted(set(added) - {version.program.name for version in versions}):
        raise Unusable(f"There are no rules of {name} to be added; there are of {', '.join(to_be_added())}.")
    return tuple(versions)
