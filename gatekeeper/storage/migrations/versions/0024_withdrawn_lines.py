"""What was withdrawn is asked for, where a wholesaler reports shipments and says nothing of it."""

from alembic import op

revision = "0024"
down_revision = "0023"

WITHDRAWN_LINE = """
CREATE TABLE moving_withdrawn_line (
    examination BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (examination, line)
);

CREATE INDEX moving_withdrawn_line_until ON moving_withdrawn_line (until);

COMMENT ON TABLE moving_withdrawn_line IS
    'A released line that was withdrawn, and until when its wholesaler should have said what became of its goods'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(WITHDRAWN_LINE)
