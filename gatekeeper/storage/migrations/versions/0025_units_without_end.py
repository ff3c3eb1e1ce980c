"""What is released on an authorization in all may be more than one line's units can."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE moving_units ALTER units TYPE BIGINT")
