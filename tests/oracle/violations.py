"""What must hold of a line that may leave: each condition on its own, of the site that the answer names."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from tests.oracle import addresses
from tests.oracle.history import History, Order, content, without_empty
from tests.oracle.identifiers import dea_is_valid, gln_is_valid, gtin14, npi_is_valid
from tests.oracle.products import Row, is_read, is_watched, readings, readings_of_gtin
from tests.oracle.registry import (
    Fact,
    Known,
    Program,
    holding,
    is_certified,
    is_recalled,
    is_stale,
    mode_on,
    on_file,
    site_on,
    sites_on,
    told,
)
from tests.oracle.sites import given_identifiers


def violations(order: Order, line: dict[str, Any], site_id: str | None, known: Known, history: History) -> list[str]:
    """The conditions that a line answered `released`, at the site that the answer names, does not satisfy."""
    known, order = given(known), content(order, known.program)
    line = next(candidate for candidate in order["lines"] if candidate["line"] == line["line"])
    mode = mode_on(known)
    row, of_product = covered_row(line, known.program)
    found = [*of_order(order, history), *of_product]
    if mode == "ended":
        found.append("the program ended, so its rules do not release")
    if row is None:
        return found
    found += [*of_goods(order, line, row, known, history), *of_patient(order, line, site_id, known, history)]
    if mode == "active":
        found += [*of_site(order, site_id, known), *of_infusion(line, site_id, known), *of_identifiers(order)]
    return found


def given(known: Known) -> Known:
    """The same with what is empty left out of the facts."""
    return Known(without_empty(known.facts), known.at, known.program)


def restrictions(line: dict[str, Any], known: Known) -> list[str]:
    """The conditions that a line answered `not_covered` does not satisfy."""
    named = without_empty(line["product"])
    ndc, text = named.get("ndc"), named.get("gtin")
    if mode_on(given(known)) == "ended":
        return []
    program = known.program
    read = readings(ndc) if ndc else set()
    gtin = gtin14(text) if text else None
    found = []
    if any(row.ndc in read or row.gtin == gtin for row in program.rows):
        found.append("it is a covered package")
    if is_watched(read, program.watched) or (gtin and is_watched(readings_of_gtin(gtin), program.watched)):
        found.append("it is a package of a watched product")
    if text and gtin is None:
        found.append("its GTIN is wrong in itself")
    if ndc and not text and not is_read(ndc):
        found.append("its NDC has no reading, and no GTIN stands beside it")
    return found


def covered_row(line: dict[str, Any], program: Program) -> tuple[Row | None, list[str]]:
    """Every identifier of the product names the one row."""
    ndc, gtin = line["product"].get("ndc"), line["product"].get("gtin")
    fitting = [row for row in program.rows if (ndc is None or row.ndc in readings(ndc)) and (gtin is None or gtin14(gtin) == row.gtin)]
    return (fitting[0], []) if len(fitting) == 1 else (None, ["its identifiers do not name one covered package"])


def of_order(order: Order, history: History) -> Iterator[str]:
    """No other content and no higher revision came before."""
    for earlier, _ in history.of_order(order):
        if earlier["revision"] > order["revision"]:
            yield "a higher revision was seen"
        if earlier["revision"] == order["revision"] and earlier != order:
            yield "other content came under this identity"


def delivery_day(order: Order, program: Program) -> date:
    """The last day on the way."""
    ship_on = date.fromisoformat(order["ship_on"])
    return date.fromisoformat(order["deliver_by"]) if "deliver_by" in order else ship_on + timedelta(days=program.transit_days)


def of_goods(order: Order, line: dict[str, Any], row: Row, known: Known, history: History) -> Iterator[str]:
    """The registry is fresh; dates, unit, lot and serials are in order."""
    today, facts, program = known.today, known.facts, known.program
    if is_stale(known):
        yield "the registry is stale"
    if date.fromisoformat(order["ship_on"]) + timedelta(days=program.ship_date_days) < today:
        yield "ship_on is too long ago"
    if "expires_on" in line and not (today.isoformat() <= line["expires_on"] >= delivery_day(order, program).isoformat()):
        yield "the goods expire before delivery or have expired"
    if line["unit"] != program.unit:
        yield "the unit is not the program's"
    if "lot" in line and is_recalled(facts, program.name, row, line["lot"], today):
        yield "the lot is recalled"
    serials = set(line.get("serials", ()))
    if serials and len(serials) != line["quantity"]:
        yield "the serials are not as many as the units"
    if any(release.gtin == row.gtin and release.serials & serials for release in history.counting(order)):
        yield "a serial is released already"


def of_site(order: Order, site_id: str | None, known: Known) -> Iterator[str]:
    """One certified site is meant, by every identifier and by its address, from today to delivery."""
    today, facts, program = known.today, known.facts, known.program
    sites = {site["site_id"]: site for site in sites_on(facts, program.name, today)}
    site = sites.get(site_id or "")
    if site is None:
        yield "no site of the program is named today"
        return
    ship_to = order["ship_to"]
    if ship_to.get("rems_site_id", site_id) != site_id:
        yield "another REMS site is ordered for"
    for kind, value in given_identifiers(order).items():
        carriers = [carrier for carrier, other in sites.items() if value in on_file(other, kind)]
        of_kind = [held for held in on_file(site, kind) if kind != "account" or held.split(":")[0] == order["wholesaler_id"]]
        if site_id not in carriers and (carriers or of_kind):
            yield f"the {kind} is not the site's"
    if not addresses.agree(ship_to["address"], site.get("address")):
        yield "the address is not the site's"
    if "rems_site_id" not in ship_to:
        yield from of_choice(order, site, list(sites.values()))
    if site["class"] not in program.classes:
        yield "the class may not receive"
    for day in {today, max(today, date.fromisoformat(order["ship_on"])), max(today, delivery_day(order, program))}:
        if not is_certified(site_on(facts, program.name, site["site_id"], day), day):
            yield "the site is not certified on each day that counts"


def of_choice(order: Order, site: Fact, sites: list[Fact]) -> Iterator[str]:
    """Nothing but the site fits what identifies it."""
    on_record = {kind: value for kind, value in given_identifiers(order).items() if any(value in on_file(other, kind) for other in sites)}
    deciding = {"account": on_record["account"]} if "account" in on_record else on_record
    fitting = [
        other
        for other in sites
        if all(value in on_file(other, kind) for kind, value in deciding.items())
        and addresses.agree(order["ship_to"]["address"], other.get("address"))
    ]
    if not deciding or fitting != [site]:
        yield "the identifiers and the address do not mean this one site"


def of_infusion(line: dict[str, Any], site_id: str | None, known: Known) -> Iterator[str]:
    """What a pharmacy ships on goes to a certified facility."""
    today, facts, program = known.today, known.facts, known.program
    site = site_on(facts, program.name, site_id or "", today)
    held = (
        holding(told(facts, program.name, "authorization", authorization_id=line["patient"]["authorization_id"]), today)
        if ("authorization_id" in line.get("patient", {}))
        else None
    )
    if site is None or "pharmacy" not in site["class"]:
        return
    named = line.get("patient", {}).get("administering_site_id", held and held["administering_site_id"])
    infusing = site_on(facts, program.name, named or "", today)
    if infusing is None or infusing["class"] != "healthcare_facility" or not is_certified(infusing, today):
        yield "the infusing facility is not certified"


def of_patient(order: Order, line: dict[str, Any], site_id: str | None, known: Known, history: History) -> Iterator[str]:
    """An enrolled patient, a certified prescriber and an authorization that names both, the facility, and enough units."""
    today, facts, program, named = known.today, known.facts, known.program, line.get("patient", {})

    def says(kind: str, member: str, value: str | None) -> Fact:
        return holding(told(facts, program.name, kind, **{member: value or ""}), today) or {"status": None}

    if says("patient", "patient_id", named.get("patient_id"))["status"] != "enrolled":
        yield "the patient is not enrolled"
    held = says("authorization", "authorization_id", named.get("authorization_id"))
    if held["status"] != "authorized" or not held["valid_from"] <= today.isoformat() <= held["valid_through"]:
        yield "there is no valid authorization"
        return
    if says("prescriber", "prescriber_id", named.get("prescriber_id", held["prescriber_id"]))["status"] != "certified":
        yield "the prescriber is not certified"
    if any(named.get(member, held[member]) != held[member] for member in ("patient_id", "prescriber_id", "administering_site_id")):
        yield "the authorization is for another party"
    site = site_on(facts, program.name, site_id or "", today)
    if site is not None and site["class"] == "healthcare_facility" and held["administering_site_id"] != site_id:
        yield "the facility does not itself administer"
    used = [release.units for release in history.counting(order) if release.authorization_id == held["authorization_id"]]
    if sum([*used, line["quantity"]]) > held["units"]:
        yield "the authorization has too few units left"


def of_identifiers(order: Order) -> Iterator[str]:
    """NPI, DEA and GLN are well formed."""
    ship_to = order["ship_to"]
    if not npi_is_valid(ship_to.get("npi", "1234567893")) or not dea_is_valid(ship_to.get("dea", "AP5836727")):
        yield "an NPI or DEA number is not valid"
    if not all(gln_is_valid(place.get("gln", "0614141000012")) for place in (ship_to, order["ship_from"])):
        yield "a GLN is not valid"
