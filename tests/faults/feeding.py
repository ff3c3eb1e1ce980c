"""The records' way on: what the REMS says of them as they come, and files of them whose writers are killed."""

import hashlib
import json
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from random import Random

from gatekeeper.storage.engine import transaction
from tests.faults.booked import Alert, Booked, Named, Row
from tests.faults.labels import ACKNOWLEDGEMENTS, Telling, refusal
from tests.faults.orders import Wire, written
from tests.faults.scene import ROOT, Scene
from tests.faults.shipping import Goods

NEW = "SELECT record_id, sequence FROM distribution_record WHERE program = 'lemtrada' AND sequence > %s ORDER BY sequence"
COUNTED = "SELECT record_id, status FROM acknowledgement ORDER BY program, sequence, number"
FILES = "SELECT program, number, sha256, first_sequence, last_sequence FROM feed_file ORDER BY number"
AT = "2026-11-21T04:12:09Z"
COUNTS, REPEAT, ASIDE, REFUSED = (frozenset({kind}) for kind in ("acknowledgement", "repeat", "aside", "refused"))


class Feed:
    """What a run says of its records, and what it must come to."""

    def __init__(self, scene: Scene, chance: Random) -> None:
        self._scene, self._chance = scene, chance
        self._known = 0
        self._words: dict[str, tuple[str, ...]] = {}
        self._alerts: list[Alert] = []
        self._seen: list[Named] = []
        self.folder = scene.folder / "feed"

    def words(self) -> list[Telling]:
        """What is said of the records that have come since the last time: once, twice, otherwise, by another; and some nonsense."""
        with transaction(self._scene.engine) as cursor:
            new = cursor.execute(NEW, (self._known,)).fetchall()
        self._known = new[-1][1] if new else self._known
        said = [telling for record, _ in new for telling in self._words_of(str(record))]
        self._alerts.append(("acknowledgement_unknown", ""))
        nobody = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        return [
            *said,
            Telling(ACKNOWLEDGEMENTS, self._somewhere(), b"\xffrubbish", REFUSED, refusal("")),
            self._telling(self._somewhere(), self._accepted(nobody), ASIDE),
        ]

    def write(self, die_at: str | None = None, kind: str = "the product") -> bool:
        """A writer of files in a process of its own; says whether it died as it was told."""
        words = ["--database", self._scene.url, "--folder", str(self.folder), "--kind", kind, *(["--die", die_at] if die_at else [])]
        command = [sys.executable, "-W", "ignore", "-m", "tests.faults.writer", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode not in (0, -signal.SIGKILL):
            raise RuntimeError(f"a writer ended with {done.returncode}: {done.stdout}{done.stderr}")
        self._seen += self._files()
        return done.returncode == -signal.SIGKILL

    def unfiled(self) -> bool:
        """Whether there are records that are in no file."""
        with transaction(self._scene.engine) as cursor:
            last = max((row[4] for row in cursor.execute(FILES)), default=0)
            return bool(cursor.execute(NEW, (last,)).fetchone())

    def booked(self, goods: list[Goods]) -> Booked:
        """All that the judge needs, when everything is done."""
        with transaction(self._scene.engine) as cursor:
            counted = tuple((str(record), status) for record, status in cursor.execute(COUNTED))
            rows = tuple(Row(f"{program}-{number:06}.jsonl", sha.hex(), *ends) for program, number, sha, *ends in cursor.execute(FILES))
        told = {json.loads(each.value)["order_id"] for each in self._told()}
        mine = tuple(each for each in goods if each.order_id in told)
        return Booked(mine, self._words, counted, tuple(self._alerts), tuple(self._seen), tuple(self._files()), rows)

    def _told(self) -> list[Telling]:
        """The events that were sent and can be read."""
        return [each for each in self._scene.told["shipment-events"].values() if each.kinds != REFUSED]

    def _files(self) -> list[Named]:
        """What stands under a name, or was left half way."""
        return [_named(path) for path in sorted(self.folder.glob("*")) if not path.name.startswith(".")]

    def _words_of(self, record: str) -> list[Telling]:
        partition, accepted, which = self._somewhere(), self._accepted(record), self._chance.randrange(10)
        self._words[record] = ("accepted",)
        if which == 0:
            self._words[record] = ("rejected",)
            self._alerts.append(("record_rejected", record))
            said = {"record_id": record, "status": "rejected", "problem": "The lot is not known.", "at": AT}
            return [self._telling(partition, said, COUNTS)]
        first = self._telling(partition, accepted, COUNTS)
        if which == 1:
            return [first, self._telling(partition, accepted, REPEAT)]
        if which == 2:
            self._alerts.append(("acknowledgement_contradicts", record))
            return [first, self._telling(partition, accepted | {"receipt": "another"}, ASIDE)]
        if which == 3:
            self._alerts.append(("acknowledgement_of_other_program", record))
            return [self._telling(partition, accepted | {"program": "another"}, ASIDE), first]
        return [first]

    def _accepted(self, record: str) -> Wire:
        return {"record_id": record, "status": "accepted", "receipt": f"R-{self._chance.randrange(1 << 40)}", "at": AT}

    def _telling(self, partition: int, said: Wire, kinds: frozenset[str]) -> Telling:
        return Telling(ACKNOWLEDGEMENTS, partition, written(said), kinds)

    def _somewhere(self) -> int:
        return self._chance.randrange(self._scene.partitions)


def _named(path: Path) -> Named:
    raw = path.read_bytes()
    records = [json.loads(line) for line in raw.splitlines()]
    return Named(path.name, hashlib.sha256(raw).hexdigest(), tuple(record["sequence"] for record in records if "sequence" in record))
