"""A site's and a lot's lines are listed by their day of shipment from the index alone."""

from alembic import op

revision = "0015"
down_revision = "0014"

INDEXES = """
DROP INDEX moving_listed_line_site;

CREATE INDEX moving_listed_line_site ON moving_listed_line (site_id, kind, place) INCLUDE (ship_on) WHERE site_id IS NOT NULL;

DROP INDEX moving_listed_line_lot;

CREATE INDEX moving_listed_line_lot ON moving_listed_line (lot, kind, place) INCLUDE (ship_on) WHERE lot IS NOT NULL
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(INDEXES)
