"""Alerts about an order are found by it, also those that no examination raised."""

from alembic import op

revision = "0019"
down_revision = "0018"

# An alert is kept in the one way in which it is published; of one that names no order this says nothing.
ORDER = """
CREATE FUNCTION order_of_alert(body BYTEA) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (alert ->> 'wholesaler_id') || '/' || (alert ->> 'order_id')
    FROM (SELECT convert_from(body, 'UTF8')::jsonb AS alert WHERE substring(body FOR 12) = '{"alert_id":'::bytea) AS read
$$;

CREATE INDEX alert_order ON alert (order_of_alert(body)) WHERE examination IS NULL
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(ORDER)
