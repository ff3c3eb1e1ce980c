"""The list of orders, which follows the ledger."""

from alembic import op

revision = "0014"
down_revision = "0013"

TABLES = """
CREATE TABLE moving_listed_up_to (
    "only" BOOLEAN NOT NULL,
    examination BIGINT NOT NULL,
    block BIGINT NOT NULL,
    registry_version BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY ("only"),
    CONSTRAINT moving_listed_up_to_one_row CHECK ("only")
);

COMMENT ON TABLE moving_listed_up_to IS
    'How far the list of orders has followed the ledger: up to which examination, block, and version of the registry';

CREATE TABLE moving_listed_order (
    place BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    open_since TIMESTAMP WITH TIME ZONE,
    ship_on DATE NOT NULL,
    site_name TEXT,
    word TEXT COLLATE "C" NOT NULL,
    ending TEXT COLLATE "C" NOT NULL,
    lines BYTEA NOT NULL,
    PRIMARY KEY (place)
);

CREATE INDEX moving_listed_order_ending ON moving_listed_order (ending);

CREATE INDEX moving_listed_order_order ON moving_listed_order (order_id, wholesaler_id);

CREATE INDEX moving_listed_order_received_at ON moving_listed_order (received_at, place);

CREATE INDEX moving_listed_order_word ON moving_listed_order (word);

COMMENT ON TABLE moving_listed_order IS
    'An order at its highest revision, as the list shows it; its place is the examination that judged the revision first';

CREATE TABLE moving_listed_line (
    place BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    kind INTEGER NOT NULL,
    ship_on DATE NOT NULL,
    addressee BIGINT NOT NULL,
    site_id TEXT,
    lot TEXT,
    PRIMARY KEY (place, line)
);

CREATE INDEX moving_listed_line_addressee ON moving_listed_line (addressee, kind, place);

CREATE INDEX moving_listed_line_kind ON moving_listed_line (kind, place);

CREATE INDEX moving_listed_line_lot ON moving_listed_line (lot, kind, place) WHERE lot IS NOT NULL;

CREATE INDEX moving_listed_line_ship_on ON moving_listed_line (kind, ship_on, place);

CREATE INDEX moving_listed_line_site ON moving_listed_line (site_id, kind, place) WHERE site_id IS NOT NULL;

COMMENT ON TABLE moving_listed_line IS 'A line of an order in the list, by what it can be found';

CREATE TABLE moving_listed_kind (
    kind INTEGER NOT NULL,
    wholesaler_id TEXT NOT NULL,
    program TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reasons TEXT NOT NULL,
    open BOOLEAN NOT NULL,
    lines BIGINT NOT NULL,
    PRIMARY KEY (kind)
);

CREATE UNIQUE INDEX moving_listed_kind_said ON moving_listed_kind (wholesaler_id, program, outcome, reasons, open);

COMMENT ON TABLE moving_listed_kind IS
    'What lines in the list have in common (no program is an empty one, reasons have commas between), and how many lines have it';

CREATE TABLE moving_listed_term (
    term TEXT NOT NULL,
    place BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    PRIMARY KEY (term, place, line)
);

CREATE INDEX moving_listed_term_place ON moving_listed_term (place);

COMMENT ON TABLE moving_listed_term IS 'A serial, patient, authorization or prescriber that a line in the list names';

CREATE TABLE moving_listed_addressee (
    addressee BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (addressee)
);

CREATE UNIQUE INDEX moving_listed_addressee_digest ON moving_listed_addressee (digest);

COMMENT ON TABLE moving_listed_addressee IS 'To whom orders in the list go, by the digest of the words of it';

CREATE TABLE moving_listed_word (
    word TEXT COLLATE "C" NOT NULL,
    addressee BIGINT NOT NULL,
    PRIMARY KEY (word, addressee)
);

COMMENT ON TABLE moving_listed_word IS 'A word of an addressee: of its name, or one of its identifiers';

CREATE TABLE moving_patient_form (
    form TEXT NOT NULL,
    PRIMARY KEY (form)
);

COMMENT ON TABLE moving_patient_form IS
    'How the ids of patients and authorizations are written: a word before a separator, then letters and digits as such';

CREATE INDEX shipment_event_block ON shipment_event (block);

CREATE INDEX desk_entry_block ON desk_entry (block)
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)
