"""Which sites a refused file would lose is kept: a person confirms these, and no others."""

from alembic import op

revision = "0034"
down_revision = "0033"

TABLE = """
CREATE TABLE file_lost_sites (
    refusal BIGINT NOT NULL,
    sites BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (refusal)
);

COMMENT ON TABLE file_lost_sites IS 'Which sites a refused file would lose, one a line';

CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON file_lost_sites FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE file_lost_sites ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
