"""The sample: a registry and messages that hold on any day, for every day in them is written from today."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.json import encode

from gatekeeper.domain.calendar import day_in
from gatekeeper.domain.program import Program
from gatekeeper.messages import written

FOLDER: Final = Path(__file__).parent
TURNING: Final[Mapping[str, str]] = {"patient_id": "patient", "prescriber_id": "prescriber"}
"""Whose facts say no more than a status, and by which member they are named."""

_DAY = re.compile(r"today([+-]\d+)?\Z")


class Story(NamedTuple):
    """A message, and what it is about."""

    title: str
    order_id: str
    message: bytes


class Sample(NamedTuple):
    """``facts`` by program, in their order; ``names`` of the sites by their ids."""

    facts: dict[str, list[dict[str, Any]]]
    stories: list[Story]
    names: dict[str, str]


def sample(at: datetime, program: Program) -> Sample:
    """Registry and messages as of ``at``; today is the day of ``program``'s zone."""
    today = day_in(at, program.time_zone)
    registry, told = (_from(today, tomllib.loads((FOLDER / name).read_text())) for name in ("registry.toml", "stories.toml"))
    facts: dict[str, list[dict[str, Any]]] = {}
    for number, fact in enumerate(_facts(registry, today, program.name), 1):
        facts.setdefault(fact["program"], []).append(fact | {"sequence": number})
    make = _Stories(registry, told, written(at))
    return Sample(facts, [make.story(story) for story in told["stories"]], {site["site_id"]: site["name"] for site in registry["sites"]})


def snapshots(facts: Mapping[str, list[dict[str, Any]]], as_of: datetime) -> dict[str, bytes]:
    """A snapshot file for each program, as a registry sends it."""
    return {program: _snapshot(program, of_program, as_of) for program, of_program in facts.items()}


def lines_of(documents: Iterable[Any]) -> bytes:
    """As newline-delimited JSON."""
    return b"".join(encode(document) + b"\n" for document in documents)


def _snapshot(program: str, facts: list[dict[str, Any]], as_of: datetime) -> bytes:
    body = lines_of(facts)
    header = {"snapshot": program, "sequence": facts[-1]["sequence"], "as_of": written(as_of)}
    return lines_of([header | {"facts": len(facts), "sha256": hashlib.sha256(body).hexdigest()}]) + body


def _from(today: date, told: Any) -> Any:
    """The same with every day written out."""
    if isinstance(told, dict):
        return {name: _from(today, value) for name, value in told.items()}
    if isinstance(told, list):
        return [_from(today, value) for value in told]
    if isinstance(told, str) and (found := _DAY.match(told)):
        return (today + timedelta(int(found[1] or 0))).isoformat()
    return told


def _facts(registry: dict[str, Any], today: date, program: str) -> Iterator[dict[str, Any]]:
    sites = {site["site_id"]: _site(site) for site in registry["sites"]}
    yield from ({"program": program} | site for site in sites.values())
    named = {"fact": "prescriber", "program": program, "status": "certified"}
    for one in registry["prescribers"]:
        yield named | {"prescriber_id": one["prescriber_id"], "effective_on": one["since"]}
    for one in registry["authorizations"]:
        authorization = _authorization(one, today)
        patient = {"patient_id": one["patient_id"], "status": "enrolled", "effective_on": (today - timedelta(90)).isoformat()}
        yield {"fact": "patient", "program": program} | patient
        yield {"fact": "authorization", "program": program} | authorization
    for turn in registry["turns"]:
        changed = {"status": turn["status"], "effective_on": turn["on"]}
        if "site_id" in turn:
            yield {"program": program} | sites[turn["site_id"]] | changed
        for member, kind in TURNING.items():
            if member in turn:
                yield {"fact": kind, "program": program, member: turn[member]} | changed
    for recall in registry["recalls"]:
        goods = {"ndc": recall["ndc"], "lot": recall["lot"], "status": "recalled", "effective_on": recall["on"]}
        yield {"fact": "recall", "program": program} | goods


def _site(told: dict[str, Any]) -> dict[str, Any]:
    identifiers = {kind: [told[kind]] for kind in ("account", "npi") if kind in told}
    certificate = {"effective_on": told["since"], "certified_on": told["since"], "valid_through": told["until"]}
    said = {name: told[name] for name in ("program", "site_id", "class", "name", "address") if name in told}
    return {"fact": "site", "status": "certified"} | said | certificate | {"identifiers": identifiers}


def _authorization(told: dict[str, Any], today: date) -> dict[str, Any]:
    since, until = told.get("since", (today - timedelta(20)).isoformat()), told.get("until", (today + timedelta(40)).isoformat())
    said = {name: told[name] for name in ("authorization_id", "patient_id", "administering_site_id", "units")}
    period = {"effective_on": since, "valid_from": since, "valid_through": until, "form_submitted_on": since}
    return {"status": "authorized", "prescriber_id": _prescriber(told)} | said | period


def _prescriber(authorization: dict[str, Any]) -> str:
    return str(authorization.get("prescriber_id", "PR-19"))


class _Stories:
    """Fills in what the stories take from the registry, and what is said for all of them."""

    def __init__(self, registry: dict[str, Any], told: dict[str, Any], ordered_at: str) -> None:
        self._sites = {site["site_id"]: site for site in registry["sites"]}
        self._authorizations = {one["authorization_id"]: one for one in registry["authorizations"]}
        self._order, self._line = told["order"] | {"ordered_at": ordered_at}, told["line"]

    def story(self, story: dict[str, Any]) -> Story:
        title = story["title"]
        if "text" in story:
            return Story(title, "", story["text"].encode())
        own: dict[str, Any] = {name: story[name] for name in story.keys() - {"title", "to"}}
        lines = [self._filled(number, line) for number, line in enumerate(story["lines"], 1)]
        order = self._order | own | {"ship_to": self._ship_to(story), "lines": lines}
        return Story(title, story["order_id"], encode(order, order="sorted"))

    def _ship_to(self, story: dict[str, Any]) -> dict[str, Any]:
        given = dict(story.get("ship_to", {}))
        if "to" not in story:
            return given
        site = self._sites[story["to"]]
        address = {**site["address"], **given.get("address", {})}
        return {"rems_site_id": site["site_id"], "name": site["name"], "address": address}

    def _filled(self, number: int, line: dict[str, Any]) -> dict[str, Any]:
        filled: dict[str, Any] = {"line": number} | self._line | line
        if "authorization" in line:
            authorization = self._authorizations[filled.pop("authorization")]
            names = ("patient_id", "authorization_id", "administering_site_id")
            filled["patient"] = {name: authorization[name] for name in names} | {"prescriber_id": _prescriber(authorization)}
        return filled
