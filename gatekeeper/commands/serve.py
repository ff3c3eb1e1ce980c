"""``gatekeeper serve``."""

import os

import click

from gatekeeper.config import read_settings


@click.command("serve")
def serve() -> None:
    """Serve the API over HTTP, until told to stop.

    Without GATEKEEPER_DATABASE_URL it brings an embedded database along. Who calls is told by tokens of GATEKEEPER_ISSUER. Several may
    run at the same time, each on a machine or port of its own, behind what ends TLS.
    """
    from gatekeeper.serving import serve  # noqa: PLC0415 - help is shown without loading the server

    serve(read_settings(os.environ))
