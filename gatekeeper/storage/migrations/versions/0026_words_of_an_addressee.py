"""The words of an addressee are found by it."""

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("CREATE INDEX moving_listed_word_addressee ON moving_listed_word (addressee, word)")
