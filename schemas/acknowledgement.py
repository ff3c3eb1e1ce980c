"""The acknowledgement of a distribution record (contract section 7), as a REMS sends it. What is not given is ``UNSET``."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from schemas.text import Id, Instant, Notice, Text, is_instant, made_of_id_letters

AcknowledgementStatus = Literal["accepted", "rejected"]


class Acknowledgement(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A record was accepted, with a receipt, or rejected, with a problem. ``program`` is the one that says so."""

    record_id: Id
    status: AcknowledgementStatus
    receipt: Text | UnsetType = UNSET
    at: Instant
    problem: Notice | UnsetType = UNSET
    program: Id | UnsetType = UNSET


def acknowledgement_holds(message: Acknowledgement) -> bool:
    """Whether the acknowledgement keeps the limits that its types do not check."""
    accepted, explained = message.status == "accepted", message.problem is not UNSET
    says_why = explained != accepted and (message.receipt is not UNSET or not accepted)
    ids = [message.record_id] if message.program is UNSET else [message.record_id, message.program]
    return says_why and made_of_id_letters(ids) and is_instant(message.at)
