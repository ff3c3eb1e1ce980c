"""Site aliases and bypasses are read page by page, the oldest first."""

from alembic import op

revision = "0020"
down_revision = "0019"

INDEXES = """
CREATE INDEX bypass_at ON bypass (at, bypass_id);

CREATE INDEX site_alias_at ON site_alias (at, alias_id)
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(INDEXES)
