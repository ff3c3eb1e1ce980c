"""The settings in force are readable, and nothing of a secret is."""

from dataclasses import fields, replace

from gatekeeper.api.app import make_app
from gatekeeper.config import Settings
from gatekeeper.readers import ClientOptions, Secret
from gatekeeper.rules import RuleBook
from tests.api.desk import Desk


def test_settings_are_shown_without_secrets(desk: Desk) -> None:
    secrets = {"database_url": Secret("postgresql://a:hush@b/c"), "token": Secret("hush"), "kafka_options": ClientOptions({"x": "hush"})}
    desk.app = make_app(replace(desk.settings, **secrets), desk.engine, RuleBook.read())
    desk.client = desk.app.test_client()
    answer = desk.ask("/v1/settings", "operator")
    assert b"hush" not in answer.data
    shown = {one["name"]: one for one in answer.get_json()["settings"]}
    assert list(shown) == [field.name for field in fields(Settings)]
    assert {name for name, one in shown.items() if not one["shown"]} == set(secrets)
    assert all(shown[name]["given"] for name in secrets)
    assert (shown["batch_messages"]["value"], shown["batch_messages"]["given"]) == (2000, False)
    assert shown["roles"]["value"]["operator"] == ["messages.set-aside", "metrics.read", "rules.read", "settings.read"]
    assert desk.problem("/v1/settings", "compliance-reader") == "not-permitted"
