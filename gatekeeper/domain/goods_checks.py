"""What should hold of the goods: registry age, product codes, dates, units, lot, serials."""

from gatekeeper.domain.covered_line import CoveredLine
from gatekeeper.domain.facts import holding
from gatekeeper.domain.lapses import is_current
from gatekeeper.domain.products import codes_disagree, ndc_readings
from gatekeeper.domain.sites import Evidence

_SERIALS_SHOWN = 20


def registry_is_current(case: CoveredLine) -> Evidence | None:
    """Not judged of a released line: an old registry only postpones what would be said of it."""
    if case.standing.watched or is_current(case):
        return None
    as_of = case.answers[("as_of", case.program.name)]
    return {"as_of": None if as_of is None else as_of.isoformat(), "limit_hours": case.program.registry_age_limit_hours}


def product_codes_agree(case: CoveredLine) -> Evidence | None:
    line, package = case.line, case.package
    if not codes_disagree(case.reading, package, ndc_given=line.ndc is not None, gtin_given=line.gtin is not None):
        return None
    return {"ndc": line.ndc, "gtin": line.gtin, "covered": package.name}


def ship_date_is_recent(case: CoveredLine) -> Evidence | None:
    standing = case.standing
    if standing.watched:
        return None
    ship_on, limit = standing.order.ship_on, standing.program.ship_date_limit_days
    if (standing.today - ship_on).days <= limit:
        return None
    return {"ship_on": ship_on.isoformat(), "today": standing.today.isoformat(), "limit_days": limit}


def product_lasts_until_delivery(case: CoveredLine) -> Evidence | None:
    expires_on, delivery_day = case.line.expires_on, case.standing.delivery_day
    if expires_on is None or expires_on >= delivery_day:
        return None
    return {"expires_on": expires_on.isoformat(), "delivery_day": delivery_day.isoformat()}


def unit_is_known(case: CoveredLine) -> Evidence | None:
    return None if case.units is not None else {"known_units": sorted({case.package.unit, *(unit for unit, _ in case.package.units)})}


def lot_is_not_recalled(case: CoveredLine) -> Evidence | None:
    lot = case.line.lot
    if lot is None:
        return None
    facts = case.answers[("recall", case.program.name, lot)]
    if not facts:
        return None
    recall = holding([fact for fact in facts if case.package.ndc in (ndc_readings(fact.ndc) or ())], case.today)
    if recall is None or recall.status != "recalled":
        return None
    return {"status": recall.status, "effective_on": recall.effective_on.isoformat(), "fact_sequence": recall.sequence}


def serials_match_quantity(case: CoveredLine) -> Evidence | None:
    serials = case.line.serials
    if not serials or case.units is None or len(serials) == case.units:
        return None
    return {"serials": len(serials), "units": case.units}


def serials_have_not_shipped(case: CoveredLine) -> Evidence | None:
    if not case.line.serials:
        return None
    gtin, used, answers, order = case.package.gtin, case.used, case.answers, case.standing.order
    shipped = []
    for serial in case.line.serials:
        question = ("serial", gtin, serial)
        where = used.get(question) or answers[question]
        # What is out with the line itself, because it was released before or left past the gate, does not stand in its way.
        if where is not None and where != f"{order.wholesaler_id}/{order.order_id}/{order.revision}/{case.line.line}":
            shipped.append({"serial": serial, "released_in": where})
    return {"count": len(shipped), "serials": shipped[:_SERIALS_SHOWN]} if shipped else None
