"""Sizes, names and places: what a reader meets first."""

import re
from pathlib import Path

from tests.house import source

LONGEST = 300
WRITTEN_BY_HAND = {".py", ".sh", ".js", ".css", ".html", ".sql"}

# name of a file: why it may be longer
MAY_BE_LONGER: dict[str, str] = {}

NAMELESS = {"process", "manager", "service", "helper", "util", "common", "data", "info", "payload", "handler"}

# name: the library that asks for it
ASKED_FOR = {
    "process_bind_param": "SQLAlchemy",
    "process_result_value": "SQLAlchemy",
    "info": "gunicorn",
    "init_process": "gunicorn",
    "_register_error_handlers": "flask-smorest",
}

MACHINE_PATH = re.compile(rf"(?<![\w.~$}}/-])/({'|'.join(('home', 'root', 'tmp', 'work', 'Users'))})/\w")
REGISTRY_HOST = re.compile("|".join(re.escape(".".join(host)) for host in (
    ("pypi", "org"), ("files", "pythonhosted", "org"), ("repo", "maven", "apache", "org"), ("repo1", "maven", "org"),
    ("registry", "npmjs", "org"), ("registry", "yarnpkg", "com"), ("proxy", "golang", "org"),
)), re.IGNORECASE)  # fmt: skip


def nameless(name: str) -> bool:
    """Whether one of the name's words, in singular or plural, says nothing."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return any(word.lower() in NAMELESS or re.sub(r"e?s$", "", word.lower()) in NAMELESS for word in words)


def places_of_machines(text: str) -> list[source.Place]:
    return [
        source.Place(number, found[0])
        for number, line in enumerate(text.splitlines(), 1)
        for found in (*MACHINE_PATH.finditer(line), *REGISTRY_HOST.finditer(line))
    ]


def text_of(path: Path) -> str:
    """The file's text, or nothing where it is not text."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def test_files_are_short() -> None:
    too_long = {
        source.named(path): lines
        for path in source.files()
        if path.suffix in WRITTEN_BY_HAND and (lines := len(path.read_text().splitlines())) > LONGEST
    }
    assert set(too_long) - set(MAY_BE_LONGER) == set(), too_long
    assert set(MAY_BE_LONGER) <= set(too_long), "a file that is short again needs no exception"


def test_names_say_something() -> None:
    found = [
        f"{source.named(path)}:{place.line} {place.found}"
        for path in source.modules(*source.PACKAGES)
        for place in (source.Place(0, path.stem), source.Place(0, path.parent.name), *source.definitions(path.read_text()))
        if nameless(place.found) and place.found not in ASKED_FOR
    ]
    assert not found


def test_the_check_of_names_sees_what_it_should() -> None:
    assert [name for name in ("OrderManager", "utils", "read_data", "HTTPHandler", "_process", "helpers") if not nameless(name)] == []
    assert [name for name in ("metadata", "decide", "Order", "informed", "commonly", "database_url") if nameless(name)] == []


def test_a_program_is_named_among_its_rules_only() -> None:
    programs = {path.stem.partition("-")[0] for path in source.files("gatekeeper/programs") if path.suffix == ".toml"}
    assert {"lemtrada", "macitentan"} <= programs
    named = {
        source.named(path): found
        for path in source.files("gatekeeper")
        if "programs" not in path.relative_to(source.ROOT).parts
        and (found := [name for name in programs if name in f"{path.name}\n{text_of(path)}".lower()])
    }
    assert not named


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = {source.named(path): places for path in source.files() if (places := places_of_machines(text_of(path)))}
    assert not found


def test_the_check_of_machines_sees_what_it_should() -> None:
    home, host = "/".join(("", "home", "ann", "gate")), ".".join(("files", "pythonhosted", "org"))
    assert places_of_machines(f"one\nsee {home}") == [(2, "/".join(("", "home", "a")))]
    assert places_of_machines(f"https://{host}/simple") == [(1, host)]
    assert not places_of_machines("GET /v1/work/items, examples/home/x, ./tmp/x")
