"""The settings: each is read or refused with one sentence, and what is secret never shows."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from gatekeeper.config import Settings, read_settings, variable
from gatekeeper.errors import Unusable


def refusal(**given: str) -> str:
    with pytest.raises(Unusable) as refused:
        read_settings({f"GATEKEEPER_{name.upper()}": text for name, text in given.items()})
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")
    return str(refused.value)


def test_nothing_given_is_all_defaults() -> None:
    settings = read_settings({})
    assert settings.database_url is None
    assert settings.home == Path("~/.gatekeeper").expanduser()
    assert (settings.batch_messages, settings.batch_bytes) == (2000, 4 * 1024 * 1024)
    assert (settings.transaction_timeout_s, settings.session_timeout_s, settings.poll_interval_s, settings.stop_deadline_s) == (
        10,
        6,
        60,
        10,
    )
    assert (settings.registry_loss_percent, settings.health_host, settings.health_port) == (10, "127.0.0.1", None)
    assert settings.groups["orders"] == "gatekeeper.orders"
    assert not settings.kafka_options


def test_every_setting_says_what_it_is() -> None:
    for setting in fields(Settings):
        assert setting.metadata["about"].endswith(".")
        number = isinstance(setting.default, int)
        assert bool(setting.metadata["unit"]) == number, setting.name
        assert setting.default not in {None, Path()} or setting.metadata["without"], setting.name


def test_what_is_given_is_read(tmp_path: Path) -> None:
    options = tmp_path / "client.toml"
    options.write_text('security.protocol = "SASL_SSL"\n"sasl.password" = "hush"\nlinger.ms = 5\n')
    settings = read_settings({
        "PATH": "elsewhere",
        "GATEKEEPER_TOPIC_PREFIX": "east.",
        "GATEKEEPER_KAFKA_BOOTSTRAP_SERVERS": "one:9092,[::1]:9093",
        "GATEKEEPER_KAFKA_OPTIONS": str(options),
        "GATEKEEPER_PROGRAMS": str(tmp_path),
        "GATEKEEPER_HEALTH_PORT": "8080",
        "GATEKEEPER_LOG_LEVEL": "WARNING",
        "GATEKEEPER_ISSUER": "",
    })  # fmt: skip
    assert settings.groups["orders"] == "east.gatekeeper.orders"
    assert settings.kafka_bootstrap_servers == "one:9092,[::1]:9093"
    assert dict(settings.kafka_options) == {"security.protocol": "SASL_SSL", "sasl.password": "hush", "linger.ms": 5}
    assert settings.programs == tmp_path
    assert settings.health_port == 8080
    assert settings.log_level == "warning"
    assert settings.issuer is None


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    given = tmp_path / "gatekeeper.toml"
    given.write_text('batch_messages = 50\ngroup = "night"\nissuer = ""\n')
    settings = read_settings({"GATEKEEPER_SETTINGS": str(given), "GATEKEEPER_GROUP": "day"})
    assert (settings.batch_messages, settings.group, settings.issuer) == (50, "day", None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "batch_message = 1\n",
            "batch_message in the file of GATEKEEPER_SETTINGS is no setting of the gatekeeper; did you mean batch_messages.",
        ),
        ("batch_messages = true\n", "batch_messages in the file of GATEKEEPER_SETTINGS must be a text or a whole number."),
        ("batch_messages = 0\n", "batch_messages in the file of GATEKEEPER_SETTINGS must be a whole number from 1 to 100000."),
        ("token = \n", "GATEKEEPER_SETTINGS is not valid TOML (line 1)."),
    ],
)
def test_the_file_is_held_to_the_same(tmp_path: Path, content: str, said: str) -> None:
    given = tmp_path / "gatekeeper.toml"
    given.write_text(content)
    assert refusal(settings=str(given)) == said


def test_the_file_must_be_there_and_be_toml(tmp_path: Path) -> None:
    assert refusal(settings=str(tmp_path / "away.toml")) == "GATEKEEPER_SETTINGS names no file."
    assert refusal(settings=str(tmp_path / "settings.yaml")) == "GATEKEEPER_SETTINGS must name a TOML file, ending with .toml."
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    assert refusal(settings=str(tmp_path / "bytes.toml")) == "GATEKEEPER_SETTINGS is not UTF-8 text."


def test_an_unknown_variable_is_named_and_the_nearest_meant() -> None:
    assert refusal(helth_port="1") == "GATEKEEPER_HELTH_PORT is no setting of the gatekeeper; did you mean GATEKEEPER_HEALTH_PORT."
    assert refusal(qqq="P-1") == "GATEKEEPER_QQQ is no setting of the gatekeeper."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("batch_messages", "0"), ("batch_messages", "100001"), ("batch_messages", "1e3"), ("batch_messages", "٣"),
        ("batch_messages", "9" * 500), ("batch_bytes", "1"), ("health_port", "65536"), ("health_port", "0"),
        ("registry_loss_percent", "101"), ("registry_loss_percent", "-1"),
        ("topic_prefix", "a b"), ("topic_prefix", "x" * 65), ("group", "a/b"), ("log_level", "loud"), ("health_host", "a b"),
        ("kafka_bootstrap_servers", "one:0"), ("kafka_bootstrap_servers", "one,,two"), ("kafka_bootstrap_servers", "one:99999"),
        ("programs", "/nowhere/at/all"), ("jwks", "/nowhere/at/all"), ("jwks", "x" * 5000), ("home", "~nobody-of-this-name/x"),
        ("issuer", "two words"), ("audience", "\x07"), ("token", "one\ntwo"), ("group", "\udcff"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_name(name: str, text: str) -> None:
    said = refusal(**{name: text})
    assert said.startswith(f"GATEKEEPER_{name.upper()} ")
    assert len(said) < 200


def test_a_session_outlives_no_poll_interval() -> None:
    assert refusal(session_timeout_s="61") == "GATEKEEPER_SESSION_TIMEOUT_S must not be longer than GATEKEEPER_POLL_INTERVAL_S."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"group.id": "mine"}', "has the option group.id, which is not free: the gatekeeper sets it itself."),
        ('{"sasl": {"password": null}}', "has the option sasl.password, which is neither a text nor a number nor true or false."),
        ('{"Pass word": "hush"}', "has an option whose name is not made of a-z, 0-9, points and underscores."),
        ('["hush"]', "does not hold names with values."),
        ('{"sasl.password": "hush', "is not valid JSON (line 1)."),
        ("[" * 100_000, "is not valid JSON."),
    ],
)
def test_client_options_are_refused_without_showing_them(tmp_path: Path, content: str, said: str) -> None:
    options = tmp_path / "client.json"
    options.write_text(content)
    assert refusal(kafka_options=str(options)) == f"GATEKEEPER_KAFKA_OPTIONS {said}"


def test_secrets_never_show(tmp_path: Path) -> None:
    options = tmp_path / "client.json"
    options.write_text(json.dumps({"sasl.password": "hush-1"}))
    settings = read_settings({
        "GATEKEEPER_DATABASE_URL": "postgresql://gate:hush-2@db/ledger",
        "GATEKEEPER_TOKEN": "hush-3",
        "GATEKEEPER_KAFKA_OPTIONS": str(options),
    })  # fmt: skip
    for shown in (
        repr(settings),
        str(settings),
        f"{settings.token} {settings.token!r} {settings.database_url}",
        str(settings.kafka_options),
    ):
        assert "hush" not in shown
    assert settings.token is not None
    assert settings.token.reveal() == "hush-3"
    assert settings.kafka_options["sasl.password"] == "hush-1"


def test_a_folder_that_may_not_be_looked_into_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deep = tmp_path / "x"
    deep.symlink_to(deep)
    monkeypatch.chdir(tmp_path)
    assert refusal(programs="x") == "GATEKEEPER_PROGRAMS names no folder."


def test_the_names_of_variables_are_the_contracts() -> None:
    assert {variable(setting) for setting in fields(Settings)} >= {
        "GATEKEEPER_DATABASE_URL", "GATEKEEPER_HOME", "GATEKEEPER_KAFKA_BOOTSTRAP_SERVERS", "GATEKEEPER_KAFKA_OPTIONS",
        "GATEKEEPER_TOPIC_PREFIX", "GATEKEEPER_PROGRAMS", "GATEKEEPER_TOKEN",
    }  # fmt: skip


def test_two_consumers_must_not_share_a_group() -> None:
    """Their transactional ids would be the same too."""
    with pytest.raises(Unusable, match="must differ from each other"):
        read_settings({"GATEKEEPER_FACTS_GROUP": "gatekeeper.orders"})
