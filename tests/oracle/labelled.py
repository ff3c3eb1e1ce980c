"""The labelled decisions: what each case sends and what it expects."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.labelled import change
from tests.oracle.history import LineAnswer

BOOK: dict[str, Any] = json.loads((Path(__file__).parents[1] / "cases" / "cases.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Expected:
    """One readable order of a case: what is sent, whether it is a repeat, and the answer to each line as the case writes it."""

    order: dict[str, Any]
    repeat: bool
    lines: list[str]


def decisions() -> list[dict[str, Any]]:
    """The cases that decide something at an instant of their own; those of unusable files and of the clock are about files."""
    return [case for case in BOOK["cases"] if case["expect"] != "unusable" and case["at"] != "now"]


def facts_of(case: dict[str, Any]) -> list[dict[str, Any]]:
    """The registry file of a case; a header stands first where the case has one, and then only facts of its program follow."""
    facts = [fact for fact in BOOK["world"] if "as_of" not in case or fact["program"] == "lemtrada"] + case.get("facts", [])
    header = [{"snapshot": "lemtrada", "as_of": case["as_of"]} | case.get("header", {})] if "as_of" in case else []
    found: list[dict[str, Any]] = header + facts
    return found


def expected_of(case: dict[str, Any]) -> list[Expected]:
    """The orders of a case that can be read."""
    return [
        Expected(message(spec, number), wanted[0] == "repeat", wanted[wanted[0] == "repeat" :])
        for number, (spec, wanted) in enumerate(zip(case["orders"], case["expect"], strict=True), 1)
        if isinstance(wanted, list)
    ]


def message(spec: dict[str, Any], number: int) -> dict[str, Any]:
    """The base order with what a case changes in it."""
    order = change(BOOK["order"], {"/order_id": f"SO-{number}"} | {k: v for k, v in spec.items() if k.startswith("/")})
    if "lines" in spec:
        order["lines"] = [{**order["lines"][0], "line": n} for n in range(1, spec["lines"] + 1)]
    text = spec.get("text", json.dumps(order, ensure_ascii=False))
    if "replace" in spec:
        text = text.replace(*spec["replace"])
    read: dict[str, Any] = json.loads(text)
    return read


def fits(wanted: str, got: LineAnswer) -> bool:
    """Whether an answer is what a case writes: an outcome, every code, and perhaps the site."""
    outcome, *words = wanted.split()
    sites = [word[1:] for word in words if word.startswith("@")]
    codes = {word for word in words if not word.startswith("@")}
    return (outcome, codes) == (got.outcome, set(got.codes)) and all(site == (got.site_id or "-") for site in sites)
