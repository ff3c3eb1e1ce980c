"""The list of orders follows the ledger, whoever changes it, and is the same when it is made anew."""

from typing import Any

from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine

from gatekeeper import listing
from gatekeeper.listing import catch_up, step
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.gate.ledger import Ledger, order
from tests.gate.test_what_moves import varied
from tests.gate.warehouse import Warehouse, event

__all__ = ["varied"]
MEANT = {
    "orders": "SELECT place, order_id, o.wholesaler_id, revision, received_at, decided_at, open_since, ship_on, site_name, word, ending, "
    "lines, opened, s.wholesaler_id, s.programs FROM moving_listed_order o JOIN moving_listed_scope s USING (scope)",
    "lines": "SELECT l.place, l.line, k.wholesaler_id, k.program, k.outcome, k.reasons, k.opened, l.ship_on, l.site_id, l.lot, "
    "l.open_since, l.program_since, "
    "(SELECT array_agg(word ORDER BY word) FROM moving_listed_word w WHERE (w.addressee, w.scope) = (l.addressee, o.scope)), "
    "(SELECT digest FROM moving_listed_addressee a WHERE (a.addressee, a.scope) = (l.addressee, o.scope)) "
    "FROM moving_listed_line l JOIN moving_listed_kind k USING (kind) JOIN moving_listed_order o USING (place)",
    "kinds": "SELECT wholesaler_id, program, outcome, reasons, opened, lines FROM moving_listed_kind WHERE lines <> 0",
    "terms": "SELECT term, place, line FROM moving_listed_term",
    "forms": "SELECT form FROM moving_patient_form",
    "up to": "SELECT examination, block, registry_version, at FROM moving_listed_up_to",
}


def meant(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """What the list says, whichever numbers it gave to kinds and addressees."""
    with transaction(engine) as cursor:
        return {name: sorted(cursor.execute(statement.encode()).fetchall(), key=str) for name, statement in MEANT.items()}


def anew(engine: Engine, most: int) -> dict[str, list[tuple[Any, ...]]]:
    with transaction(engine) as cursor:
        for table in tables.LISTED:
            cursor.execute(SQL("TRUNCATE {}").format(Identifier(table.name)))
    while step(engine, most=most):
        pass
    return meant(engine)


def test_the_list_is_made_anew_from_the_ledger(varied: Ledger) -> None:
    """In pieces of any size; and how it was taken in, in one go or after each change, makes no difference."""
    catch_up(varied.engine)
    whole = meant(varied.engine)
    assert all(whole.values())
    assert sum(row[5] for row in whole["kinds"]) == len(whole["lines"])
    assert anew(varied.engine, most=1) == anew(varied.engine, most=3) == whole
    more = {"/lines/0/patient": None, "/revision": 4}
    varied.judge(order("SO-1", more), order("SO-9", more | {"/ship_to/name": "Elsewhere"}))
    catch_up(varied.engine)
    followed = meant(varied.engine)
    assert followed != whole
    assert anew(varied.engine, most=500) == followed
    assert not step(varied.engine)


def test_events_settle_orders_in_the_list(ledger: Ledger) -> None:
    """A cancelled order is settled, also where no line of it was released and so nothing is judged."""
    ledger.load()
    warehouse = Warehouse(ledger)
    ledger.judge(order("SO-1", {"/lines/0/patient": None}))
    catch_up(ledger.engine)
    assert opened(ledger) == {"SO-1"}
    warehouse.tell(event("cancelled", "SO-1"))
    catch_up(ledger.engine)
    assert opened(ledger) == set()


def test_it_is_open_since_a_line_was_stopped(ledger: Ledger) -> None:
    """Judged again and still stopped, it stays open since it was stopped first."""
    ledger.load()
    ledger.judge(order("SO-1", {"/lines/0/patient": None}), order("SO-2"))
    catch_up(ledger.engine)
    rows = {row[1]: row[6] for row in meant(ledger.engine)["orders"]}
    assert rows["SO-1"] is not None
    assert rows["SO-2"] is None


def test_one_takes_in_while_others_find_nothing_to_do(ledger: Ledger) -> None:
    ledger.load()
    ledger.judge(order("SO-1", {"/lines/0/patient": None}))
    with transaction(ledger.engine) as cursor:
        assert listing.listing.take_list(cursor)
        assert not step(ledger.engine)
    assert not opened(ledger)
    assert not step(ledger.engine)
    assert opened(ledger) == {"SO-1"}


def opened(ledger: Ledger) -> set[str]:
    return {row[1] for row in meant(ledger.engine)["orders"] if row[6] is not None}
