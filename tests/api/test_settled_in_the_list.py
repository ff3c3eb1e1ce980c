"""What people settle is settled in the list too."""

from tests.api.desk import Desk
from tests.api.test_order_list import PATH
from tests.gate.ledger import order


def test_what_is_settled_is_settled_in_the_list(desk: Desk) -> None:
    desk.ledger.load()
    desk.ledger.judge(order("SO-1", {"/lines/0/patient": None}), order("SO-2", {"/lines/0/patient": None}))
    order_path = f"{PATH}/WD-001/SO-1"
    whole = desk.ask(order_path)
    [shown] = desk.answer(f"{PATH}?q=SO-1")["orders"]
    for member in ("open_since", "ship_date_passes_at", "state"):
        assert shown[member] == whole.get_json()[member], member
    settled = desk.ask(
        f"{order_path}/settlements", method="POST", json={"reason": "no longer wanted"}, headers={"If-Match": whole.headers["ETag"]}
    )
    assert settled.status_code == 200, settled.data
    assert [one["order_id"] for one in desk.answer(f"{PATH}?state=open")["orders"]] == ["SO-2"]
    [shown] = desk.answer(f"{PATH}?state=settled")["orders"]
    assert (shown["open_since"], shown["ship_date_passes_at"]) == (None, None)
