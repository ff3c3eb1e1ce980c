"""Who may ask what that records something, and what needs two people: the part of the table of authority about them."""

import json
from typing import Any, NamedTuple
from uuid import UUID

from tests.api.test_two_people import ALIAS
from tests.feed.rems import acknowledgement


class Asked(NamedTuple):
    """An operation, and who may ask it: of his own wholesaler and program, and of another's."""

    path: str
    roles: set[str]
    foreign_wholesaler: str | None = None
    """The same of a wholesaler that the token does not name; None where it is asked of none."""
    foreign_program: str | None = None
    limited_to_wholesalers: bool = True
    """Whether a token may ask it at all that is limited to some wholesalers."""
    limited_to_programs: bool = True
    method: str = "GET"
    body: Any = None
    foreign: Any = None
    """A body about another wholesaler's order."""
    records: bool = False
    """It changes something: whether it can be done now is another question than whether it may."""


READERS = {"compliance-reader", "compliance-officer", "lead", "auditor"}
OFFICERS = {"compliance-officer", "lead"}
SITES = READERS | {"rems"}
STEPS = {
    **{
        name: Asked(
            f"/v1/orders/WD-001/SO-1/{step}",
            roles,
            foreign_wholesaler=f"/v1/orders/WD-2/SO-1/{step}",
            method="POST",
            body=body,
            records=True,
        )
        for name, step, roles, body in (
            ("take_order", "take", OFFICERS, None),
            ("give_order_back", "give-back", OFFICERS, None),
            ("note_order", "notes", OFFICERS, {"text": "Called them."}),
            ("settle_order", "settlements", OFFICERS, {"reason": "Not wanted any more."}),
            ("examine_order", "examinations", OFFICERS, {}),
            ("publish_order", "publications", OFFICERS, {"reason": "They lost it."}),
        )
    },
    "decide_alert": Asked(
        f"/v1/alerts/{UUID(int=1)}/decisions",
        OFFICERS,
        method="POST",
        body={"decision": "no_action", "reason": "It is known."},
        records=True,
    ),
    "acknowledge_records": Asked(
        "/v1/acknowledgements",
        {"rems"},
        limited_to_wholesalers=False,
        method="POST",
        body={"acknowledgements": [json.loads(acknowledgement(str(UUID(int=1))))]},
    ),
    "list_site_aliases": Asked(
        "/v1/site-aliases",
        READERS,
        foreign_wholesaler="/v1/site-aliases?wholesaler_id=WD-2",
        foreign_program="/v1/site-aliases?program=tegsedi",
    ),
    "list_snapshots": Asked("/v1/refused-snapshots", READERS, limited_to_wholesalers=False),
    "list_corrections": Asked("/v1/corrections?program=lemtrada", READERS, foreign_program="/v1/corrections?program=tegsedi"),
    "list_voids": Asked("/v1/voids", READERS),
    "list_bypasses": Asked("/v1/bypasses", READERS),
    "show_bypass": Asked(f"/v1/bypasses/{UUID(int=1)}", READERS, records=True),
    "propose_site_alias": Asked(
        "/v1/site-aliases", OFFICERS, method="POST", records=True, body=ALIAS, foreign=ALIAS | {"wholesaler_id": "WD-2"}
    ),
    "confirm_snapshot": Asked(
        f"/v1/refused-snapshots/{'0' * 64}/confirmations",
        {"lead"},
        limited_to_wholesalers=False,
        method="POST",
        body={"reason": "They are gone."},
        records=True,
    ),
    **{
        name: Asked(path.format(UUID(int=1)), roles, method="POST", body={"reason": "I saw it."} | more, records=True)
        for name, path, roles, more in (
            ("approve_site_alias", "/v1/site-aliases/{}/approvals", {"lead"}, {}),
            ("refuse_site_alias", "/v1/site-aliases/{}/refusals", {"lead"}, {}),
            ("withdraw_site_alias", "/v1/site-aliases/{}/withdrawals", OFFICERS, {}),
            ("propose_correction", "/v1/distribution-records/{}/corrections", OFFICERS, {"changes": {"lot": "B1"}}),
            ("approve_correction", "/v1/corrections/{}/approvals", {"lead"}, {}),
            ("refuse_correction", "/v1/corrections/{}/refusals", {"lead"}, {}),
            ("propose_void", "/v1/distribution-records/{}/voids", OFFICERS, {}),
            ("approve_void", "/v1/voids/{}/approvals", {"lead"}, {}),
            ("refuse_void", "/v1/voids/{}/refusals", {"lead"}, {}),
            ("complete_bypass", "/v1/bypasses/{}/completions", OFFICERS, {"completion": {"lot": "B1"}}),
            ("approve_bypass", "/v1/bypasses/{}/approvals", {"lead"}, {}),
            ("refuse_bypass", "/v1/bypasses/{}/refusals", {"lead"}, {}),
        )
    },
}
