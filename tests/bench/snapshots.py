"""Snapshots of five programs, one after another, beside live orders: how long each takes, and how long an order waits for one."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg

from tests.bench.live import Live, ledger_of_its_own, shares
from tests.bench.pipelines import GATE
from tests.bench.place import GATEKEEPER, Place, Watched, peak_of, say
from tests.bench.registry import Waiting
from tests.bench.tables import table
from tests.bench.world import NOW, SITE, Sizes, facts, orders, write_snapshot

OTHERS = ("isotretinoin", "macitentan", "fourth", "fifth")
"""The last two have no rules here, which changes nothing about a snapshot of theirs."""


class Load(NamedTuple):
    """How large each snapshot is, and the live orders beside it."""

    sizes: Sizes = Sizes()
    a_second: int = 300
    warm_s: float = 5
    quiet_s: float = 20
    log_mb: int = 4000
    """So much of PostgreSQL's log is written before: a server that has been at work writes over old segments, and makes no new ones."""


QUICK = Load(Sizes(300, 300, 100, 50), 50, 1, 2, 1)


def measure(place: Place, load: Load) -> str:
    """The table."""
    rows = []
    _wear_in(place, load.log_mb)
    with ledger_of_its_own(place, load.sizes) as own:
        files = list(_files(own.folder, load.sizes))
        prefix = "snapshots."
        own.make_topics(prefix)
        watched = Watched(own, prefix, GATE.group(prefix))
        with GATE.running(own, prefix) as [worker], Live(own, prefix, orders("snapshots", 10**9, load.sizes), load.a_second) as live:
            watched.until(1, worker, "the consumer commits")
            time.sleep(load.warm_s)
            spans = []
            for named, file in ((None, None), *files, (None, None)):
                begun = time.time()
                with _waits(own) as waiting:
                    if file is None:
                        time.sleep(load.quiet_s)
                    peak = _import(own, file) if file else None
                ended = time.time()
                spans.append((named or "none", begun, ended, peak, waiting.longest * 1000, peak_of(worker.pid)))
                say(f"{named or 'no snapshot'}: {ended - begun:.1f} s, longest wait for the ledger lock {spans[-1][4]:.0f} ms")
            live.stop()
            for named, begun, ended, peak, longest, resident in spans:
                taken = f"{ended - begun:.1f} s" if peak else ""
                p50, p99, worst = (f"{each:.0f} ms" for each in shares(live.times(begun, ended)))
                rows.append((named, taken, f"{peak} MB" if peak else "", f"{longest:.0f} ms", p50, p99, worst, f"{resident} MB"))
        watched.close()
        own.drop_topics(prefix)
        for _, file in files:
            file.unlink()
    rows.append(("**must**", "60 s", "", "250 ms", "", "", "", "600 MB"))
    sites = f"snapshot of {load.sizes.sites:,} sites"
    return table((sites, "taken", "importer's peak", "longest wait for the lock", "order p50", "p99", "max", "consumer's peak"), rows)


def _files(folder: Path, sizes: Sizes) -> Iterator[tuple[str, Path]]:
    """The first says everything anew, authorizations too; the second differs from it a little; the others have sites only."""
    yield "lemtrada, with as many authorizations", write_snapshot(folder / "again.ndjson", sizes, after=10_000_000)
    yield "lemtrada, of 100 sites 1 suspended, 1 left out, 1 renamed", _differing(folder, sizes)
    for program in OTHERS:
        yield program, _write(folder / f"{program}.ndjson", program, sizes)


def _write(path: Path, program: str, sizes: Sizes) -> Path:
    template = SITE.replace('"lemtrada"', f'"{program}"')
    lines = [(template % (number + 1, number, "certified", number, number, number)).encode() for number in range(sizes.sites)]
    return _with_header(path, program, sizes.sites, lines)


def _differing(folder: Path, sizes: Sizes) -> Path:
    """Under the sequences of the snapshot before it, but for what is told otherwise: that has new ones."""
    lines, last = list(facts(sizes, 10_000_000)), 10_000_000 + sum(sizes) + 1
    for number in range(1, sizes.sites, 100):
        for place, old, new in ((number, b'"certified"', b'"suspended"'), (number + 1, b"Harbor", b"Haven")):
            last += 1
            lines[place] = lines[place].replace(old, new, 1).replace(b'"sequence":%d,' % (10_000_001 + place), b'"sequence":%d,' % last, 1)
        lines[number + 2] = b""
    return _with_header(folder / "differing.ndjson", "lemtrada", last, [line for line in lines if line])


def _with_header(path: Path, program: str, sequence: int, lines: list[bytes]) -> Path:
    content = b"".join(lines)
    said = {"snapshot": program, "sequence": sequence, "as_of": f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "facts": len(lines)}
    path.write_bytes(msgspec.json.encode(said | {"sha256": sha256(content).hexdigest()}) + b"\n" + content)
    return path


def _wear_in(place: Place, log_mb: int) -> None:
    with psycopg.connect(place.database.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SELECT pg_logical_emit_message(false, 'bench', repeat('x', 1000000)) FROM generate_series(1, %s)", (log_mb,))
        connection.execute("CHECKPOINT")


@contextmanager
def _waits(place: Place) -> Iterator[Waiting]:
    waiting = Waiting(place.url)
    waiting.start()
    try:
        yield waiting
    finally:
        waiting.ended.set()
        waiting.join()


def _import(place: Place, file: Path) -> int:
    """Loads a snapshot by the gate's own command; the most memory, in MB, that it had."""
    with (place.folder / "import.log").open("ab") as log:
        importer = subprocess.Popen([*GATEKEEPER, "registry", "import", str(file)], env=place.environment(""), stdout=log, stderr=log)
        peak = 0
        while importer.poll() is None:
            peak = max(peak, peak_of(importer.pid))
            time.sleep(0.2)
    if importer.returncode:
        raise RuntimeError(f"the import of {file.name} ended with {importer.returncode}")
    return peak
