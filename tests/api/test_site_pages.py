"""How much a page of sites costs."""

from typing import Any

import pytest

from gatekeeper.api import sites
from gatekeeper.registry import both_times, site_search
from tests.api.desk import Desk
from tests.api.test_site_search import found, named

__all__ = ["named"]


def test_a_page_looks_at_no_more_than_it_needs(named: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def noticed(cursor: Any, program: str, kind: str, names: list[str], *more: Any) -> Any:
        asked.extend(names)
        return both_times.answers(cursor, program, kind, names, *more)

    monkeypatch.setattr(site_search, "answers", noticed)
    monkeypatch.setattr(sites, "LEAST_AT_ONCE", 2)
    assert found(named, "limit=1") == ["HF-A"]
    assert asked == ["HF-A", "HF-B"]
