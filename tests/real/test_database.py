"""The database for tests is durable, keeps what was committed when it is killed, and gives each test its own."""

import psycopg
import pytest

from tests.real.database import Database


def plain(url: str) -> str:
    return url.replace("+psycopg", "")


def test_commits_are_durable(postgres: Database, database_url: str) -> None:
    with psycopg.connect(plain(database_url)) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            row = connection.execute(f"SHOW {setting}".encode()).fetchone()
            assert row == ("on",), setting
    assert "@127.0.0.1:" in postgres.url


def test_a_killed_database_keeps_what_was_committed_and_cuts_who_was_connected(postgres: Database, database_url: str) -> None:
    with psycopg.connect(plain(database_url), autocommit=True) as writer:
        writer.execute("CREATE TABLE said (word text)")
        writer.execute("INSERT INTO said VALUES ('committed')")
        open_session = psycopg.connect(plain(database_url))
        open_session.execute("INSERT INTO said VALUES ('not committed')")

    postgres.kill()
    assert postgres.start() == postgres.url

    with pytest.raises(psycopg.OperationalError):
        open_session.execute("SELECT 1")
    open_session.close()
    with psycopg.connect(plain(database_url)) as reader:
        assert reader.execute("SELECT word FROM said").fetchall() == [("committed",)]


def test_each_test_has_an_empty_database_of_its_own(postgres: Database, database_url: str) -> None:
    other = postgres.fresh()
    assert other != database_url
    with psycopg.connect(plain(other)) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)
    postgres.drop(other)
