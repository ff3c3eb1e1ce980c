"""What a text begins in the list is found, and counted, among what shows to who asks. The list is made anew."""

from alembic import op

revision = "0031"
down_revision = "0030"

CHANGE = """
TRUNCATE moving_listed_up_to, moving_listed_order, moving_listed_line, moving_listed_kind, moving_listed_term;

CREATE TABLE moving_listed_scope (
    scope INTEGER NOT NULL,
    wholesaler_id TEXT NOT NULL,
    programs TEXT NOT NULL,
    PRIMARY KEY (scope)
);

CREATE UNIQUE INDEX moving_listed_scope_said ON moving_listed_scope (wholesaler_id, programs);

COMMENT ON TABLE moving_listed_scope IS
    'To whom orders show: of which wholesaler they are, and of which programs their lines, with commas around';

ALTER TABLE moving_listed_order ADD scope INTEGER NOT NULL;

DROP INDEX moving_listed_order_word;

DROP INDEX moving_listed_order_ending;

CREATE INDEX moving_listed_order_word ON moving_listed_order (scope, word);

CREATE INDEX moving_listed_order_ending ON moving_listed_order (scope, ending);

DROP TABLE moving_listed_addressee;

CREATE TABLE moving_listed_addressee (
    addressee BIGINT NOT NULL,
    scope INTEGER NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (addressee, scope)
);

CREATE UNIQUE INDEX moving_listed_addressee_digest ON moving_listed_addressee (digest, scope);

COMMENT ON TABLE moving_listed_addressee IS
    'To whom orders of a scope in the list go, by the digest of the words of it';

DROP TABLE moving_listed_word;

CREATE TABLE moving_listed_word (
    scope INTEGER NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    addressee BIGINT NOT NULL,
    PRIMARY KEY (scope, word, addressee)
);

CREATE INDEX moving_listed_word_addressee ON moving_listed_word (addressee, word);

COMMENT ON TABLE moving_listed_word IS
    'A word of an addressee: of its name, or one of its identifiers'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CHANGE)
