"""The repository as the house's checks see it: its files, and what its modules import and define."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGES = ("consumers", "gatekeeper", "schemas")

# Folders that tools write and git ignores.
MADE = {
    ".git", ".venv", ".kafka", ".gatekeeper", ".hypothesis", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache",
    "__pycache__", "node_modules", "target", "dist", ".bench",
}  # fmt: skip


class Place(NamedTuple):
    """A line of a file, and what was found there."""

    line: int
    found: str


def files(*tops: str) -> Iterator[Path]:
    """Every file of the repository, or of these folders of it, that a person or a generator committed."""
    for top in tops or (".",):
        for folder, inner, names in os.walk(ROOT / top):
            inner[:] = [name for name in inner if name not in MADE]
            yield from (Path(folder, name) for name in names if name not in MADE)  # .git is a file in a second working tree


def modules(*tops: str) -> Iterator[Path]:
    """Every Python file of these folders."""
    return (path for path in files(*tops) if path.suffix == ".py")


def named(path: Path) -> str:
    """The file's path as a person in the repository's folder writes it."""
    return path.relative_to(ROOT).as_posix()


def imports(text: str) -> Iterator[Place]:
    """Every module that the source imports, by its full name; a name taken from a module counts as the module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (Place(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Place(node.lineno, "." * node.level + (node.module or ""))


def clock_readings(text: str) -> Iterator[Place]:
    """Where the source asks this machine for the time, or could: the module time, and now, utcnow or today of a date."""
    yield from (place for place in imports(text) if place.found == "time")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}:
            owner = ast.unparse(node.value)
            if owner.rpartition(".")[2] in {"datetime", "date"}:
                yield Place(node.lineno, f"{owner}.{node.attr}")


def sleeps(text: str) -> Iterator[Place]:
    """Where the source waits by sleeping."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr == "sleep":
            yield Place(node.lineno, ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and any(alias.name == "sleep" for alias in node.names):
            yield Place(node.lineno, f"from {node.module} import sleep")


def definitions(text: str) -> Iterator[Place]:
    """Every class and function that the source defines."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield Place(node.lineno, node.name)
