"""How a command comes to the ledger: the database that the settings name, of this version, with durable commits."""

import sqlalchemy.exc
from sqlalchemy import Engine

from gatekeeper.config import Settings
from gatekeeper.errors import Unusable
from gatekeeper.storage import embedded
from gatekeeper.storage.engine import check_durable, check_server, check_version, open_engine, unreachable


def engine_of(settings: Settings, *, statement_timeout_s: int = 30) -> Engine:
    """The engine of the settings' database; where they name none, the embedded server is started or found."""
    url = settings.database_url.reveal() if settings.database_url else embedded.start(settings.home)
    return open_engine(url, statement_timeout_s=statement_timeout_s)


def open_ledger(settings: Settings) -> Engine:
    """The settings' database, checked. Raises ``TryAgain`` where it is away, ``Unusable`` where it cannot keep the ledger as it is."""
    engine = engine_of(settings)
    try:
        with engine.connect() as connection:
            check_server(connection)
            check_version(connection)
            check_durable(connection)
    except sqlalchemy.exc.DBAPIError as error:
        engine.dispose()
        raise unreachable(error) from None
    except Unusable:
        engine.dispose()
        raise
    return engine
