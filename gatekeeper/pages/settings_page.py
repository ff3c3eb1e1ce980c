"""The page about the settings, made from their fields."""

from dataclasses import Field, fields
from typing import Any

from gatekeeper.config import FILE, Settings, variable

HEAD = f"""# Settings

Made from the code by `make docs`.

Each setting is an environment variable. `{FILE}` may name a TOML file, whose keys are the names in small letters without
`GATEKEEPER_` (`batch_messages = 500`); the environment comes first. A variable or key that is empty counts as not given. One that is
not in this table is an error, as is a value that cannot be used: the program says which, in one sentence, and ends with 2. The
database's address, the token and the Kafka client's options are never shown.

| variable | unit | where not given | what it is |
| --- | --- | --- | --- |
"""


def settings_page() -> str:
    """The page, as Markdown."""
    return HEAD + "".join(
        f"| `{variable(setting)}` | {setting.metadata['unit']} | {_default(setting)} | {setting.metadata['about']} |\n"
        for setting in fields(Settings)
    )


def _default(setting: Field[Any]) -> str:
    words: str = setting.metadata["without"]
    return words or (f"`{setting.default}`" if setting.default != "" else "empty")
