"""The generated pages are those that the code makes today."""

import pytest

from gatekeeper.pages import documents


def test_the_pages_are_fresh() -> None:
    assert documents.main(["--check"]) == 0


def test_a_page_that_is_old_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(documents.PAGES, "settings.md", lambda: "new")
    assert documents.main(["--check"]) == 1
    assert capsys.readouterr().out == "settings.md is stale: run python -m gatekeeper.pages.documents\n"
