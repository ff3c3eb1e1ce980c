"""``gatekeeper demo`` with a registry that holds no authorization says so before the first message."""

import re
import subprocess
import sys
from pathlib import Path

from consumers.demo.sample import FOLDER
from tests.demo.test_demo import DEADLINE_S, environment, left_running, rows

SCRIPT = """
import sys
from pathlib import Path
from consumers.demo import sample
from gatekeeper.cli import main
sample.FOLDER = Path(sys.argv[1])
main(["demo", "--once"])
"""
STORY = """
[[stories]]
title = "A patient without an authorization"
order_id = "SO-1"
to = "HF-0001"
lines = [{ quantity = 1, patient = { patient_id = "P-1", authorization_id = "AU-1" } }]
"""


def test_the_demonstration_says_that_nothing_is_authorized(tmp_path: Path) -> None:
    told = tmp_path / "sample"
    told.mkdir()
    registry = (FOLDER / "registry.toml").read_text(encoding="utf-8")
    (told / "registry.toml").write_text(
        re.sub(r"authorizations = \[.*?\n\]", "authorizations = []", registry, flags=re.S), encoding="utf-8"
    )
    stories = (FOLDER / "stories.toml").read_text(encoding="utf-8")
    (told / "stories.toml").write_text(stories.partition("[[stories]]")[0] + STORY, encoding="utf-8")
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, told], capture_output=True, text=True, timeout=DEADLINE_S, check=False, env=environment(home)
    )
    # What it ships is of orders that this sample does not have: the books differ.
    assert (done.returncode, done.stderr) == (1, "")
    assert "- The rules of lemtrada ask for authorizations and its registry holds none: every line of its products is held." in done.stdout
    [shown] = rows(done.stdout)
    assert shown.outcome == "held"
    assert left_running(home) == []
