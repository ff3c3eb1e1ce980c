"""What a REMS says of distribution records, by a call."""

from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from gatekeeper.api.areas import KIB, Area, caller
from gatekeeper.api.once import recording, writing
from gatekeeper.api.problems import Problem
from gatekeeper.api.several import messages_of_request, takes_several
from gatekeeper.feeds.acknowledging import Told, take_told
from gatekeeper.people.inquiries import Inquiry, record_inquiry
from gatekeeper.people.permissions import Permission
from schemas.acknowledgement import Acknowledgement

MOST: Final = 8 * 1024 * KIB
MOST_AT_ONCE: Final = 2000
_RESULTS: Final[dict[str, Any]] = {"acknowledgement": "recorded", "repeat": "repeat", "aside": "kept_aside", "refused": "refused"}


class Acknowledged(msgspec.Struct):
    """``recorded``: it counts. ``repeat``: it was said before. ``kept_aside``: it changes nothing, and an alert says ``why``.
    ``refused``: it cannot be read, and is not kept."""

    position: int
    """From 1, as they were sent."""
    result: Literal["recorded", "repeat", "kept_aside", "refused"]
    why: Literal["acknowledgement_unknown", "acknowledgement_of_other_program", "acknowledgement_contradicts"] | UnsetType = UNSET
    problems: dict[str, list[str]] | UnsetType = UNSET
    """By JSON Pointer into the acknowledgement."""


class AcknowledgementsAnswer(msgspec.Struct):
    """What became of each, in their order."""

    acknowledgements: list[Acknowledged]


class AcknowledgementsSaid(msgspec.Struct, forbid_unknown_fields=True):
    """Acknowledgements as they would be published in the topic."""

    acknowledgements: list[Acknowledgement]


AREA = Area("acknowledgements", __name__, "What a REMS says of distribution records.", AcknowledgementsSaid)


@recording(
    AREA, "/v1/acknowledgements", Permission.ACKNOWLEDGE_RECORDS, AcknowledgementsAnswer, most=MOST,
    requestBody=takes_several(AcknowledgementsSaid, "acknowledgements", MOST_AT_ONCE),
)  # fmt: skip
def acknowledge_records() -> Any:
    """Says which records were accepted, with a receipt, and which rejected, with a problem: one or many.

    Each is taken as one from the topic is: the first counts, the same again changes nothing, what does not fit is kept aside with an
    alert. One that cannot be read changes nothing for the others. A record of a program that the token does not name is unknown to it.
    A token that is limited to wholesalers sees no feed, and acknowledges nothing.
    """
    if not caller().wholesalers.every:
        raise Problem("not-permitted")
    messages = messages_of_request("acknowledgements", MOST, MOST_AT_ONCE)
    told = take_told(writing(), messages, caller().programs.allow)
    record_inquiry(writing(), Inquiry("acknowledgements", "acknowledge_records", count=len(messages)), caller().person)
    return AcknowledgementsAnswer([_shown(position, each) for position, each in enumerate(told, 1)])


def _shown(position: int, told: Told) -> Acknowledged:
    why: Any = UNSET if told.why is None else told.why
    return Acknowledged(position, _RESULTS[told.kind], why, UNSET if told.problems is None else told.problems)
