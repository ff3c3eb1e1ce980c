"""What was counted when a file was refused for the sites that it loses."""

from alembic import op

revision = "0021"
down_revision = "0020"

TABLE = """
CREATE TABLE file_loss (
    refusal BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    certified BIGINT NOT NULL,
    base BIGINT NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (refusal)
);

COMMENT ON TABLE file_loss IS
    'Of how many certified sites a refused file would lose how many, counted after the snapshot with the sequence base';

CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON file_loss FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE file_loss ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
