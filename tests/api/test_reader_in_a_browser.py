"""The page that reads the document, in a real browser: it shows every operation, says nothing on its console, and asks nobody else."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gatekeeper.api import reader
from tests.api.desk import DOCUMENT, Desk
from tests.api.fuzzing import serving

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(BROWSER is None and os.environ.get("CI") != "true", reason="there is no Chromium on this machine")
SHOWN = re.compile(r'<span class="opblock-summary-method">(\w+)</span>.*?data-path="([^"]*)"')


def opened(address: str, folder: Path) -> tuple[str, list[str]]:
    """The page as it stands once all its scripts have run, and what stands on the console. Names of other hosts lead nowhere."""
    assert BROWSER, "a Chromium must be on the path where CI is true"
    options = (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--virtual-time-budget=20000", f"--user-data-dir={folder}",
    )  # fmt: skip
    run = subprocess.run([BROWSER, *options, "--dump-dom", address], capture_output=True, text=True, timeout=120, check=True)
    return run.stdout, [line for line in run.stderr.splitlines() if "CONSOLE" in line]


def test_it_shows_every_operation(desk: Desk, tmp_path: Path) -> None:
    with serving(desk) as address:
        page, console = opened(f"{address}/docs", tmp_path)
    operations = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods if method != "parameters"}
    assert set(SHOWN.findall(page)) == operations
    assert console == []


def test_it_would_be_seen_that_something_is_refused(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "POLICY", reader.POLICY.replace("script-src 'self'", "script-src 'none'"))
    with serving(desk) as address:
        page, console = opened(f"{address}/docs", tmp_path)
    assert SHOWN.findall(page) == []
    assert console
