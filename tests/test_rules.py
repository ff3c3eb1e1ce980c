"""The rules by time: which version of a program holds at an instant, and what a folder may not hold."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.domain.calendar import day_in
from gatekeeper.errors import Unusable
from gatekeeper.programs import BUILT_IN, MORE, to_be_added
from gatekeeper.programs.reading import Version, read_version
from gatekeeper.rules import RuleBook, Rules, day_begins

TEXT = (BUILT_IN / "lemtrada.toml").read_text(encoding="utf-8")
MOMENT = timedelta(microseconds=1)


def written(folder: Path, file: str, since: str, *changes: tuple[str, str]) -> Path:
    text = TEXT.replace("in_force_from = 2014-11-14", f"in_force_from = {since}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / file).write_text(text, encoding="utf-8")
    return folder / file


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def versions(rules: Rules) -> list[tuple[str, str]]:
    return [(program.name, program.version) for program in rules.programs]


def refused(folder: Path) -> str:
    with pytest.raises(Unusable) as caught:
        RuleBook.read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_version_with_the_latest_day_holds(tmp_path: Path) -> None:
    written(tmp_path, "b.toml", "2026-12-01", ('version = "2026-11-01"', 'version = "2"'), ("transit_days = 1", "transit_days = 2"))
    written(tmp_path, "a.toml", "2026-06-01", ('version = "2026-11-01"', 'version = "1"'))
    book = RuleBook.read(tmp_path)
    first, second = instant("2026-06-01T00:00:00-04:00"), instant("2026-12-01T00:00:00-05:00")
    assert versions(book.at(first - MOMENT)) == []
    assert versions(book.at(first)) == [("lemtrada", "1")]
    assert versions(book.at(second - MOMENT)) == [("lemtrada", "1")]
    assert versions(book.at(second)) == [("lemtrada", "2")]
    assert book.at(second).programs[0].transit_days == 2
    assert [book.next_change(at) for at in (first - MOMENT, first, second - MOMENT, second)] == [first, second, second, None]
    assert book.at(first) is book.at(second - MOMENT)
    assert [program.version for program in book.newest] == ["2"]
    assert [[program.version for program in book.known(at)] for at in (first - MOMENT, first, second - MOMENT, second)] == [
        ["2"], ["1"], ["1"], ["2"],
    ]  # fmt: skip
    assert (book.not_yet(first - MOMENT), book.not_yet(first)) == (["lemtrada"], [])


def test_a_program_that_is_over(tmp_path: Path) -> None:
    written(tmp_path, "a.toml", "2020-01-01\nin_force_through = 2021-12-31")
    written(tmp_path, "b.toml", "2024-01-01", ('version = "2026-11-01"', 'version = "again"'))
    book = RuleBook.read(tmp_path)
    over = instant("2022-01-01T00:00:00-05:00")
    assert versions(book.at(over - MOMENT)) == [("lemtrada", "2026-11-01")]
    assert versions(book.at(over)) == []
    assert [program.version for program in book.known(over)] == ["again"]
    assert versions(book.at(instant("2024-01-01T00:00:00-05:00"))) == [("lemtrada", "again")]


def test_a_version_that_follows_before_the_end(tmp_path: Path) -> None:
    written(tmp_path, "a.toml", "2020-01-01\nin_force_through = 2021-12-31")
    written(tmp_path, "b.toml", "2021-06-01", ('version = "2026-11-01"', 'version = "2"'))
    book = RuleBook.read(tmp_path)
    assert versions(book.at(instant("2021-06-01T00:00:00-04:00"))) == [("lemtrada", "2")]
    assert versions(book.at(instant("2023-01-01T00:00:00-05:00"))) == [("lemtrada", "2")]


@given(
    st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)), min_size=1, max_size=4, unique=True),
    st.integers(0, 370 * 24 * 60),
    st.sampled_from(["America/New_York", "Pacific/Auckland", "America/Havana", "UTC"]),
)
def test_the_day_is_that_of_the_zone(days: list[date], minutes: int, zone: str) -> None:
    read = read_version(BUILT_IN / "lemtrada.toml")
    all_of_them = [
        Version(read.file, read.program._replace(time_zone=zone, version=day.isoformat()), day, None) for day in days
    ]  # fmt: skip
    moment = datetime(2025, 12, 30, tzinfo=UTC) + timedelta(minutes=minutes)
    begun = [day for day in days if day <= day_in(moment, zone)]
    holding = RuleBook.of(all_of_them).at(moment).programs
    assert [program.version for program in holding] == ([max(begun).isoformat()] if begun else [])


def test_a_day_begins_where_its_clock_says_so() -> None:
    assert day_begins(date(2026, 11, 1), "America/New_York") == instant("2026-11-01T04:00:00+00:00")
    assert day_begins(date(2026, 11, 2), "America/New_York") == instant("2026-11-02T05:00:00+00:00")


def test_two_versions_from_one_day(tmp_path: Path) -> None:
    written(tmp_path, "a.toml", "2026-06-01")
    written(tmp_path, "b.toml", "2026-06-01", ('version = "2026-11-01"', 'version = "2"'))
    assert refused(tmp_path) == "b.toml: rules of lemtrada that hold from 2026-06-01 on stand in a.toml already."


def test_a_package_of_two_programs_at_one_time(tmp_path: Path) -> None:
    written(tmp_path, "a.toml", "2020-01-01\nin_force_through = 2021-12-31")
    written(tmp_path, "b.toml", "2022-01-01", ('"lemtrada"', '"other"'))
    assert [program.name for program in RuleBook.read(tmp_path).newest] == ["lemtrada", "other"]
    written(tmp_path, "b.toml", "2021-12-31", ('"lemtrada"', '"other"'))
    assert refused(tmp_path) == "b.toml: ndc 058468020001 stands in a.toml already."


def test_a_folder_without_files(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"The folder of program rules {tmp_path} holds no .toml file."


def test_what_comes_along_is_added_by_name() -> None:
    now = instant("2026-11-20T12:00:00-05:00")
    assert to_be_added() == ("isotretinoin", "macitentan")
    assert [name for name, _ in versions(RuleBook.read().at(now))] == ["lemtrada"]
    assert [name for name, _ in versions(RuleBook.read(None, ["isotretinoin"]).at(now))] == ["isotretinoin", "lemtrada"]
    with pytest.raises(Unusable, match=r"There are no rules of nothing to be added; there are of isotretinoin, macitentan\."):
        RuleBook.read(None, ["nothing"])


def test_added_rules_stand_beside_those_of_a_folder(tmp_path: Path) -> None:
    written(tmp_path, "own.toml", "2026-01-01", ('"lemtrada"', '"own"'))
    assert [program.name for program in RuleBook.read(tmp_path, ["isotretinoin"]).newest] == ["isotretinoin", "own"]
    (tmp_path / "iso.toml").write_bytes((MORE / "isotretinoin.toml").read_bytes())
    with pytest.raises(Unusable, match="that hold from 2010-10-22 on stand in"):
        RuleBook.read(tmp_path, ["isotretinoin"])
