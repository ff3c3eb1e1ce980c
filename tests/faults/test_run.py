"""Twenty faults under load, each kind at least once: nothing is lost, said twice or wrong, and the run proves it."""

from pathlib import Path

from tests.faults.plan import KINDS, plan
from tests.faults.run import run
from tests.real.broker import Broker
from tests.real.database import Database

NUMBER, SEED = 20, 7


def test_nothing_goes_wrong_under_twenty_faults(broker: Broker, postgres: Database, tmp_path: Path) -> None:
    told: list[str] = []
    report = run(broker, postgres, tmp_path, NUMBER, SEED, told.append)
    assert report.judgement.clean, report.judgement
    assert report.proves_something, (report, told)


def test_a_plan_has_every_kind_of_fault_and_follows_from_its_seed() -> None:
    assert set(plan(1, SEED)) == set(KINDS)
    assert plan(NUMBER, SEED) == plan(NUMBER, SEED) != plan(NUMBER, SEED + 1)
    assert len(plan(NUMBER, SEED)) == max(NUMBER, len(KINDS))
    assert len(plan(200, SEED)) == 200
