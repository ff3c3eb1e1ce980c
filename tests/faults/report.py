"""What a run gives: how often each fault occurred, and that enough happened for that to mean something."""

from collections import Counter
from typing import NamedTuple

from tests.faults.judge import Judgement, Seen
from tests.faults.plan import KINDS, Fault
from tests.faults.scene import Scene
from tests.faults.seen import differing_anew, read_back_by


class Report(NamedTuple):
    judgement: Judgement
    hits: dict[Fault, int]
    sent: int
    read: int
    happened: dict[str, int]
    """What must have happened besides the faults, or the run proves nothing."""

    @property
    def proves_something(self) -> bool:
        """Every kind of fault happened, and it mattered."""
        return all(self.hits.get(kind) for kind in KINDS) and all(self.happened.values())


def happened(scene: Scene, seen: Seen) -> dict[str, int]:
    """What must have happened besides the faults."""
    read_back, examinations = read_back_by(scene), seen.followed.examinations
    causes = Counter(each.cause for each in examinations)
    return {
        "messages read back and published": len(read_back),
        "verdicts read back that would have differed if judged anew": differing_anew(scene.engine, read_back),
        "facts read back": len(read_back_by(scene, "facts")),
        "events read back": len(read_back_by(scene, "events")),
        "acknowledgements read back": len(read_back_by(scene, "acknowledgements")),
        "records corrected by what left": causes["shipped"],
        "records of what came back": causes["returned"],
        "goods that left past the gate": sum(goods.outside for goods in seen.booked.goods),
        "examinations of lines judged again": causes["again"],
        "lines released again": sum(len(each.released) for each in examinations if each.cause == "again"),
        "lines withdrawn by what was told": sum(len(each.withdrawn) for each in examinations if each.cause == "withdrawn"),
        "findings of look-backs": len(seen.followed.findings),
    }
