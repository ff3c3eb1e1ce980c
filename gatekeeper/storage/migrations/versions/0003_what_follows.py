"""What follows from a change: what moves for it, and what moved before in another form, made anew.

Open lines are judged again at once, for what they hang on was not kept for all.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE moving_sequence (
    program TEXT NOT NULL,
    received INT8MULTIRANGE NOT NULL,
    missing_since TIMESTAMP WITH TIME ZONE,
    alerted BOOLEAN NOT NULL,
    PRIMARY KEY (program)
);

COMMENT ON TABLE moving_sequence IS 'Which of a program''s sequences have come, since when one is missing, and whether that was said';

CREATE TABLE moving_heartbeat (
    program TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (program, sequence)
);

COMMENT ON TABLE moving_heartbeat IS 'A heartbeat that makes the registry fresh when nothing up to its sequence is missing any more';

CREATE TABLE moving_watched_line (
    examination BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    order_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (examination, line)
);

CREATE INDEX moving_watched_line_next_at ON moving_watched_line (next_at);

CREATE INDEX moving_watched_line_order ON moving_watched_line (order_id, wholesaler_id);

COMMENT ON TABLE moving_watched_line IS 'A released line whose goods have not left, how long it is watched, when its answer could change';

CREATE TABLE moving_follow_up (
    id BIGSERIAL NOT NULL,
    cause TEXT NOT NULL,
    load BIGINT,
    question BIGINT,
    place BIGINT NOT NULL,
    through BIGINT NOT NULL,
    PRIMARY KEY (id)
);

COMMENT ON TABLE moving_follow_up IS 'Something changed: what hangs on it has still to be found, from this place on';

CREATE TABLE moving_due (
    examination BIGINT NOT NULL,
    cause TEXT NOT NULL,
    PRIMARY KEY (examination)
);

COMMENT ON TABLE moving_due IS 'An examination whose open or watched lines are to be judged again';

CREATE TABLE moving_look_back (
    id BIGINT NOT NULL,
    fact BIGINT NOT NULL,
    kind TEXT NOT NULL,
    place BIGINT NOT NULL,
    through BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    findings BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX moving_look_back_turn ON moving_look_back (kind, lines, id);

COMMENT ON TABLE moving_look_back IS 'A look-back under way: up to which examination it has come, and how far it goes';

CREATE TABLE moving_rules (
    program TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (program)
);

COMMENT ON TABLE moving_rules IS 'The rules by which open and watched lines were last judged';
"""

ANEW = """
ALTER TABLE moving_tail RENAME TO tail_before;
ALTER TABLE tail_before DROP CONSTRAINT moving_tail_pkey, DROP CONSTRAINT moving_tail_one_row;
CREATE TABLE moving_tail (
    "only" BOOLEAN NOT NULL,
    block BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    examination BIGINT NOT NULL,
    registry_version BIGINT NOT NULL,
    outbox BIGINT NOT NULL,
    PRIMARY KEY ("only"),
    CONSTRAINT moving_tail_one_row CHECK ("only")
);

COMMENT ON TABLE moving_tail IS 'Where the ledger ends: the last block, examination, registry version and number of the outbox';
ALTER TABLE moving_tail SET (fillfactor = 10);
INSERT INTO moving_tail ("only", block, hash, at, examination, registry_version, outbox)
SELECT "only", block, hash, at, examination, registry_version, 0 FROM tail_before;
DROP TABLE tail_before;

DROP TABLE moving_site_identifier;
CREATE TABLE moving_site_identifier (
    value TEXT NOT NULL,
    kind TEXT NOT NULL,
    site_id TEXT NOT NULL,
    load BIGINT NOT NULL,
    PRIMARY KEY (value, kind, site_id, load)
);

COMMENT ON TABLE moving_site_identifier IS 'Which sites some fact gives an identifier to; no load writes a row of another';
INSERT INTO moving_site_identifier (value, kind, site_id, load)
SELECT DISTINCT value, kind, subject, load
FROM (SELECT subject, load, convert_from(body, 'UTF8')::jsonb -> 'identifiers' AS identifiers FROM fact WHERE kind = 'site') f,
     jsonb_each(identifiers) i (kind, on_file), jsonb_array_elements_text(on_file) v (value)
WHERE identifiers IS NOT NULL;

ALTER TABLE moving_open_line RENAME TO open_before;
ALTER TABLE open_before DROP CONSTRAINT moving_open_line_pkey;
DROP INDEX moving_open_line_order, moving_open_line_next_day;
CREATE TABLE moving_open_line (
    examination BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    order_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (examination, line)
);

CREATE INDEX moving_open_line_next_at ON moving_open_line (next_at);

CREATE INDEX moving_open_line_order ON moving_open_line (order_id, wholesaler_id);

COMMENT ON TABLE moving_open_line IS 'A stopped line that may still be released, and when the next day begins that could change its answer';
INSERT INTO moving_open_line (examination, line, order_id, wholesaler_id, revision, next_at)
SELECT examination, line, order_id, wholesaler_id, revision, now() FROM open_before;
DROP TABLE open_before;

DROP TABLE moving_dependency;
CREATE TABLE moving_dependency (
    question BIGINT NOT NULL,
    examination BIGINT NOT NULL,
    PRIMARY KEY (question, examination)
);

COMMENT ON TABLE moving_dependency IS 'What a case looked up, also in vain: the question by the first 8 bytes of its MD5';

INSERT INTO moving_sequence (program, received, missing_since, alerted)
SELECT program, range_agg(int8range(1, sequence, '[]')), NULL, false FROM registry_load
WHERE covers @> ARRAY['site', 'patient', 'prescriber', 'authorization', 'recall', 'program'] GROUP BY program
"""


def upgrade() -> None:
    for statements in (TABLES, ANEW):
        op.get_bind().exec_driver_sql(statements)
