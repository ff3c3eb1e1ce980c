"""How long a snapshot of 350,000 sites and 350,000 authorizations takes, and how long it keeps the consumers waiting.

Each line is one import by command line: seconds, the importing program's peak memory, and the longest that another session, which
takes the ledger lock all the time as consumers do, had to wait for it.
"""

import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from gatekeeper.storage.engine import migrate, open_engine
from gatekeeper.storage.ledger import take_lock
from tests.real.database import Database

SITES = AUTHORIZATIONS = 350_000
SITE = (
    '{"fact":"site","program":"lemtrada","sequence":%d,"effective_on":"2025-06-01","site_id":"HF-%07d","class":"healthcare_facility",'
    '"status":"%s","certified_on":"2025-06-01","valid_through":"2027-05-31","name":"Harbor Infusion Center %d",'
    '"address":{"street":"%d Main St","street2":"Ste 4","city":"Boston","state":"MA","postal_code":"02110"},'
    '"identifiers":{"npi":["1%09d"],"account":["WD-001:%d"]},"authorized_representative":"J. Rivera"}\n'
)
AUTHORIZATION = (
    '{"fact":"authorization","program":"lemtrada","sequence":%d,"effective_on":"2026-11-01","authorization_id":"AU-%07d",'
    '"status":"authorized","patient_id":"P-%08d","prescriber_id":"PR-%05d","administering_site_id":"HF-%07d","course":1,"units":5,'
    '"valid_from":"2026-11-01","valid_through":"2026-12-01","form_submitted_on":"2026-11-01"}\n'
)


def lines(suspended: int) -> Iterator[bytes]:
    """The facts; that many sites are not certified any more."""
    for number in range(SITES):
        status = "suspended" if number < suspended else "certified"
        yield (SITE % (number + 1, number, status, number, number, number * 48_271 % 999_999_937, number)).encode()
    for number in range(AUTHORIZATIONS):
        yield (AUTHORIZATION % (SITES + number + 1, number, number * 7, number % 10_000, number)).encode()


def write(path: Path, suspended: int, sequence: int) -> Path:
    """A snapshot file."""
    digest = hashlib.sha256()
    for line in lines(suspended):
        digest.update(line)
    header = '{"snapshot":"lemtrada","sequence":%d,"as_of":"2026-11-20T06:00:00Z","facts":%d,"sha256":"%s"}\n'
    with path.open("wb") as file:
        file.write((header % (sequence, SITES + AUTHORIZATIONS, digest.hexdigest())).encode())
        file.writelines(lines(suspended))
    return path


class Waiting(threading.Thread):
    """Takes the ledger lock again and again, and remembers the longest wait."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.ended, self.longest = url.replace("+psycopg", ""), threading.Event(), 0.0

    def run(self) -> None:
        with psycopg.connect(self.url) as connection:
            while not self.ended.wait(0.005):
                begun = time.monotonic()
                take_lock(connection.cursor())
                self.longest = max(self.longest, time.monotonic() - begun)
                connection.commit()


def measure(url: str, file: Path, named: str) -> None:
    """One import, and what it took."""
    waiting = Waiting(url)
    waiting.start()
    begun = time.monotonic()
    environment = os.environ | {"GATEKEEPER_DATABASE_URL": url}
    command = [sys.executable, "-W", "ignore", "-c", "from gatekeeper.cli import main; main()", "registry", "import", str(file)]
    done = subprocess.run(command, env=environment, check=False)
    seconds = time.monotonic() - begun
    waiting.ended.set()
    waiting.join()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    sys.stdout.write(f"{named:<28} exit {done.returncode}  {seconds:6.1f} s  {peak:5d} MB  longest wait {waiting.longest * 1000:6.1f} ms\n")
    sys.stdout.flush()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [
            write(Path(folder, f"{nth}.ndjson"), changed, SITES + AUTHORIZATIONS + 1 + nth) for nth, changed in enumerate((0, 1000, 0))
        ]
        database = Database(Path(folder, "postgres"))
        database.start()
        try:
            url = database.fresh()
            engine = open_engine(url)
            migrate(engine)
            engine.dispose()
            for file, named in zip(files, ("into an empty registry", "1,000 sites suspended", "certified again"), strict=True):
                measure(url, file, named)
        finally:
            database.stop()


if __name__ == "__main__":
    main()
