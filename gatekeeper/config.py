"""The settings: one frozen tree, read once, from the environment and an optional TOML file."""

# ruff: noqa: RUF009 - what is called makes the field

import difflib
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from gatekeeper import readers
from gatekeeper.errors import Unusable
from gatekeeper.people.permissions import BUILT_IN, Role, read_roles
from gatekeeper.readers import ClientOptions, Secret, WrongValueError

PREFIX = "GATEKEEPER_"
FILE = PREFIX + "SETTINGS"
"""Names the optional TOML file, whose keys are the names of the fields. What the environment says comes first."""


def _setting(read: Callable[[str], Any], default: Any, about: str, *, unit: str = "", without: str = "") -> Any:
    """A field: how its text is read, its value where it is not given (and that in words), and a sentence about it."""
    return field(default=default, metadata={"read": read, "about": about, "unit": unit, "without": without})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting. Those that could hold a password show themselves to nobody."""

    database_url: Secret | None = _setting(
        Secret, None, "The PostgreSQL database that keeps the ledger, as postgresql://user:password@host/database.",
        without="an embedded server with its files in `GATEKEEPER_HOME`",
    )  # fmt: skip
    home: Path = _setting(
        readers.path_of,
        Path(),
        "The folder of what this machine keeps: the files of the embedded database.",
        without="`.gatekeeper` in the user's home",
    )
    kafka_bootstrap_servers: str | None = _setting(
        readers.servers, None, "The brokers to ask first, as host:port, with commas between.", without="none: what needs a broker says so"
    )
    kafka_options: ClientOptions = _setting(
        readers.client_options, ClientOptions(),
        "A JSON or TOML file (`.toml`) of options for the Kafka client: TLS, SASL, tuning. The gatekeeper's own options are refused there.",
        without="none",
    )  # fmt: skip
    topic_prefix: str = _setting(
        readers.matching(r"[A-Za-z0-9._-]{0,64}", "at most 64 letters, digits, points, underscores and hyphens"), "",
        "What stands before the name of every topic and of the group, with its own separator.",
    )  # fmt: skip
    programs: Path | None = _setting(readers.folder, None, "The folder of the programs' rules.", without="the built-in rules")
    programs_added: tuple[str, ...] = _setting(
        readers.names, (),
        "Programs to put in force beside those of the folder, of which rules come along: their names, with commas between.",
        without="none; their products are not restricted",
    )  # fmt: skip
    group: str = _setting(
        readers.matching(r"[A-Za-z0-9._-]{1,128}", "1 to 128 letters, digits, points, underscores and hyphens"), "gatekeeper.orders",
        "The consumer group that reads the orders, without the prefix.",
    )  # fmt: skip
    facts_group: str = _setting(
        readers.matching(r"[A-Za-z0-9._-]{1,128}", "1 to 128 letters, digits, points, underscores and hyphens"), "gatekeeper.facts",
        "The consumer group that reads the registries' facts, without the prefix.",
    )  # fmt: skip
    events_group: str = _setting(
        readers.matching(r"[A-Za-z0-9._-]{1,128}", "1 to 128 letters, digits, points, underscores and hyphens"), "gatekeeper.events",
        "The consumer group that reads the shipment events, without the prefix.",
    )  # fmt: skip
    acknowledgements_group: str = _setting(
        readers.matching(r"[A-Za-z0-9._-]{1,128}", "1 to 128 letters, digits, points, underscores and hyphens"),
        "gatekeeper.acknowledgements",
        "The consumer group that reads the acknowledgements of the REMS, without the prefix.",
    )
    reporting_wholesalers: tuple[str, ...] = _setting(
        readers.names, (),
        "Wholesalers whose warehouse reports shipments, with commas between: a higher revision of what was released waits for its word.",
        without="none; a higher revision itself says that the goods of the lower ones stay",
    )  # fmt: skip
    watch_business_days: int = _setting(
        readers.whole_number(0, 60), 3,
        "So many business days after the day on which it is to ship a released line may still be withdrawn.", unit="days",
    )  # fmt: skip
    order_wait_s: int = _setting(
        readers.whole_number(0, 604_800), 900,
        "So long, at most, a shipment event waits for its order before its goods count as shipped past the gate.", unit="seconds",
    )  # fmt: skip
    missing_facts_alert_s: int = _setting(
        readers.whole_number(1, 604_800), 900, "After this an alert is raised about facts that were sent and have not come.", unit="seconds"
    )
    acknowledgement_alert_h: int = _setting(
        readers.whole_number(0, 8760), 72,
        "So long after the end of the day an alert is raised about records that were not acknowledged; 0: never.", unit="hours",
    )  # fmt: skip
    unused_alert_business_days: int = _setting(
        readers.whole_number(0, 250), 10,
        "So many business days before unused vials must be back an alert is raised about those that are not; 0: never.",
        unit="days",
    )  # fmt: skip
    feed_layouts: Path | None = _setting(
        readers.folder, None, "The folder of the layouts by which records are written to files.", without="the built-in layouts"
    )
    feed_folder: Path | None = _setting(
        readers.path_of, None, "The folder to which files of records are written.", without="`feed` in `GATEKEEPER_HOME`"
    )
    batch_messages: int = _setting(
        readers.whole_number(1, 100_000), 2000, "The most messages judged in one database transaction.", unit="messages"
    )
    batch_bytes: int = _setting(
        readers.whole_number(65_536, 268_435_456),
        4_194_304,
        "The most bytes of messages judged in one database transaction; but one message, however large.",
        unit="bytes",
    )
    transaction_timeout_s: int = _setting(
        readers.whole_number(1, 900), 10, "After this the broker ends the Kafka transaction of a consumer that has gone.", unit="seconds"
    )
    session_timeout_s: int = _setting(
        readers.whole_number(1, 1800), 6, "After this without a heartbeat a consumer counts as gone.", unit="seconds"
    )
    poll_interval_s: int = _setting(
        readers.whole_number(1, 86_400), 60, "After this without reading a consumer counts as stuck.", unit="seconds"
    )
    stop_deadline_s: int = _setting(
        readers.whole_number(1, 3600), 10, "How long a consumer that is told to stop may take to end its batch.", unit="seconds"
    )
    registry_loss_percent: int = _setting(
        readers.whole_number(0, 100),
        10,
        "A snapshot in which more of the certified sites vanish or lose certification needs a confirmation.",
        unit="percent",
    )
    refused_file_mib: int = _setting(
        readers.whole_number(1, 65_536),
        512,
        "Of a refused snapshot file that is larger only the digest and the beginning are kept.",
        unit="MiB",
    )
    health_host: str = _setting(
        readers.matching(r"[A-Za-z0-9.:_-]{1,253}", "a host name or an address"), "127.0.0.1", "Where health and metrics are served."
    )
    health_port: int | None = _setting(
        readers.whole_number(1, 65_535), None, "The port for health and metrics.", without="they are not served"
    )
    http_host: str = _setting(
        readers.matching(r"[A-Za-z0-9.:_-]{1,253}", "a host name or an address"), "127.0.0.1", "Where `gatekeeper serve` listens."
    )
    http_port: int = _setting(readers.whole_number(1, 65_535), 8080, "The port on which it listens.", unit="TCP port")
    http_threads: int = _setting(readers.whole_number(1, 64), 8, "How many requests it answers at the same time.", unit="requests")
    http_request_s: int = _setting(
        readers.whole_number(1, 600), 10, "How long a request may take to come whole; of a slower one nothing more is read.", unit="seconds"
    )
    http_rate: int = _setting(
        readers.whole_number(1, 100_000), 100,
        "How often one caller may ask, on the average; more is answered with 429. Each process counts for itself.",
        unit="requests a second",
    )  # fmt: skip
    http_origins: frozenset[str] = _setting(
        readers.origins, frozenset(), "Whose pages may ask from a browser: origins such as https://desk.example, with commas between.",
        without="none",
    )  # fmt: skip
    roles: tuple[Role, ...] = _setting(
        read_roles, BUILT_IN, "A TOML or JSON file of roles: by the name of each, the list of its permissions.",
        without="the built-in roles, see [http.md](http.md)",
    )  # fmt: skip
    log_level: str = _setting(readers.one_of("debug", "info", "warning", "error"), "info", "The least level of the lines that are logged.")
    jwks: Path | None = _setting(
        readers.file, None, "The JWKS file with the keys that sign people's tokens.", without="none: no command acts for a person"
    )
    jwks_url: str | None = _setting(
        readers.key_address, None,
        "In the place of the file: where these keys are fetched, by https, or by http on this machine. `discover` takes the address from "
        "the OpenID document of `GATEKEEPER_ISSUER`.",
        without="none",
    )  # fmt: skip
    issuer: str | None = _setting(
        readers.matching(r"[!-~]{1,500}", "1 to 500 characters without blanks"),
        None,
        "Who must have issued a token (`iss`).",
        without="none",
    )
    audience: str | None = _setting(
        readers.matching(r"[!-~]{1,500}", "1 to 500 characters without blanks"), None, "For whom a token must be (`aud`).", without="none"
    )
    token: Secret | None = _setting(Secret, None, "The token (JWT) of the person for whom a command acts.", without="none")

    @property
    def groups(self) -> dict[str, str]:
        """By consumer, its group's name on the broker."""
        groups = {
            "orders": self.group,
            "facts": self.facts_group,
            "events": self.events_group,
            "acknowledgements": self.acknowledgements_group,
        }
        return {consumer: self.topic_prefix + group for consumer, group in groups.items()}


def variable(setting: Field[Any]) -> str:
    """The environment variable of a field."""
    return PREFIX + setting.name.upper()


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that ``environ`` and the file it names give. Raises ``Unusable`` for one that is unknown or cannot be used.

    A variable or key whose text is empty counts as not given.
    """
    given: dict[str, tuple[str, str]] = {}
    path = environ.get(FILE)
    if path:
        given |= _of_file(path)
    given |= _of_environment(environ)
    values = {setting.name: _read(setting, *given[setting.name]) for setting in fields(Settings) if setting.name in given}
    if "home" not in values:
        values["home"] = _read(_FIELDS["home"], variable(_FIELDS["home"]), "~/.gatekeeper")
    settings = Settings(**values)
    if settings.jwks is not None and settings.jwks_url is not None:
        raise Unusable("Only one of GATEKEEPER_JWKS and GATEKEEPER_JWKS_URL may be given.")
    if settings.jwks_url == readers.DISCOVER:
        _read_as(readers.web_address, variable(_FIELDS["issuer"]), settings.issuer or "")
    if settings.session_timeout_s > settings.poll_interval_s:
        raise Unusable("GATEKEEPER_SESSION_TIMEOUT_S must not be longer than GATEKEEPER_POLL_INTERVAL_S.")
    if len(set(settings.groups.values())) < len(settings.groups):
        # Their transactional ids would be the same too: one consumer would end what the other began.
        raise Unusable("GATEKEEPER_GROUP and the other groups must differ from each other.")
    return settings


_FIELDS = {setting.name: setting for setting in fields(Settings)}


def _of_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    by_variable = {variable(setting): name for name, setting in _FIELDS.items()}
    given = {name: text for name, text in environ.items() if name.startswith(PREFIX) and name != FILE}
    for name in sorted(given):
        if name not in by_variable:
            raise Unusable(f"{_shown(name)} is no setting of the gatekeeper{_meant(PREFIX, name)}.")
    return {by_variable[name]: (name, text) for name, text in given.items() if text}


def _of_file(path: str) -> dict[str, tuple[str, str]]:
    try:
        table = readers.document(_toml_file(path))
    except WrongValueError as error:
        raise Unusable(f"{FILE} {error}") from None
    given = {}
    for key, value in table.items():
        named = f"{_shown(key)} in the file of {FILE}"
        if key not in _FIELDS:
            raise Unusable(f"{named} is no setting of the gatekeeper{_meant('', key)}.")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Unusable(f"{named} must be a text or a whole number.")
        if value != "":
            given[key] = (named, str(value))
    return given


def _toml_file(path: str) -> Path:
    if not path.endswith(".toml"):
        raise WrongValueError("must name a TOML file, ending with .toml.")
    return readers.file(path)


def _read(setting: Field[Any], named: str, text: str) -> Any:
    if not text.isprintable():
        raise Unusable(f"{named} has a character that cannot be printed.")
    return _read_as(setting.metadata["read"], named, text)


def _read_as(read: Callable[[str], Any], named: str, text: str) -> Any:
    try:
        return read(text)
    except WrongValueError as error:
        raise Unusable(f"{named} {error}") from None


def _shown(name: str) -> str:
    return name[:80] if name.isascii() and name.isprintable() else ascii(name[:80])


def _meant(prefix: str, name: str) -> str:
    near = difflib.get_close_matches(name.removeprefix(prefix).lower(), _FIELDS, n=1)
    return f"; did you mean {variable(_FIELDS[near[0]]) if prefix else near[0]}" if near else ""
