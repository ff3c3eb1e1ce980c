"""`gatekeeper migrate`, `doctor`, `set-aside` and `verify`, as a person types them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm
from sqlalchemy import Engine

from gatekeeper import clock, doctor
from gatekeeper.cli import main
from gatekeeper.doctor import seconds_apart
from gatekeeper.storage import ledger, tables
from gatekeeper.storage.columns import Added, insert
from gatekeeper.storage.engine import migrate, open_engine, transaction
from tests.cli.conftest import LEAD
from tests.real.ports import free_ports

KEY = ed25519.Ed25519PrivateKey.generate()
Typed = Callable[..., tuple[int, str]]
ASIDE = ("set-aside", "shipment-orders", "0", "17", "--reason", "The vendor's date is broken.")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str, tmp_path: Path) -> Typed:
    """Types a command and gives its exit status and what it said, which is never a stack trace."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "1"}]}))
    claims = {"iss": "id", "aud": "gate", "sub": "u-17", "name": "J. Rivera", "exp": clock.now() + timedelta(hours=1)} | LEAD
    given = {
        "database_url": database_url, "jwks": str(tmp_path / "keys.json"), "issuer": "id", "audience": "gate",
        "token": jwt.encode(claims, KEY, "EdDSA", headers={"kid": "1"}),
    }  # fmt: skip
    for name, text in given.items():
        monkeypatch.setenv(f"GATEKEEPER_{name.upper()}", text)

    def run(*words: str, **changed: str) -> tuple[int, str]:
        with monkeypatch.context() as patched:
            for name, text in changed.items():
                patched.setenv(f"GATEKEEPER_{name.upper()}", text)
            with pytest.raises(SystemExit) as ended:
                main(words, prog_name="gatekeeper")
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    migrate(engine)
    with transaction(engine) as cursor:
        ledger.source_of(cursor, "shipment-orders", "first-life")
    yield engine
    engine.dispose()


def asked(engine: Engine, statement: str) -> list[Any]:
    with transaction(engine) as cursor:
        return cursor.execute(statement.encode()).fetchall()


def test_migrating_twice_is_migrating_once(typed: Typed) -> None:
    first = typed("migrate")
    assert first == typed("migrate")
    assert first[0] == 0
    assert first[1].startswith("The database is of version ")


def test_an_embedded_database_is_made_and_found_again() -> None:
    # Not in pytest's folder: another run of the tests closes that to all users but its own, and the server may run as another.
    with tempfile.TemporaryDirectory() as home:
        for command, said in (("migrate", "The database is of version "), ("verify", "Everything fits: 0 blocks with 0 rows")):
            words = [sys.executable, "-c", "from gatekeeper.cli import main; main()", command]
            ended = subprocess.run(words, env=os.environ | {"GATEKEEPER_HOME": home}, capture_output=True, text=True, check=False)
            assert (ended.returncode, ended.stderr) == (0, "")
            assert ended.stdout.startswith(said)


@pytest.mark.parametrize("command", [("migrate",), ("verify",), ASIDE])
def test_a_database_that_is_away_is_one_sentence(typed: Typed, command: tuple[str, ...]) -> None:
    away = f"postgresql://gate:hush@127.0.0.1:{free_ports(1)[0]}/ledger"
    assert typed(*command, database_url=away) == (1, "The database cannot be reached: Connection refused.\n")


def test_a_database_of_a_later_version_is_one_sentence(typed: Typed, engine: Engine) -> None:
    with transaction(engine) as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = '9999'")
    assert typed("migrate") == (2, "The database is of a version that this program does not know: install a newer one.\n")


def test_a_user_without_rights_is_one_sentence(typed: Typed, database_url: str) -> None:
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DO $$BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$")
    status, said = typed("migrate", database_url=database_url.replace("postgres@", "guest@"))
    assert (status, said) == (2, "The database's user lacks a right that the gatekeeper needs: it must own the tables.\n")


def test_the_doctor_finds_nothing_wrong(typed: Typed, engine: Engine) -> None:
    status, said = typed("doctor")
    lines = said.splitlines()
    assert [line.split()[1] for line in lines][:7] == ["settings", "database", "ledger", "commits", "evidence", "clock", "programs"]
    assert all(line.startswith("good ") for line in lines[:7])
    assert status == any(line.startswith("WRONG") for line in lines)
    assert asked(engine, "SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("DROP TABLE alembic_version", "ledger"),
        ("ALTER DATABASE {database} SET synchronous_commit = off", "commits"),
        ("ALTER TABLE arrival DISABLE TRIGGER only_added", "evidence"),
        ("ALTER TABLE fact ENABLE TRIGGER only_added", "evidence"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_the_database(typed: Typed, engine: Engine, statement: str, line: str) -> None:
    with transaction(engine) as cursor:
        cursor.execute(statement.format(database=engine.url.database).encode())
    status, said = typed("doctor")
    assert status == 1
    assert [each.split()[1] for each in said.splitlines()[:7] if each.startswith("WRONG")] == [line]


def test_the_doctor_comes_before_the_first_migration(typed: Typed) -> None:
    status, said = typed("doctor")
    wrong = [line.split(maxsplit=2)[1:] for line in said.splitlines() if line.startswith("WRONG") and "KAFKA" not in line]
    assert status == 1
    assert [about for about, _ in wrong] == ["ledger", "evidence", "registries"]
    assert all(sentence.endswith("run `gatekeeper migrate` first.") for _, sentence in wrong)


def test_the_doctor_goes_on_when_the_database_is_away(typed: Typed) -> None:
    status, said = typed("doctor", database_url=f"postgresql://gate:hush@127.0.0.1:{free_ports(1)[0]}/x")
    assert status == 1
    assert "hush" not in said
    assert [line.startswith("good ") for line in said.splitlines()[:7]] == [True, False, False, False, False, False, True]


def test_the_doctor_says_what_is_wrong_with_settings_and_rules(typed: Typed, tmp_path: Path, engine: Engine) -> None:
    assert typed("doctor", health_port="x") == (1, "WRONG  settings     GATEKEEPER_HEALTH_PORT must be a whole number from 1 to 65535.\n")
    (tmp_path / "none").mkdir()
    status, said = typed("doctor", programs=str(tmp_path / "none"))
    assert status == 1
    assert "WRONG  programs " in said
    assert asked(engine, "SELECT 1") == [(1,)]


def test_clocks_that_are_apart_are_wrong(typed: Typed, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CLOCK_LIMIT_S", -1.0)
    status, said = typed("doctor")
    assert status == 1
    assert "WRONG  clock        The clocks of this machine and of the database are 0.0 seconds apart: set both by NTP." in said
    assert asked(engine, "SELECT 1") == [(1,)]


@pytest.mark.parametrize(("there", "apart"), [(0, 0.0), (1, 0.0), (2, 0.0), (-3, 3.0), (9, 7.0)])
def test_how_far_a_clock_is_off(there: int, apart: float) -> None:
    now = clock.now()
    assert seconds_apart(now, now + timedelta(seconds=there), now + timedelta(seconds=2)) == apart


def test_a_message_is_set_aside_on_record(typed: Typed, engine: Engine) -> None:
    status, said = typed(*ASIDE)
    assert status == 0
    assert said.startswith("shipment-orders/0/17 is set aside, on record in block 2 with the name of J. Rivera.")
    with transaction(engine) as cursor:
        assert ledger.set_aside(cursor, 1) == {(0, 17): "The vendor's date is broken."}
    assert asked(engine, "SELECT person, block FROM set_aside") == [("u-17", 2)]
    assert typed("verify")[0] == 0


def test_the_topic_may_be_named_with_its_prefix(typed: Typed, engine: Engine) -> None:
    assert typed("set-aside", "east.shipment-orders", *ASIDE[2:], topic_prefix="east.")[0] == 0
    status, said = typed(*ASIDE, topic_prefix="east.")
    assert (status, said) == (2, "shipment-orders/0/17 is set aside already, by u-17.\n")
    assert asked(engine, "SELECT source FROM set_aside") == [(1,)]


def test_nothing_is_in_the_way_of_a_topic_that_nobody_reads(typed: Typed, engine: Engine) -> None:
    status, said = typed("set-aside", "shipment-events", *ASIDE[2:])
    assert (status, said) == (2, "No consumer has read shipment-events yet, so nothing there is in anybody's way.\n")
    assert asked(engine, "SELECT 1 FROM set_aside") == []


def test_a_message_is_set_aside_once(typed: Typed, engine: Engine) -> None:
    assert typed(*ASIDE)[0] == 0
    assert typed(*ASIDE) == (2, "shipment-orders/0/17 is set aside already, by u-17.\n")
    assert asked(engine, "SELECT count(*) FROM block") == [(2,)]


def test_what_has_been_judged_is_not_set_aside(typed: Typed, engine: Engine) -> None:
    with transaction(engine) as cursor:
        old, new = ledger.source_of(cursor, "shipment-orders", "first"), ledger.source_of(cursor, "shipment-orders", "again")
        insert(cursor, Added(tables.HEAD, [(old, 0, 400), (new, 0, 18), (new, 1, 900)]))
    status, said = typed(*ASIDE)
    assert (status, said.partition(":")[0]) == (2, "shipment-orders/0/17 has been judged already")
    with transaction(engine) as cursor:
        cursor.execute("UPDATE moving_head SET next_offset = 17 WHERE source = %s AND partition = 0", (new,))
    assert typed(*ASIDE)[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("shipments-released", "0", "1", "--reason", "x"), "The topic must be one of shipment-orders, "),
        (("west.shipment-orders", "0", "1", "--reason", "x"), "The topic must be one of shipment-orders, "),
        (("east.shipment-orders", "0", "1", "--reason", " "), "The reason must be a text of 1 to 500 characters on one line."),
        (("east.shipment-orders", "0", "1", "--reason", "a\nb"), "The reason must be a text of 1 to 500 characters on one line."),
        (("east.shipment-orders", "0", "1", "--reason", "x" * 501), "The reason must be a text of 1 to 500 characters on one line."),
        (("east.shipment-orders", "-1", "1", "--reason", "x"), "No such option"),
        (("east.shipment-orders", "0", "9223372036854775808", "--reason", "x"), "Invalid value for 'OFFSET'"),
        (("east.shipment-orders", "x", "1", "--reason", "x"), "Invalid value for 'PARTITION'"),
        (("east.shipment-orders", "0", "1"), "Missing option '--reason'"),
    ],
)
def test_what_cannot_be_set_aside_is_one_sentence(typed: Typed, engine: Engine, words: tuple[str, ...], sentence: str) -> None:
    status, said = typed("set-aside", *words, topic_prefix="east.")
    assert status == 2
    assert said.startswith(sentence)
    assert asked(engine, "SELECT count(*) FROM block") == [(1,)]


def test_nobody_sets_aside_without_a_token(typed: Typed, engine: Engine) -> None:
    assert typed(*ASIDE, token="") == (2, "This command acts for a person: GATEKEEPER_TOKEN must hold that person's token.\n")
    assert typed(*ASIDE, token="hush") == (2, "The token cannot be read: it must be a JSON Web Token.\n")  # noqa: S106
    assert asked(engine, "SELECT count(*) FROM block") == [(1,)]


def test_the_ledger_is_verified_up_to_its_head(typed: Typed, engine: Engine) -> None:
    typed(*ASIDE)
    head = asked(engine, "SELECT encode(hash, 'hex') FROM moving_tail")[0][0]
    assert typed("verify", "--head", head) == (0, f"Everything fits: 2 blocks with 2 rows, up to {head}.\n")
    assert typed("verify", "--head", "0" * 64) == (1, f"No block has the hash {'0' * 64}: this is not the ledger that published it.\n")
    assert typed("verify", "--head", "x")[0] == 2


def test_a_ledger_that_does_not_fit_is_said(typed: Typed, engine: Engine, database_url: str) -> None:
    typed(*ASIDE)
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        connection.execute("ALTER TABLE set_aside DISABLE TRIGGER only_added")
        connection.execute("UPDATE set_aside SET reason = 'another'")
    assert typed("verify") == (1, "Block 2 does not fit. The rows that it recorded are not as they were.\n")
    assert asked(engine, "SELECT 1") == [(1,)]
