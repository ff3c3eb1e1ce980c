"""How the simulated REMS reads a file of the feed: CSV in the default columns, or JSON lines. Not with what wrote it."""

import csv
import io
import json
from typing import Any, Final

import msgspec

from schemas.record import DistributionRecord

PLAIN: Final = (
    "record_id", "kind", "replaces", "wholesaler_id", "order_id", "revision", "line", "verdict_id", "recorded_at", "ship_on",
    "patient_id", "prescriber_id", "authorization_id", "administering_site_id", "quantity", "unit", "lot", "expires_on",
)  # fmt: skip
"""Columns that are called as the members are."""
ADDRESS: Final = ("street", "street2", "city", "state", "postal_code")


def read_file(raw: bytes, program: str) -> tuple[int, list[DistributionRecord]]:
    """Its number, and its records. Raises ``ValueError`` where it is not whole: its totals and its sequences are counted again."""
    number, first, last, totals, records = _json_lines(raw) if raw.startswith(b"{") else _csv(raw, program)
    if (len(records), sum(record.quantity for record in records)) != totals:
        raise ValueError(f"File {number} does not have what its totals say.")
    if [record.sequence for record in records] != list(range(first, last + 1)):
        raise ValueError(f"File {number} does not have the records {first} to {last}, each once and in order.")
    return number, records


_File = tuple[int, int, int, tuple[int, int], list[DistributionRecord]]


def _json_lines(raw: bytes) -> _File:
    head, *lines, total = raw.splitlines()
    said, counted = json.loads(head), json.loads(total)["total"]
    records = [msgspec.json.decode(line, type=DistributionRecord) for line in lines]
    return said["file"], said["first"], said["last"], (counted["records"], counted["quantity"]), records


def _csv(raw: bytes, program: str) -> _File:
    names, *rows, total = csv.reader(io.StringIO(raw.decode(), newline=""), strict=True)
    if total[0] != "TOTAL":
        raise ValueError("A file has no totals: it was cut off.")
    said = {name: int(value) for name, value in (cell.split("=") for cell in total[1:] if cell)}
    records = [_record(dict(zip(names, row, strict=True)), program) for row in rows]
    return said["file"], said["first"], said["last"], (said["records"], said["quantity"]), records


def _record(cells: dict[str, str], program: str) -> DistributionRecord:
    told: dict[str, Any] = {name: cells[name] for name in PLAIN if cells[name]}
    told |= {"program": program, "sequence": cells["sequence"], "replaces": cells["replaces"] or None}
    if cells["outside_gate"]:
        told["outside_gate"] = True
    if cells["serials"]:
        told["serials"] = cells["serials"].split("|")
    told["product"] = {name: cells[f"product_{name}"] for name in ("ndc", "gtin", "name")}
    told["ship_from"] = {"site_id": cells["ship_from_site_id"] or None}
    site = {"site_id": cells["ship_to_site_id"] or None, "class": cells["ship_to_class"] or None}
    address = {name: cells[f"ship_to_{name}"] for name in ADDRESS if cells[f"ship_to_{name}"]}
    told["ship_to"] = site | ({"name": cells["ship_to_name"]} if cells["ship_to_name"] else {}) | ({"address": address} if address else {})
    return msgspec.convert(told, DistributionRecord, strict=False)
