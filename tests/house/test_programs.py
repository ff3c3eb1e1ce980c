"""The rules of a program are data: the code of the gatekeeper names none."""

import re
from collections.abc import Iterator

from gatekeeper.programs import MORE, load_programs, to_be_added
from tests.house import source

PROGRAMS = {program.name for program in load_programs(None, to_be_added())}
PRODUCTS = {word for program in load_programs(None, to_be_added()) for package in program.packages for word in package.name.split()[:1]}


def named(text: str) -> Iterator[source.Place]:
    """Where a program or a product of one is named, whatever the case of its letters; comments and docstrings count."""
    words = re.compile(r"(?i)\b(" + "|".join(map(re.escape, sorted(PROGRAMS | PRODUCTS))) + r")\b")
    for number, line in enumerate(text.splitlines(), 1):
        yield from (source.Place(number, found[0]) for found in words.finditer(line))


def test_no_program_is_named_in_the_code() -> None:
    found = {source.named(path): list(named(path.read_text(encoding="utf-8"))) for path in source.modules("gatekeeper")}
    assert {path: places for path, places in found.items() if places} == {}
    assert list(named('"""As in the Lemtrada REMS."""')) == [(1, "Lemtrada")]
    assert list(named("x = 1\nname = 'isotretinoin'")) == [(2, "isotretinoin")]


def test_there_is_more_than_one_program() -> None:
    assert MORE.is_dir()
    assert len(PROGRAMS) > 2
