"""A real Apache Kafka for tests, benchmarks and development: one node from its Maven artifacts, on 127.0.0.1 only.

`python -m tests.real.broker` runs one in the foreground until Ctrl-C.
"""

import base64
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import string
import subprocess
import tempfile
import uuid
from pathlib import Path

import click
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.real.ports import free_ports, listens
from tests.real.waiting import wait_until

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "deploy" / "kafka"
KEPT = ROOT / ".kafka"

READY_SECONDS = 240.0
STOP_SECONDS = 30.0

# For clients whose lines about lost connections are expected.
SILENT = logging.getLogger("tests.real.broker.client")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False


class NotInstalledError(RuntimeError):
    """The machine lacks something; the sentence says what to install."""


class Broker:
    """One Kafka node whose logs, settings and ports live in a folder; another Broker of the same folder goes on where it stopped.

    `bootstrap` is its address. Clients of `proxied_bootstrap` are led to a proxy, which is to listen at `proxy_port` and to pass
    on to `target_port`; nobody listens there until a test starts one.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder = folder.resolve()
        self._server: subprocess.Popen[bytes] | None = None
        kept = folder / "ports.json"
        if not kept.exists():
            kept.write_text(json.dumps(dict(zip(("plain", "controller", "proxied", "proxy"), free_ports(4), strict=True))))
        ports = json.loads(kept.read_text())
        self.port: int = ports["plain"]
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.target_port: int = ports["proxied"]
        self.proxy_port: int = ports["proxy"]
        self.proxied_bootstrap = f"127.0.0.1:{self.proxy_port}"
        template = string.Template((RECIPE / "server.properties").read_text())
        (folder / "server.properties").write_text(template.substitute(ports, logs=folder / "logs"))

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._server is None:
            raise RuntimeError("the broker is not running")
        return self._server.pid

    def start(self) -> None:
        """Returns when the broker answers and leads all partitions; what it held before a stop or a kill is still there."""
        if self._server is not None:
            raise RuntimeError("the broker is running already")
        if listens(self.port):
            raise RuntimeError(f"something answers at {self.bootstrap} already; is a broker of this folder running?")
        if not (self.folder / "logs" / "meta.properties").exists():
            self._format()
        with (self.folder / "broker.log").open("ab") as log:
            self._server = subprocess.Popen(
                self._java("kafka.Kafka", "server.properties"), cwd=self.folder, env=_environment(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def wait(self) -> int:
        """Returns the server's exit status when it ends."""
        if self._server is None:
            raise RuntimeError("the broker is not running")
        return self._server.wait()

    def stop(self) -> None:
        """Ends it in good order; nothing to do if it is not running."""
        if self._server is None:
            return
        self._server.terminate()
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._server = None

    def kill(self) -> None:
        """kill -9; `start` brings it back on the same logs and ports."""
        if self._server is None:
            return
        os.kill(self._server.pid, signal.SIGKILL)
        self._server.wait()
        self._server = None

    def create_topic(self, name: str, partitions: int = 1, settings: dict[str, str] | None = None) -> None:
        """Makes a topic and returns when it is there."""
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=settings or {})
        admin = self.admin()
        admin.create_topics([topic], operation_timeout=30)[name].result(60)

    def admin(self) -> AdminClient:
        """A client for questions and topics that keeps its lines about lost connections to itself; hold it until it has answered."""
        return AdminClient({"bootstrap.servers": self.bootstrap, "reconnect.backoff.max.ms": 200}, logger=SILENT)

    def _wait_until_ready(self) -> None:
        admin = self.admin()

        def answers() -> bool:
            if self._server is not None and self._server.poll() is not None:
                raise RuntimeError(f"the broker ended with {self._server.returncode}; the end of its log:\n{self._last_lines()}")
            try:
                there = admin.list_topics(timeout=5)
            except KafkaException:
                return False
            partitions = [partition for topic in there.topics.values() for partition in topic.partitions.values()]
            return bool(there.brokers) and all(partition.leader in there.brokers for partition in partitions)

        try:
            wait_until(answers, READY_SECONDS, "the broker answers")
        except TimeoutError as silence:
            raise TimeoutError(f"{silence}; the end of its log:\n{self._last_lines()}") from None

    def _format(self) -> None:
        # Kafka's own form of an id; one that begins with a dash would be read as an option.
        cluster = "g" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", "server.properties", "--standalone"),
            cwd=self.folder, env=_environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"the broker's storage could not be formatted: {done.stdout}{done.stderr}")

    def _java(self, *arguments: str) -> list[str]:
        return [
            java(), "-Xms256m", "-Xmx512m", "-XX:+UseG1GC", "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={(RECIPE / 'log4j2.properties').as_uri()}",
            f"-Dkafka.logs.dir={self.folder}", "-cp", f"{libraries()}/*", *arguments,
        ]  # fmt: skip

    def _last_lines(self) -> str:
        return "\n".join((self.folder / "broker.log").read_text(errors="replace").splitlines()[-20:])


def libraries(pom: Path = RECIPE / "pom.xml") -> Path:
    """The folder of the jars, fetched once, for what a pom declares: the broker's, if no other is named."""
    folder = KEPT / f"jars-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}"
    if folder.exists():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise NotInstalledError("Maven is missing: it fetches the jars. Install it (Debian: apt install maven; macOS: brew install maven).")
    java()
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT, prefix="fetching-") as fetching:
        done = subprocess.run(
            [maven, "-q", "-B", "-ntp", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime",
             f"-DoutputDirectory={fetching}/jars"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise NotInstalledError(f"Maven could not fetch the jars; it needs its repository once:\n{done.stdout}{done.stderr}")
        try:
            Path(fetching, "jars").rename(folder)
        except OSError:
            if not folder.exists():
                raise
    return folder


def java() -> str:
    """The Java to run Kafka with, JAVA_HOME's before the path's."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home, "bin", "java")) if home else shutil.which("java")
    install = "Install it (Debian: apt install openjdk-17-jre-headless; macOS: brew install openjdk@17)."
    if found is None or not Path(found).exists():
        raise NotInstalledError(f"Java is missing: Kafka 4 needs 17 or newer. {install}")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < 17:
        raise NotInstalledError(f"Java is too old: Kafka 4 needs 17 or newer. {install}")
    return found


def _environment() -> dict[str, str]:
    # A COLUMNS of a narrow terminal makes Kafka's tools fail (KAFKA-15413).
    return {name: value for name, value in os.environ.items() if name != "COLUMNS"}


def main() -> int:
    """Runs a broker in the foreground; its topics are kept for the next time."""
    broker = Broker(KEPT / "development")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        broker.start()
        click.echo(f"Apache Kafka is ready at {broker.bootstrap}; Ctrl-C stops it. Its log: {broker.folder / 'broker.log'}")
        return broker.wait()
    except (NotInstalledError, RuntimeError, TimeoutError) as failure:
        click.echo(str(failure), err=True)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        broker.stop()


if __name__ == "__main__":
    raise SystemExit(main())
