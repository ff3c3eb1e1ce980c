"""A ledger of many orders over 24 months, made by sets: what the desk's list is measured on. It is kept between runs.

Of an order that is made so there is what lists and pages need: an examination with the order and its messages, open lines, the rows of
the list as the follower writes them (the quick form compares the two), a record of each released covered line of the last ones. The
newest orders are judged by the gate itself.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from sqlalchemy import Engine

from gatekeeper.arrivals import Position, Source, read_arrival
from gatekeeper.gate import judge
from gatekeeper.listing import catch_up
from gatekeeper.registry import site_list
from gatekeeper.registry.importing import Terms, import_file
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger
from gatekeeper.storage.engine import migrate, open_engine, transaction
from tests.bench.place import SERVER, say
from tests.bench.world import Sizes, orders, write_snapshot
from tests.gate.test_listing import anew, meant
from tests.real.broker import ROOT
from tests.real.database import Database
from tests.storage.snapshots import Silent

KEPT: Final = ROOT / ".bench" / "desk"
SLICE: Final = 200_000
LISTED: Final = ("moving_listed_order", "moving_listed_line", "moving_listed_term", "moving_listed_word")
REASONS: Final = (
    "patient_missing", "site_suspended", "authorization_unknown", "lot_recalled", "product_expired", "patient_not_enrolled",
    "site_address_disagrees", "authorization_exhausted", "certification_lapsed", "identifier_invalid",
)  # fmt: skip
BLOCKED: Final = ("site_suspended", "lot_recalled", "product_expired", "certification_lapsed")
# Three lines an order: 30 of 100 covered, 2 of 100 stopped, for ten reasons; five wholesalers, of which one has 60 of 100.
LINES: Final = """
CREATE TEMP TABLE made ON COMMIT DROP AS
SELECT i, l::smallint AS line, %(first)s::timestamptz + i * (interval '730 days' / %(orders)s) AS at,
       'SO-' || lpad(i::text, 9, '0') AS name,
       (ARRAY['WD-001','WD-001','WD-001','WD-001','WD-001','WD-001','WD-002','WD-002','WD-003','WD-004'])[1 + mod(i, 10)] AS wholesaler,
       CASE WHEN h < 20 THEN (%(reasons)s::text[])[1 + h / 2] END AS reason,
       h < 300 AS covered, mod(i::bigint * 31, %(sites)s) AS site, 'L' || mod(i::bigint * 7 + l, 5000) AS lot, h
FROM generate_series(%(begin)s::int, %(end)s::int) i, generate_series(1, 3) l,
     LATERAL (SELECT mod(('x' || substr(md5(i || '-' || l), 1, 7))::bit(28)::int, 1000)) d(h)
"""
SAID: Final = """
CREATE TEMP TABLE said ON COMMIT DROP AS
SELECT m.*, CASE WHEN h >= 300 THEN 'not_covered' WHEN h >= 20 THEN 'released' WHEN reason = ANY(%(blocked)s) THEN 'blocked' ELSE 'held' END
            AS outcome,
       (at AT TIME ZONE 'UTC')::date + 2 AS ship_on, 'HF-' || lpad(site::text, 7, '0') AS site_id FROM made m
"""
EXAMINATIONS: Final = """
INSERT INTO examination
SELECT i, min(wholesaler), min(name), 1, 1, 'message', decode(md5(i::text), 'hex'), min(at), 1, convert_to(format(
    '{"at":"%%s","order":{"order_id":"%%s","wholesaler_id":"%%s","revision":1,"ordered_at":"%%s","ship_on":"%%s",'
    '"ship_from":{"site_id":"DC-07"},"ship_to":{"rems_site_id":"%%s","account":"%%s","name":"Harbor Infusion Center %%s","address":'
    '{"street":"1 Main St","city":"Boston","state":"MA","postal_code":"02110"}},"lines":[%%s]},"programs":[],"asked":[]}',
    min(at), min(name), min(wholesaler), min(at), min(ship_on), min(site_id), min(site), min(site), string_agg(
        format('{"line":%%s,"product":{"ndc":"58468-0200-1"},"quantity":1,"unit":"vial","lot":"%%s"%%s}', line, lot, CASE WHEN covered THEN
            format(',"serials":["S%%s-%%s"],"patient":{"patient_id":"P-%%s","authorization_id":"AU-%%s","prescriber_id":"PR-%%s"}',
                i, line, lpad(mod(i, 50000)::text, 8, '0'), i, mod(i, 5000)) ELSE '' END), ',' ORDER BY line)), 'UTF8'),
    convert_to('{"lines":[' || string_agg(format('{"line":%%s,"outcome":"%%s","program":%%s,"site_id":%%s,"record_ids":[]}', line, outcome,
        CASE WHEN covered THEN '"lemtrada"' ELSE 'null' END, CASE WHEN covered THEN '"' || site_id || '"' ELSE 'null' END), ','
        ORDER BY line) FILTER (WHERE reason IS NULL) || ']}', 'UTF8'),
    convert_to('{"lines":[' || string_agg(format('{"line":%%s,"outcome":"%%s","program":"lemtrada","site_id":"%%s","reasons":['
        '{"code":"%%s","outcome":"%%s","stops":true,"text":"…","remedy":"…","evidence":{}}]}', line, outcome, site_id, reason, outcome),
        ',' ORDER BY line) FILTER (WHERE reason IS NOT NULL) || ']}', 'UTF8'), 1
FROM said GROUP BY i
"""
OPEN: Final = "INSERT INTO moving_open_line SELECT i, line, name, wholesaler, 1, NULL FROM said WHERE reason IS NOT NULL"
SCOPES: Final = """
INSERT INTO moving_listed_scope SELECT row_number() OVER (), w, p
FROM unnest(ARRAY['WD-001', 'WD-002', 'WD-003', 'WD-004']) w, unnest(ARRAY[',,', ',,lemtrada,', ',lemtrada,']) p
"""
SCOPED: Final = """
CREATE TEMP TABLE scoped ON COMMIT DROP AS
SELECT s.*, o.scope FROM (
    SELECT d.*, CASE WHEN bool_and(covered) OVER (PARTITION BY i) THEN ',lemtrada,'
                     WHEN bool_or(covered) OVER (PARTITION BY i) THEN ',,lemtrada,' ELSE ',,' END AS programs FROM said d
) s JOIN moving_listed_scope o ON (o.wholesaler_id, o.programs) = (s.wholesaler, s.programs)
"""
ORDERS: Final = """
INSERT INTO moving_listed_order
SELECT i, min(name), min(wholesaler), 1, min(at), min(at), CASE WHEN bool_or(reason IS NOT NULL) THEN min(at) END, min(ship_on),
       'Harbor Infusion Center ' || min(site), lower(min(name)), lpad(i::text, 9, '0'), convert_to('[' || string_agg(format(
           '{"line":%%s,"outcome":"%%s","program":%%s,"site_id":%%s,"reasons":[%%s],"open":%%s}', line, outcome,
           CASE WHEN covered THEN '"lemtrada"' ELSE 'null' END, CASE WHEN covered THEN '"' || site_id || '"' ELSE 'null' END,
           CASE WHEN reason IS NOT NULL THEN '"' || reason || '"' ELSE '' END,
           CASE WHEN reason IS NULL THEN 'false' ELSE 'true' END), ',' ORDER BY line) || ']', 'UTF8'),
       convert_to(CASE WHEN bool_or(reason IS NOT NULL) THEN format('{"lemtrada":"%%sZ"}', to_char(
           min(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS' || CASE WHEN mod(extract(microseconds FROM min(at)), 1000000) = 0
           THEN '' ELSE '.US' END)) ELSE '{}' END, 'UTF8'), min(scope)
FROM scoped GROUP BY i
"""
KINDED: Final = """
CREATE TEMP TABLE kinded ON COMMIT DROP AS
SELECT s.*, CASE WHEN bool_or(reason IS NOT NULL) OVER (PARTITION BY i) THEN ',lemtrada,' ELSE '' END AS opened,
       CASE WHEN covered THEN 'lemtrada' ELSE '' END AS program,
       coalesce(reason, '') AS reasons FROM said s
"""
KINDS: Final = """
INSERT INTO moving_listed_kind AS k
SELECT (SELECT coalesce(max(kind), 0) FROM moving_listed_kind) + row_number() OVER (),
       wholesaler, program, outcome, reasons, opened, count(*)
FROM kinded GROUP BY wholesaler, program, outcome, reasons, opened
ON CONFLICT (wholesaler_id, program, outcome, reasons, opened) DO UPDATE SET lines = k.lines + EXCLUDED.lines
"""
LISTED_LINES: Final = """
INSERT INTO moving_listed_line
SELECT i, line, k.kind, ship_on, site + 1, CASE WHEN covered THEN site_id END, lot, CASE WHEN k.opened <> '' THEN d.at END,
       CASE WHEN k.opened <> '' AND covered THEN d.at END
FROM kinded d JOIN moving_listed_kind k ON (k.wholesaler_id, k.program, k.outcome, k.reasons, k.opened)
                                         = (d.wholesaler, d.program, d.outcome, d.reasons, d.opened)
"""
TERMS: Final = """
INSERT INTO moving_listed_term
SELECT term, i, line FROM said, LATERAL (VALUES ('serial S' || i || '-' || line), ('patient_id P-' || lpad(mod(i, 50000)::text, 8, '0')),
    ('authorization_id AU-' || i), ('prescriber_id PR-' || mod(i, 5000))) t(term) WHERE covered
"""
ADDRESSEES: Final = """
WITH words AS (
    SELECT n AS site, scope, ARRAY(SELECT DISTINCT w COLLATE "C" FROM unnest(
        ARRAY['hf-' || lpad(n::text, 7, '0'), n::text, 'harbor', 'infusion', 'center']) w ORDER BY 1) AS words
    FROM (SELECT DISTINCT site AS n, scope FROM scoped) s
), said AS (INSERT INTO moving_listed_word SELECT scope, w, site + 1 FROM words, unnest(words) w ON CONFLICT DO NOTHING)
INSERT INTO moving_listed_addressee SELECT site + 1, scope, decode(md5(array_to_string(words, chr(10))), 'hex') FROM words
ON CONFLICT DO NOTHING
"""
RECORDS: Final = """
INSERT INTO distribution_record
SELECT md5('record' || n)::uuid, 'lemtrada', n, 'original', NULL, n, 1, convert_to(format(
    '{"record_id":"%%s","program":"lemtrada","sequence":%%s,"kind":"original","replaces":null,"wholesaler_id":"WD-001","order_id":"SO-%%s",'
    '"revision":1,"line":1,"verdict_id":"%%s","recorded_at":"2026-11-20T15:00:01.482Z","ship_on":"2026-11-23","ship_from":{"site_id":"DC-07"},'
    '"ship_to":{"site_id":"HF-0001","class":"healthcare_facility","name":"Harbor Infusion Center","address":{"street":"100 Main Street",'
    '"street2":"Suite 4","city":"Boston","state":"MA","postal_code":"02110"}},"patient_id":"P-%%s","prescriber_id":"PR-19",'
    '"authorization_id":"AU-%%s","administering_site_id":"HF-0001","product":{"ndc":"58468-0200-01","gtin":"00358468020017",'
    '"name":"LEMTRADA 12 mg/1.2 mL"},"quantity":5,"unit":"vial","lot":"A1234","expires_on":"2027-05-31",'
    '"serials":["S1-%%s","S2-%%s","S3-%%s","S4-%%s","S5-%%s"]}', md5('record' || n)::uuid, n, lpad(n::text, 9, '0'),
    md5('verdict' || n)::uuid, lpad(mod(n, 50000)::text, 8, '0'), n, n, n, n, n, n), 'UTF8'), 1
FROM generate_series(1, %(records)s) n
"""


class Made(NamedTuple):
    """How much there is."""

    orders: int = 3_334_000
    sizes: Sizes = Sizes()
    records: int = 200_000
    judged: int = 3000
    """Orders that the gate itself judged, after the others."""


QUICK: Final = Made(600, Sizes(500, 500, 200, 50), 50, 40)


@contextmanager
def made(folder: Path, asked: Made) -> Iterator[str]:
    """The address of the ledger, in a database that runs; it is made where there is none of this size."""
    database = Database(folder / "postgres", SERVER)
    database.start()
    try:
        told, wanted = folder / "made.json", json.dumps(asked)
        if not told.exists() or json.loads(told.read_text())["asked"] != wanted:
            url = database.fresh()
            _make(url, folder, asked)
            told.write_text(json.dumps({"asked": wanted, "name": url.rpartition("/")[2]}))
        url = database.url_of(json.loads(told.read_text())["name"])
        engine = open_engine(url, statement_timeout_s=3600)
        migrate(engine)
        catch_up(engine)
        site_list.catch_up(engine)
        engine.dispose()
        yield url
    finally:
        database.stop()


def _make(url: str, folder: Path, asked: Made) -> None:
    engine = open_engine(url, statement_timeout_s=3600)
    migrate(engine)
    say(f"importing {asked.sizes.sites:,} sites")
    snapshot = write_snapshot(folder / "registry.ndjson", asked.sizes)
    import_file(engine, snapshot, Terms(RuleBook.read().newest, 100), Silent())
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        _by_sets(connection, asked)
    _judged(engine, asked)
    say("the list follows, and everything is analyzed")
    catch_up(engine)
    if asked == QUICK:
        _same_as_the_follower_writes(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def _by_sets(connection: psycopg.Connection[Any], asked: Made) -> None:
    connection.execute("SET synchronous_commit = off")
    connection.execute("SET maintenance_work_mem = '1GB'")
    connection.execute("SET work_mem = '256MB'")
    connection.execute("SET temp_buffers = '512MB'")
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname NOT LIKE '%%pkey'", (list(LISTED),)
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    asking = {"orders": asked.orders, "sites": asked.sizes.sites, "reasons": list(REASONS), "blocked": list(BLOCKED)}
    asking |= {"records": asked.records}
    [(asking["first"],)] = connection.execute("SELECT now() - interval '730 days'").fetchall()
    connection.execute("DELETE FROM moving_follow_up")
    connection.execute(SCOPES)
    connection.execute(RECORDS, asking)
    connection.execute("INSERT INTO moving_record_count VALUES ('lemtrada', %(records)s)", asking)
    for begin in range(1, asked.orders + 1, SLICE):
        part = asking | {"begin": begin, "end": min(begin + SLICE - 1, asked.orders)}
        for statement in (LINES, SAID, EXAMINATIONS, OPEN, SCOPED, ADDRESSEES, ORDERS, KINDED, KINDS, LISTED_LINES, TERMS):
            connection.execute(statement, part)
        connection.commit()
        say(f"{part['end']:,} of {asked.orders:,} orders are made")
    for _, statement in indexes:
        connection.execute(statement.encode())
    connection.execute("UPDATE moving_tail SET examination = %(orders)s", asking)
    connection.execute("INSERT INTO moving_listed_up_to SELECT true, examination, block, 0, at FROM moving_tail")
    connection.commit()


def _judged(engine: Engine, asked: Made) -> None:
    """The newest orders, by the gate itself."""
    book = RuleBook.read()
    with transaction(engine) as cursor:
        rules = book.at(ledger.now(cursor))
        source = Source(ledger.source_of(cursor, "shipment-orders", "made"), "shipment-orders", "made")
    sent = [order.value for order in orders("judged", asked.judged, asked.sizes)]
    for begin in range(0, len(sent), 500):
        with transaction(engine) as cursor:
            placed = enumerate(sent[begin : begin + 500], begin)
            judge(cursor, source, [read_arrival(Position(0, number), value, rules.programs) for number, value in placed], rules)


def _same_as_the_follower_writes(engine: Engine) -> None:
    """Raises where the rows that were made by sets are others than the list's own."""
    made_so = meant(engine)
    if anew(engine, 500) != made_so:
        raise RuntimeError("the rows that were made are not those that the follower writes: nothing was measured")
