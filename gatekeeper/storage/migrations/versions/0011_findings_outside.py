"""Who received a recalled lot past the gate."""

from alembic import op

revision = "0011"
down_revision = "0010"

TABLE = """
CREATE TABLE finding_outside (
    look_back BIGINT NOT NULL,
    bypass_id UUID NOT NULL,
    body BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (look_back, bypass_id)
);

COMMENT ON TABLE finding_outside IS
    'Goods of a recalled lot that had left past the gate, as the look-back of the recall found them';

CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON finding_outside FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE finding_outside ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
