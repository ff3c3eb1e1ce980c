"""Orders and registry facts as they go over the wire, each order with an authorization of its own."""

import json
import random
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Wire = dict[str, Any]

CERTIFIED = 30
LEMTRADA = {"ndc": "58468-0200-1", "gtin": "00358468020017"}


class Orders:
    """Makes orders; everything is chosen by the seed."""

    def __init__(self, seed: int, partitions: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - the same every time
        self.partitions = partitions
        self.today = datetime.now(ZoneInfo("America/New_York")).date()
        self._authorizations: list[Wire] = []
        self._orders = 0

    def _site(self, site: str, status: str) -> Wire:
        return {
            "fact": "site", "site_id": site, "class": "healthcare_facility", "status": status, "certified_on": "2024-01-01",
            "valid_through": str(self.today + timedelta(days=400)), "address": _address(site), "identifiers": {},
        }  # fmt: skip

    def _authorization(self, name: str, site: str, units: int) -> Wire:
        return {
            "fact": "authorization", "authorization_id": name, "status": "authorized", "patient_id": "P-1",
            "prescriber_id": "PR-1", "administering_site_id": site, "units": units, "valid_from": "2024-01-01",
            "valid_through": str(self.today + timedelta(days=400)),
        }  # fmt: skip

    def _authorized(self, site: str, units: int) -> str:
        name = f"AU-{len(self._authorizations)}"
        self._authorizations.append(self._authorization(name, site, units))
        return name

    def _order(self, site: str, *, units: int = 5, authorization: str | None = None, **line: Any) -> Wire:
        """One line to ``site`` with an authorization of its own, which it uses up."""
        self._orders += 1
        patient = {"patient_id": "P-1", "prescriber_id": "PR-1", "authorization_id": authorization or self._authorized(site, units)}
        covered = {"line": 1, "product": LEMTRADA, "quantity": units, "lot": "A1", "patient": patient, **line}
        return {
            "order_id": f"SO-{self._orders}", "wholesaler_id": "WD-1", "revision": 1, "ordered_at": "2026-01-02T10:00:00-05:00",
            "ship_on": str(self.today + timedelta(days=1)), "deliver_by": str(self.today + timedelta(days=2)),
            "ship_from": {"site_id": "DC-07"},
            "ship_to": {"rems_site_id": site, "address": _address(site)}, "lines": [covered],
        }  # fmt: skip

    def _certified(self) -> str:
        return f"HF-{self._random.randrange(CERTIFIED)}"

    def _somewhere(self) -> int:
        return self._random.randrange(self.partitions)


def written(message: Wire) -> bytes:
    """The message's bytes."""
    return json.dumps(message).encode()


def _address(site: str) -> Wire:
    return {"street": f"{sum(site.encode())} {site} Street", "city": "Boston", "state": "MA", "postal_code": "02110"}
