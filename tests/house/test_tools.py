"""The tools that watch over style, types and layers find nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

BIN = Path(sys.executable).parent


def said(*command: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports",)],
    ids=["lints", "formatting", "types", "layers"],
)
def test_nothing_is_found(command: tuple[str, ...]) -> None:
    status, words = said(*command)
    assert status == 0, words


def test_the_generated_documents_are_fresh() -> None:
    packages = [ROOT / name for name in ("consumers", "gatekeeper", "schemas")]
    makers = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for package in packages for path in package.rglob("documents.py")
    )
    assert makers == ["gatekeeper.pages.documents", "schemas.documents"]
    stale = {maker: words for maker in makers for status, words in [said("python", "-m", maker, "--check")] if status != 0}
    assert not stale
