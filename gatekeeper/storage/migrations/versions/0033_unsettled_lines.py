"""A line that gets a serial which another gave up is settled once more."""

from alembic import op

revision = "0033"
down_revision = "0032"

UNSETTLED_LINE = """
CREATE TABLE moving_unsettled_line (
    order_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    line SMALLINT NOT NULL,
    PRIMARY KEY (order_id, wholesaler_id, revision, line)
);

COMMENT ON TABLE moving_unsettled_line IS
    'A line that has got a serial which another gave up: what its record can say is looked at once more'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UNSETTLED_LINE)
