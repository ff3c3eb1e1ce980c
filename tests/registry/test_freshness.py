"""How a consumer tells of the registries: in its health, and in its metrics."""

from datetime import timedelta

from gatekeeper.clock import now
from gatekeeper.metrics import REGISTRY
from gatekeeper.registry.freshness import Freshness
from tests.registry.telling import Telling, heartbeat
from tests.storage.snapshots import site

LIMITS = {"lemtrada": timedelta(hours=24), "never-heard": timedelta(hours=24)}


def test_each_program_is_told_with_its_age_and_what_is_missing(telling: Telling) -> None:
    """Programs without rules are not named: whoever sends a fact can make up any name."""
    telling.ledger.set_clock(None)
    as_of = now() - timedelta(hours=30)
    telling.tell(site(1), heartbeat(2, f"{as_of:%Y-%m-%dT%H:%M:%SZ}"), site(3, sequence=4), site(4, program="made-up"))
    freshness = Freshness(lambda: LIMITS)
    assert freshness.told() == ""
    freshness.look(telling.engine)

    lemtrada, never = freshness.told().splitlines()
    assert lemtrada.startswith(f"lemtrada as_of={as_of:%Y-%m-%dT%H:%M:%SZ} age_s=10")
    assert lemtrada.endswith("stale=yes missing=1")
    assert never == "never-heard as_of=never age_s=never stale=yes missing=0"
    assert REGISTRY.get_sample_value("gatekeeper_registry_missing_facts", {"program": "lemtrada"}) == 1
    assert REGISTRY.get_sample_value("gatekeeper_registry_stale", {"program": "lemtrada"}) == 1
    assert REGISTRY.get_sample_value("gatekeeper_registry_stale", {"program": "never-heard"}) == 1
    assert REGISTRY.get_sample_value("gatekeeper_registry_missing_facts", {"program": "made-up"}) is None
