"""Look-backs under way are work in hand: where their rows are lost, one row for the load of the fact begins them anew."""

from gatekeeper.following import look_back
from gatekeeper.following.steps import expand
from gatekeeper.storage import ledger as kept
from gatekeeper.storage import moving, tables
from gatekeeper.storage.engine import transaction
from tests.gate.following import Always, follow
from tests.gate.late import HF1, found, judge_on, told
from tests.gate.ledger import Ledger
from tests.gate.test_look_back import alerts, whole
from tests.registry.conftest import telling
from tests.registry.telling import Telling

__all__ = ["telling"]


def test_look_backs_that_were_lost_are_begun_anew(ledger: Ledger, telling: Telling) -> None:
    """Under another number, from the start: what was found before is found again, and the alert tells of all of it."""
    names = [f"SO-{number}" for number in range(5)]
    judge_on(ledger, 0, *names)
    telling.tell(told(HF1, 0, "suspended"))
    with transaction(ledger.engine) as cursor:
        assert expand(cursor, Always(ledger.rules), 1000, at_once=True)
    assert look_back.step(ledger.engine, ledger.rules.programs, examinations=2)
    [load] = [row[0] for row in ledger.rows(tables.REGISTRY_BATCH)]
    [lost] = [row[0] for row in ledger.rows(tables.LOOKING_BACK)]
    with transaction(ledger.engine) as cursor:
        cursor.execute("DELETE FROM moving_look_back")
        kept.take_lock(cursor)
        moving.follow(cursor, "fact", kept.read_tail(cursor).examination, load=load)
    follow(ledger)

    assert [name for name, _ in found(ledger)] == [*names[:2], *names]
    [row] = ledger.rows(tables.LOOK_BACK)
    assert (row[0] > lost, row[4:6]) == (True, (5, 5))
    [alert] = alerts(ledger)
    assert alert["evidence"]["lines"] == len(names)
    assert whole(ledger)
