"""``gatekeeper demo`` beside a REMS that does not have every record: the books differ, and the command says so by its status."""

import subprocess
import sys
from pathlib import Path

from tests.demo.test_demo import DEADLINE_S, environment, left_running, pieces

SCRIPT = """
from consumers.demo.rems import Rems
from gatekeeper.cli import main
whole = Rems.list_of_records
Rems.list_of_records = lambda self: b"\\r\\n".join(whole(self).split(b"\\r\\n")[:-2]) + b"\\r\\n"
main(["demo", "--once"])
"""


def test_a_record_that_the_rems_does_not_have(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=DEADLINE_S, check=False, env=environment(tmp_path)
    )
    assert (done.returncode, done.stderr) == (1, "")
    [*_, last] = pieces(done.stdout)
    assert (last.outcome, dict(last.details)["differs"]) == ("differ", "not in their list")
    assert left_running(tmp_path) == []
