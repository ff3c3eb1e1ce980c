"""Of whose patients a call told that was about more than one order."""

from alembic import op

revision = "0032"
down_revision = "0031"

TABLE = """
CREATE TABLE inquired_order (
    inquiry_id UUID NOT NULL,
    wholesaler_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (inquiry_id, wholesaler_id, order_id)
);

CREATE INDEX inquired_order_name ON inquired_order (order_id, wholesaler_id);

COMMENT ON TABLE inquired_order IS
    'An order of whose patients a call told that was about more than one: it was found by them, or they were shown';

CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON inquired_order FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE inquired_order ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
