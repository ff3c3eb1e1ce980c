"""The lock files pin and hash everything that the project asks for, and name no index."""

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.source import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
WORK = [Requirement(line) for line in (*PROJECT["project"]["optional-dependencies"]["dev"], *PROJECT["build-system"]["requires"])]

PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+?))?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)")


def pins(text: str) -> Iterator[tuple[str, Version, str]]:
    """Name, version and marker of every line; an AssertionError for what is no pin with hashes."""
    for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        if line and not line.lstrip().startswith("#"):
            pin = PINNED.fullmatch(line)
            assert pin is not None, f"no pin with hashes: {line[:80]}"
            yield canonicalize_name(pin["name"]), Version(pin["version"]), pin["marker"] or ""


def missing(asked: list[Requirement], text: str) -> list[str]:
    """What is asked for, on this machine, and not pinned to a version that will do."""
    here = {name: version for name, version, marker in pins(text) if not marker or Marker(marker).evaluate()}
    return [
        str(requirement)
        for requirement in asked
        if (version := here.get(canonicalize_name(requirement.name))) is None or version not in requirement.specifier
    ]


@pytest.mark.parametrize(("file", "asked"), [("requirements.lock", RUN), ("requirements-dev.lock", RUN + WORK)])
def test_the_lock_covers_the_project(file: str, asked: list[Requirement]) -> None:
    assert missing(asked, (ROOT / file).read_text()) == []


def test_both_locks_agree() -> None:
    small = set(pins((ROOT / "requirements.lock").read_text()))
    large = set(pins((ROOT / "requirements-dev.lock").read_text()))
    assert small <= large


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_names_no_index(file: str) -> None:
    assert not re.search(r"://|index|find-links|trusted-host", (ROOT / file).read_text())


def test_the_check_of_locks_sees_what_it_should() -> None:
    pin = "click==8.1 \\\n    --hash=sha256:" + "0" * 64
    assert missing([Requirement("click>=8.5")], pin) == ["click>=8.5"]
    assert missing([Requirement("flask")], pin) == ["flask"]
    assert missing([Requirement("Click")], pin) == []
    with pytest.raises(AssertionError, match="no pin with hashes"):
        missing([], "click==8.1")
