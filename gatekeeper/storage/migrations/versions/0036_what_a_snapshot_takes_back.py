"""What a snapshot takes back is followed before the rest of it: the questions whose answers it changed for the worse."""

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE moving_follow_up ADD COLUMN questions BIGINT[]")
