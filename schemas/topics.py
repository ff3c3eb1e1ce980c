"""The topics (contract section 2): what each carries, by which key, which way."""

from typing import Any, Final, Literal, NamedTuple

from schemas.acknowledgement import Acknowledgement
from schemas.alert import ComplianceAlert
from schemas.event import ShipmentEvent
from schemas.fact import Fact
from schemas.order import ShipmentOrder
from schemas.record import DistributionRecord
from schemas.refusal import RefusedMessage
from schemas.released import Released
from schemas.stopped import Stopped


class Topic(NamedTuple):
    name: str
    """Without the prefix."""
    direction: Literal["in", "out"]
    key: str
    message: Any
    """The type of its messages."""
    about: str


SHIPMENT_ORDERS: Final = Topic("shipment-orders", "in", "order_id", ShipmentOrder, "Orders that a wholesaler wants to ship.")
SHIPMENT_EVENTS: Final = Topic("shipment-events", "in", "order_id", ShipmentEvent, "What the warehouse shipped, cancelled or took back.")
REGISTRY_FACTS: Final = Topic(
    "registry-facts",
    "in",
    "the subject, as lemtrada/site/HF-0001; a digest for patients and authorizations",
    Fact,
    "What a REMS registry says.",
)
REMS_ACKNOWLEDGEMENTS: Final = Topic(
    "rems-acknowledgements",
    "in",
    "record_id",
    Acknowledgement,
    "Whether a REMS accepted or rejected a distribution record.",
)
SHIPMENTS_RELEASED: Final = Topic(
    "shipments-released", "out", "order_id", Released, "The lines that may leave, and those that may not any more."
)
SHIPMENTS_STOPPED: Final = Topic("shipments-stopped", "out", "order_id", Stopped, "The lines that may not leave, with every reason.")
DISTRIBUTION_RECORDS: Final = Topic(
    "distribution-records", "out", "record_id", DistributionRecord, "The patient-level record of each released covered line."
)
REFUSED_MESSAGES: Final = Topic(
    "refused-messages",
    "out",
    "a digest of the position",
    RefusedMessage,
    "Messages that could not be read: where they were, what is wrong.",
)
COMPLIANCE_ALERTS: Final = Topic("compliance-alerts", "out", "alert_id", ComplianceAlert, "What a person of compliance has to look at.")

TOPICS: Final = (
    SHIPMENT_ORDERS,
    SHIPMENT_EVENTS,
    REGISTRY_FACTS,
    REMS_ACKNOWLEDGEMENTS,
    SHIPMENTS_RELEASED,
    SHIPMENTS_STOPPED,
    DISTRIBUTION_RECORDS,
    REFUSED_MESSAGES,
    COMPLIANCE_ALERTS,
)


def topic_name(prefix: str, topic: Topic) -> str:
    """The topic's name on the broker: the prefix, which brings its own separator, and the name."""
    return prefix + topic.name
