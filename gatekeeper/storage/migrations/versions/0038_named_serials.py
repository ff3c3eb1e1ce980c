"""A serial stands in one live record, also while a superseded one waits for the word of its warehouse."""

from alembic import op

revision = "0038"
down_revision = "0037"

NAMED_SERIAL = """
CREATE TABLE moving_named_serial (
    serial TEXT NOT NULL,
    gtin TEXT NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (serial, gtin)
);

COMMENT ON TABLE moving_named_serial IS
    'A serial that the live record of this superseded line names, although the line does not hold it any more';

INSERT INTO moving_named_serial
SELECT s.serial, r.said -> 'product' ->> 'gtin', concat_ws('/', e.wholesaler_id, e.order_id, e.revision, r.said ->> 'line')
FROM (SELECT *, convert_from(body, 'UTF8')::jsonb AS said FROM distribution_record WHERE kind IN ('original', 'correction')) r
JOIN examination e ON e.id = r.examination
CROSS JOIN LATERAL jsonb_array_elements_text(r.said -> 'serials') AS s(serial)
WHERE EXISTS (
    SELECT FROM examination h WHERE (h.order_id, h.wholesaler_id) = (e.order_id, e.wholesaler_id)
    AND h.revision > e.revision AND h.cause = 'message')
AND NOT EXISTS (SELECT FROM distribution_record n WHERE n.replaces = r.record_id AND n.kind IN ('void', 'correction'))
AND NOT EXISTS (
    SELECT FROM shipment_event v WHERE (v.order_id, v.wholesaler_id, v.revision) = (e.order_id, e.wholesaler_id, e.revision)
    AND v.event IN ('shipped', 'returned') AND convert_from(v.body, 'UTF8')::jsonb @> jsonb_build_object('lines', jsonb_build_array(
        jsonb_build_object('line', r.said -> 'line'))))
ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(NAMED_SERIAL)
