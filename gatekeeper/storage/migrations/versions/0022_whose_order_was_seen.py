"""What waits no longer for its order, because that was seen, says so by itself: until now it was a hundred years older."""

from alembic import op

revision = "0022"
down_revision = "0021"

SEEN = """
ALTER TABLE moving_waiting_event ADD waits BOOLEAN NOT NULL DEFAULT true;

UPDATE moving_waiting_event SET waits = false, since = CASE WHEN since = 'epoch' THEN since ELSE since + interval '100 years' END
WHERE since < '2000-01-01';

ALTER TABLE moving_waiting_event ALTER waits DROP DEFAULT;

DROP INDEX moving_waiting_event_since;

CREATE INDEX moving_waiting_event_turn ON moving_waiting_event (waits, since);

COMMENT ON TABLE moving_waiting_event IS
    'What an event said of a line and no record says yet: its order is waited for, up to these ends, or was seen'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SEEN)
