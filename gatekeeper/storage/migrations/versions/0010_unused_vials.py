"""Vials that are soon to be returned; and events that wait are found by index."""

from alembic import op

revision = "0010"
down_revision = "0009"

TABLES = """
CREATE TABLE moving_unused (
    program TEXT NOT NULL,
    day DATE NOT NULL,
    sequence BIGINT NOT NULL,
    through BIGINT NOT NULL,
    PRIMARY KEY (program)
);

COMMENT ON TABLE moving_unused IS
    'Up to which sequence of a program''s records it was looked, on this day, whether vials are soon to be returned';

CREATE INDEX moving_waiting_event_since ON moving_waiting_event (since);

CREATE INDEX moving_waiting_event_unmarked ON moving_waiting_event (since) WHERE ends IS NULL;

UPDATE moving_waiting_event w SET since = 'epoch' WHERE EXISTS (
    SELECT FROM examination e WHERE (e.order_id, e.wholesaler_id, e.revision) = (w.order_id, w.wholesaler_id, w.revision)
    AND e.cause = 'message'
)
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)
