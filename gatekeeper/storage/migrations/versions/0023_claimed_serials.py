"""A serial that two lines hold is free when both have given it up."""

from alembic import op

revision = "0023"
down_revision = "0022"

CLAIMED_SERIAL = """
CREATE TABLE moving_claimed_serial (
    serial TEXT NOT NULL,
    gtin TEXT NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (serial, gtin, place)
);

COMMENT ON TABLE moving_claimed_serial IS
    'A serial that is out with another line, and that this one holds too: it is this one''s when the other gives it up'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CLAIMED_SERIAL)
