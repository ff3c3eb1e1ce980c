"""Twenty faults under load, each kind at least once: nothing is lost, said twice or wrong, and the run proves it."""

from pathlib import Path

from tests.faults.plan import ALONE, KINDS, plan, together
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


def test_what_comes_together_hits_workers_of_different_kinds() -> None:
    waves = together(plan(200, SEED))
    assert sorted(fault for wave in waves for fault in wave) == sorted(plan(200, SEED))
    assert all(len({fault.consumer for fault in wave}) == len(wave) for wave in waves)
    assert all(len(wave) == 1 for wave in waves if any(fault.what in ALONE for fault in wave))
    assert len(waves) < 200
