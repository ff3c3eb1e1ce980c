"""What should hold of the order's earlier revisions, line by line."""

from gatekeeper.domain.covered_line import CoveredLine
from gatekeeper.domain.sites import Evidence


def withdrawal_is_confirmed(case: CoveredLine) -> Evidence | None:
    """Not judged of a released line: it was confirmed, or nobody had to, when the line was released."""
    standing = case.standing
    if standing.watched:
        return None
    order = standing.order
    earlier = case.answers[("order", order.wholesaler_id, order.order_id)]
    unconfirmed = [before.revision for before in earlier if before.what == "unconfirmed" and before.revision < order.revision]
    return {"revision": order.revision, "released_revision": max(unconfirmed)} if unconfirmed else None
