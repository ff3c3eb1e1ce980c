"""A database of an earlier version, brought to this one, keeps what it held."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

from gatekeeper.storage import tables
from gatekeeper.storage.engine import MIGRATIONS, migrate, open_engine, transaction
from gatekeeper.storage.heard import heard
from tests.gate.ledger import rows

FIRST = """
UPDATE moving_tail SET block = 3, examination = 2, registry_version = 1;
INSERT INTO registry_load VALUES (
    1, 1, 'lemtrada', 42, '2026-11-20T06:00:00Z', '2026-11-20', '2026-11-20T06:00:00Z',
    ARRAY['site', 'patient', 'prescriber', 'authorization', 'recall', 'program'], 2, 'ab', 'x', '2026-11-20T06:00:01Z', 2
);
INSERT INTO fact VALUES
    (1, 1, 'site', 'lemtrada', 'HF-1', 7, '2026-01-01', '{"identifiers":{"npi":["1234567893"],"account":["WD-1:7"]}}'),
    (2, 1, 'site', 'lemtrada', 'HF-2', 8, '2026-01-01', '{}');
INSERT INTO moving_site_identifier VALUES ('1234567893', 'npi', 'HF-1');
INSERT INTO moving_open_line VALUES (2, 1, 'SO-1', 'WD-1', 1, '2026-11-23');
INSERT INTO moving_dependency VALUES ('site HF-1', 2)
"""


def upgrade(connection: Connection, version: str) -> None:
    alembic = Config(attributes={"connection": connection})
    alembic.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(alembic, version)


def of_the_first_version(url: str) -> Engine:
    engine = open_engine(url)
    with engine.begin() as connection:
        upgrade(connection, "0001")
        connection.exec_driver_sql(FIRST)
    return engine


def test_a_ledger_of_the_first_version_goes_on(database_url: str) -> None:
    """The tail is where it was, identifiers name their load, and what was open is looked at again at once."""
    engine = of_the_first_version(database_url)
    migrate(engine)
    with transaction(engine) as cursor:
        ((_, block, *_, examination, version, outbox),) = rows(cursor, tables.TAIL)
        assert (block, examination, version, outbox) == (3, 2, 1, 0)
        assert rows(cursor, tables.SITE_IDENTIFIER) == [("1234567893", "npi", "HF-1", 1), ("WD-1:7", "account", "HF-1", 1)]
        ((*line, _),) = rows(cursor, tables.OPEN_LINE)
        assert line == [2, 1, "SO-1", "WD-1", 1]
        assert cursor.execute("SELECT next_at <= now() FROM moving_open_line").fetchone() == (True,)
        assert cursor.execute("SELECT received::text, through FROM moving_sequence").fetchall() == [("{[1,43)}", 42)]
    engine.dispose()


def test_what_only_a_table_of_sites_made_missing_is_missing_no_more(database_url: str) -> None:
    """What the topic told and did not come still is, with its clock."""
    engine = of_the_first_version(database_url)
    with engine.begin() as connection:
        upgrade(connection, "0036")
        connection.exec_driver_sql("INSERT INTO heartbeat VALUES (1, 0, 0, 'lemtrada', 50, '2026-11-20T06:00:00Z', 3)")
        connection.exec_driver_sql("""
            UPDATE moving_sequence SET received = '{[1,43),[45,46),[50,51),[90,91),[95,96)}',
                since = '{2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,2026-11-03T00:00:00Z,2026-11-04T00:00:00Z}', alerted = '{f,t,f,t}'
        """)
        connection.exec_driver_sql("INSERT INTO moving_sequence VALUES ('sites', '{[7,8)}', '{2026-11-01T00:00:00Z}', '{t}')")
    migrate(engine)
    with transaction(engine) as cursor:
        found = cursor.execute(
            "SELECT program, through, since[2] = '2026-11-02T00:00:00Z', alerted FROM moving_sequence ORDER BY 1"
        ).fetchall()
        assert found == [("lemtrada", 50, True, [False, True]), ("sites", 0, None, [])]
        assert heard(cursor, ["lemtrada", "sites"])["lemtrada"].gaps == ((43, 44), (46, 49))
    engine.dispose()
