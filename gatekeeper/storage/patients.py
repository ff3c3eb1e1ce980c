"""Which ids of patients and authorizations belong to an order, whoever named them."""

import re
from collections.abc import Collection, Iterable
from typing import Any, Final

from psycopg import Cursor

Name = tuple[str, str]
"""Order and wholesaler."""
NAMED = "unnest(%(orders)s::text[], %(wholesalers)s::text[]) AS w(order_id, wholesaler_id)"
BODIES = f"""
SELECT e.evidence FROM {NAMED} JOIN examination e USING (order_id, wholesaler_id)
UNION ALL SELECT r.body FROM {NAMED} JOIN examination e USING (order_id, wholesaler_id) JOIN distribution_record r ON r.examination = e.id
UNION ALL SELECT c.body FROM {NAMED} JOIN examination e USING (order_id, wholesaler_id) JOIN distribution_record r ON r.examination = e.id
    JOIN correction c ON c.record_id = r.record_id
UNION ALL SELECT s.body FROM {NAMED} JOIN shipment_event s USING (order_id, wholesaler_id)
UNION ALL SELECT s.body FROM {NAMED} JOIN bypass b USING (order_id, wholesaler_id) JOIN bypass_step s ON s.bypass_id = b.bypass_id
    WHERE s.body IS NOT NULL
"""  # noqa: S608 - our own words
OF_RECORDS = """
SELECT e.order_id, e.wholesaler_id FROM distribution_record r JOIN examination e ON e.id = r.examination
WHERE r.record_id = ANY(%s::uuid[])
"""
TERMS = f"""
SELECT DISTINCT split_part(t.term, ' ', 2) FROM {NAMED} JOIN moving_listed_order l USING (order_id, wholesaler_id)
JOIN moving_listed_term t ON t.place = l.place WHERE t.term ^@ 'patient_id ' OR t.term ^@ 'authorization_id '
"""  # noqa: S608
# Ids need no escape: what stands so within a text has one.
IN_A_BODY: Final = re.compile(
    rb'"(?:patient_id|authorization_id)":\s*"([A-Za-z0-9._:-]+)"|\["(?:patient|authorization|units)",\s*"[^"\\]+",\s*"([A-Za-z0-9._:-]+)"\]'
)
UUID_FORM: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def of_orders(cursor: Cursor[Any], names: Iterable[Name], records: Iterable[str] = ()) -> set[str]:
    """All ids that messages, events, records, proposals and what the registry answered name of these orders, and of those of records."""
    asked = [each for each in records if UUID_FORM.fullmatch(each)]
    several = {*names, *(cursor.execute(OF_RECORDS, (asked,)).fetchall() if asked else ())}
    if not several:
        return set()
    bodies = cursor.execute(BODIES.encode(), _lists(several), binary=True).fetchall()
    return {(found[1] or found[2]).decode() for (body,) in bodies for found in IN_A_BODY.finditer(body)}


def of_listed(cursor: Cursor[Any], names: Collection[Name]) -> set[str]:
    """All ids that the list has of the messages of these orders, of whatever line."""
    return {name for (name,) in cursor.execute(TERMS.encode(), _lists(names))} if names else set()


def _lists(names: Iterable[Name]) -> dict[str, list[str]]:
    orders, wholesalers = zip(*names, strict=True)
    return {"orders": [*orders], "wholesalers": [*wholesalers]}
