"""What a cursor holds is sealed, by one key for all processes."""

from alembic import op

revision = "0035"
down_revision = "0034"

CURSOR_KEY = """
CREATE TABLE moving_cursor_key (
    "only" BOOLEAN NOT NULL DEFAULT true,
    key BYTEA NOT NULL,
    PRIMARY KEY ("only"),
    CONSTRAINT moving_cursor_key_one_row CHECK ("only")
);

COMMENT ON TABLE moving_cursor_key IS
    'Under which cursors are sealed; where it is lost another is made, and lists that are being paged through begin anew'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CURSOR_KEY)
