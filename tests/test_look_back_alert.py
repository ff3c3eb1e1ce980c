"""The alert about a look-back: the totals, and as many lines as fit, never a patient."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gatekeeper.following.findings import Finding, FoundReason, KnownThen
from gatekeeper.following.look_back_alert import MOST_BYTES, alert_about
from gatekeeper.storage.look_back import LookingBack
from schemas.canonical import canonical

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SUSPENDED = FoundReason("site_suspended", "blocked", stops=True, evidence={})
SECRETS = ("P-00001234", "AU-778", "PR-19")


def looking(kind: str, count: int, fact: str = "site", subject: str = "HF-0001") -> LookingBack:
    return LookingBack(7, kind, 9, 9, count, count, 3, fact, "lemtrada", subject, 40, date(2026, 11, 1), b"{}", AT)


def finding(number: int, sites: int, state: str = "released") -> bytes:
    patient, authorization, prescriber = SECRETS
    return canonical(
        Finding(
            found_with=9, verdict_id=f"V-{number}", wholesaler_id="WD-001", order_id=f"SO-{number}", revision=1, examination=1, line=1,
            decided_at="2026-11-10T12:00:00.000Z", program="lemtrada", site_id=f"HF-{number % sites}", quantity=2, unit="vial", lot="A1234",
            serials=(f"S{number}",), patient_id=patient, authorization_id=authorization, prescriber_id=prescriber, state=state,
            left=state == "shipped", outcome="blocked", reasons=(SUSPENDED,), known=KnownThen(1),
        )
    )  # fmt: skip


def said(count: int, sites: int, **more: Any) -> tuple[bytes, Any]:
    def bodies() -> Iterator[bytes]:
        return (finding(number, sites) for number in range(count))

    body = alert_about(looking("recall", count), AT, 9, bodies, **more)[2]
    return body, json.loads(body)["evidence"]


@pytest.mark.parametrize(("count", "sites"), [(10_000, 1), (10_000, 10_000), (300, 7)])
def test_what_does_not_fit_is_counted(count: int, sites: int) -> None:
    body, evidence = said(count, sites)
    shown = sum(len(site["shipments"]) for site in evidence["sites"])
    assert len(body) <= MOST_BYTES
    assert (evidence["lines"], evidence["quantity"], evidence["reasons"]) == (count, {"vial": 2 * count}, {"site_suspended": count})
    assert (evidence["sites_not_shown"], shown + evidence["lines_not_shown"]) == (0, count)
    assert {site["site_id"] for site in evidence["sites"]} | set(evidence["further_sites"]) == {f"HF-{number}" for number in range(sites)}
    assert (len(body) > MOST_BYTES * 0.99) == (shown < count)


@pytest.mark.parametrize("most", range(1500, 4000, 37))
def test_no_size_is_ever_passed(most: int) -> None:
    assert len(said(40, 4, most=most)[0]) <= most


def test_lines_whose_goods_stayed_are_counted_and_reached_nobody() -> None:
    bodies = [finding(1, 1, "stayed"), finding(2, 1, "shipped")]
    evidence = json.loads(alert_about(looking("look_back", 2), AT, 9, lambda: bodies)[2])["evidence"]
    assert (evidence["lines"], evidence["states"]) == (2, {"stayed": 1, "shipped": 1})
    [site] = evidence["sites"]
    assert (site["lines"], site["quantity"], [line["order_id"] for line in site["shipments"]]) == (1, {"vial": 2}, ["SO-2"])
    assert site["shipments"][0]["known"] == {"registry_version": 1}


@pytest.mark.parametrize(("fact", "named"), [("site", True), ("prescriber", True), ("patient", False), ("authorization", False)])
def test_no_patient_is_in_it(fact: str, named: bool) -> None:  # noqa: FBT001
    body = alert_about(looking("look_back", 1, fact, "the subject"), AT, 9, lambda: [finding(1, 1)])[2].decode()
    assert not any(secret in body for secret in SECRETS)
    assert ("the subject" in body) == named
