"""The whole document tried by schemathesis: every operation with what fits and what does not, and what links lead to."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.api.desk import EVERY, Desk, token
from tests.house.source import ROOT

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).with_name("schemathesis.toml")


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object, **__: object) -> None:
        """Nothing."""


@contextmanager
def serving(desk: Desk) -> Iterator[str]:
    """Where the desk's application answers."""
    server = make_server("127.0.0.1", 0, desk.app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def tried(
    desk: Desk, role: str, folder: Path, *options: str, wholesalers: Sequence[str] = EVERY, programs: Sequence[str] = EVERY
) -> subprocess.CompletedProcess[str]:
    """What schemathesis says of the document, asking as somebody with this role."""
    bearer = token(roles=[role], wholesalers=[*wholesalers], programs=[*programs])
    with serving(desk) as address:
        command = [SCHEMATHESIS, "--config-file", CONFIG, "run", f"{address}/openapi.json", "--header", f"Authorization: Bearer {bearer}"]
        words = [*map(str, command), "--checks", "all", "--continue-on-failure", "--no-color", "--request-timeout", "120", *options]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
