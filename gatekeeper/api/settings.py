"""The settings in force, without anything that is a secret."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from gatekeeper.api.areas import Area, parts
from gatekeeper.config import Settings, variable
from gatekeeper.people.permissions import Permission, Role
from gatekeeper.readers import ClientOptions, Secret

AREA = Area("settings", __name__, "Settings in force.")


class SettingShown(msgspec.Struct):
    """One setting of the program that answers."""

    name: str
    variable: str
    """The environment variable that sets it."""
    about: str
    unit: str
    value: Any
    """Null where there is none, and where it is not shown."""
    given: bool
    """It differs from what holds where nothing is given."""
    shown: bool
    """False of what may hold a secret."""


class SettingList(msgspec.Struct):
    """In the order of the page about them."""

    settings: list[SettingShown]


@AREA.operation("GET", "/v1/settings", Permission.READ_SETTINGS, SettingList)
def list_settings() -> Any:
    """Every setting of this program, with its value; of what may hold a secret only whether it is given."""
    return SettingList([_shown(field) for field in fields(Settings)])


def _shown(field: Any) -> SettingShown:
    value = getattr(parts().settings, field.name)
    hidden = isinstance(value, Secret | ClientOptions)
    about, unit = field.metadata["about"], field.metadata["unit"]
    return SettingShown(field.name, variable(field), about, unit, None if hidden else _plain(value), value != field.default, not hidden)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple) and any(isinstance(each, Role) for each in value):
        return {role.name: sorted(role.permissions) for role in value}
    return list(value) if isinstance(value, tuple) else value
