"""What the gate answered to a message, put together from what stands in its output topics."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET

from consumers.kafka.mock import Said
from schemas.alert import ComplianceAlert
from schemas.record import DistributionRecord
from schemas.refusal import RefusedMessage
from schemas.released import Released, ReleasedLine
from schemas.stopped import Stopped, StoppedLine
from schemas.topics import COMPLIANCE_ALERTS, DISTRIBUTION_RECORDS, REFUSED_MESSAGES, SHIPMENTS_RELEASED, SHIPMENTS_STOPPED

OUTPUTS = (SHIPMENTS_RELEASED, SHIPMENTS_STOPPED, DISTRIBUTION_RECORDS, REFUSED_MESSAGES, COMPLIANCE_ALERTS)

_decoders = {topic.name: msgspec.json.Decoder(topic.message) for topic in OUTPUTS}


@dataclass
class Answer:
    """All that was said about one message."""

    topics: set[str] = field(default_factory=set)
    released: list[Released] = field(default_factory=list)
    stopped: list[Stopped] = field(default_factory=list)
    records: list[DistributionRecord] = field(default_factory=list)
    refusals: list[RefusedMessage] = field(default_factory=list)
    alerts: list[ComplianceAlert] = field(default_factory=list)

    def take(self, said: Said) -> None:
        message = _decoders[said.topic].decode(said.value)
        match message:
            case Released():
                self.released.append(message)
            case Stopped():
                self.stopped.append(message)
            case DistributionRecord():
                self.records.append(message)
            case RefusedMessage():
                self.refusals.append(message)
            case ComplianceAlert():
                self.alerts.append(message)
        self.topics.add(said.topic)

    @property
    def lines(self) -> list[ReleasedLine | StoppedLine]:
        """The lines of the order that was sent, with their outcomes."""
        free: list[ReleasedLine | StoppedLine] = [line for said in self.released for line in said.lines if line.outcome != "withdrawn"]
        held = [line for said in self.stopped if said.withdraws is UNSET for line in said.lines]
        return sorted([*free, *held], key=lambda line: line.line)

    @property
    def withdrawals(self) -> list[Stopped]:
        """What may not leave any more, of earlier revisions."""
        return [said for said in self.stopped if said.withdraws is not UNSET]

    @property
    def order_id(self) -> str:
        """Which order it is about; nothing where the message could not be read or was answered before."""
        said: list[Released | Stopped] = [*self.stopped, *self.released]
        return said[0].order_id if said else ""

    @property
    def outcome(self) -> str:
        """In a word; a message about which nothing is said was answered before."""
        if self.refusals:
            return "refused"
        outcomes = {line.outcome for line in self.lines}
        return "repeat" if not outcomes else outcomes.pop().replace("_", " ") if len(outcomes) == 1 else "in parts"


def by_source(said: Iterable[Said]) -> dict[str, Answer]:
    """The answers, by the place of the message that each is about."""
    answers: dict[str, Answer] = {}
    for one in said:
        answers.setdefault(one.source, Answer()).take(one)
    return answers
