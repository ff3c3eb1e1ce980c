"""Who may import what, where the clock is read, and where the client library lives."""

import sys

from tests.house import source

# What makes the outside world, or this machine, part of a decision.
NOT_PURE = {
    "asyncio", "ctypes", "http", "importlib", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil",
    "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib",
}  # fmt: skip

# name of a file: why it may sleep
MAY_SLEEP = {
    "tests/real/waiting.py": "asks again and again for what can only be asked, with a deadline",
    "tests/bench/snapshots.py": "measures what happens in so many seconds, and looks at a program's memory now and then",
    "tests/bench/suspension.py": "measures what happens in so many seconds",
    "tests/bench/wave.py": "measures what happens in so many seconds",
}


def impure(text: str) -> list[source.Place]:
    return [
        place for place in source.imports(text)
        if not (place.found == "gatekeeper.domain" or place.found.startswith("gatekeeper.domain."))
        and (place.found.partition(".")[0] not in sys.stdlib_module_names or place.found.partition(".")[0] in NOT_PURE)
    ]  # fmt: skip


def test_the_domain_imports_the_language_and_itself_only() -> None:
    found = {source.named(path): wrong for path in source.modules("gatekeeper/domain") if (wrong := impure(path.read_text()))}
    assert not found
    assert impure("import time") == [(1, "time")]
    assert impure("from gatekeeper.storage import tables") == [(1, "gatekeeper.storage")]
    assert impure("import gatekeeper.domain_of_others") == [(1, "gatekeeper.domain_of_others")]
    assert impure("import msgspec\nimport re\nfrom gatekeeper.domain.order import Order") == [(1, "msgspec")]


def others(text: str) -> list[source.Place]:
    """What knows more than what goes over the wire."""
    own = {"schemas", "msgspec", *sys.stdlib_module_names}
    return [
        place for place in source.imports(text) if place.found.partition(".")[0] not in own and place.found != "consumers.demo.rems_files"
    ]


def test_the_simulated_rems_imports_schemas_only() -> None:
    """Else books that agree would say little: both would be kept by the same rules."""
    modules = [source.ROOT / "consumers" / "demo" / name for name in ("rems.py", "rems_files.py")]
    assert {source.named(path): wrong for path in modules if (wrong := others(path.read_text()))} == {}
    assert others("from gatekeeper.books import live") == [(1, "gatekeeper.books")]
    assert others("from consumers.demo.words import day\nimport csv\nfrom schemas.record import DistributionRecord") == [
        (1, "consumers.demo.words")
    ]


def test_one_module_reads_a_clock() -> None:
    readers = {
        source.named(path): found for path in source.modules(*source.PACKAGES) if (found := list(source.clock_readings(path.read_text())))
    }
    assert set(readers) == {"gatekeeper/clock.py"}
    assert list(source.clock_readings("import datetime\nx = datetime.datetime.now()")) == [(2, "datetime.datetime.now")]
    assert list(source.clock_readings("from datetime import date\nmake = date.today")) == [(2, "date.today")]
    assert list(source.clock_readings("from time import monotonic")) == [(1, "time")]
    assert not list(source.clock_readings("from sqlalchemy import func\nx = func.now()"))


def test_only_the_edge_imports_the_kafka_client() -> None:
    importers = {
        source.named(path)
        for path in source.modules(*source.PACKAGES)
        if any(place.found.partition(".")[0] == "confluent_kafka" for place in source.imports(path.read_text()))
    }
    assert importers
    assert {path for path in importers if not path.startswith(("consumers/kafka/", "consumers/kafka.py"))} == set()


def test_only_the_api_imports_the_web_framework() -> None:
    importers = {
        source.named(path)
        for path in source.modules(*source.PACKAGES)
        if any(place.found.partition(".")[0] in {"flask", "flask_smorest", "werkzeug"} for place in source.imports(path.read_text()))
    }
    assert importers
    # The demonstration serves the API within its own process.
    assert {path for path in importers if not path.startswith("gatekeeper/api/")} == {"gatekeeper/serving.py", "consumers/demo/asking.py"}


def test_nobody_waits_by_sleeping() -> None:
    sleepers = {source.named(path) for path in source.modules(*source.PACKAGES, "tests") if list(source.sleeps(path.read_text()))}
    assert sleepers - set(MAY_SLEEP) == set()
    assert list(source.sleeps("import time\ntime.sleep(1)")) == [(2, "time.sleep")]
    assert list(source.sleeps("from asyncio import sleep")) == [(1, "from asyncio import sleep")]
