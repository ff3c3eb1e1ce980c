"""From an answer to what may be asked with it, as the document says it: whoever has the one finds the other."""

from typing import Any, Final

_ORDER: Final = {"wholesaler_id": "$response.body#/wholesaler_id", "order_id": "$response.body#/order_id"}
_SEEN: Final = _ORDER | {"header.If-Match": "$response.header.ETag"}
_FIRST: Final = {"wholesaler_id": "$response.body#/orders/0/wholesaler_id", "order_id": "$response.body#/orders/0/order_id"}
LINKS: Final[dict[str, dict[str, dict[str, str]]]] = {
    "list_orders": {"show_order": _FIRST},
    "search_orders": {"show_order": _FIRST},
    "show_order": {
        "take_order": _SEEN,
        "give_order_back": _SEEN,
        "settle_order": _SEEN,
        "note_order": _ORDER,
        "examine_order": _ORDER,
        "publish_order": _ORDER,
    },
    "take_order": {"give_order_back": _SEEN},
    "list_sites": {"show_site": {"program": "$response.body#/sites/0/program", "site_id": "$response.body#/sites/0/site_id"}},
    "list_records": {"list_records": {"program": "$response.body#/program", "after": "$response.body#/after"}},
}
"""By operation, the operations that its answer leads to, and where their parameters stand in it."""


def link(operation: dict[str, Any]) -> None:
    """Adds what the answer of this operation of the document leads to."""
    found = LINKS.get(operation["operationId"])
    if found:
        links = {f"{name}_next": {"operationId": name, "parameters": parameters} for name, parameters in found.items()}
        operation["responses"]["200"]["links"] = links
