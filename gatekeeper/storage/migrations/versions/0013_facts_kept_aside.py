"""Facts that were kept aside are found by their subject."""

from alembic import op

revision = "0013"
down_revision = "0012"

# A fact is kept in the one way in which it is held, which begins so; of what is none this says nothing.
SUBJECT = """
CREATE FUNCTION subject_of_fact(body BYTEA) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (fact ->> 'program') || '/' || (fact ->> 'fact') || CASE fact ->> 'fact'
        WHEN 'program' THEN ''
        WHEN 'recall' THEN '/' || (fact ->> 'lot')
        ELSE '/' || (fact ->> ((fact ->> 'fact') || '_id'))
    END FROM (SELECT convert_from(body, 'UTF8')::jsonb AS fact WHERE substring(body FOR 8) = '{"fact":'::bytea) AS read
$$;

CREATE INDEX aside_subject ON aside (subject_of_fact(body))
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SUBJECT)
