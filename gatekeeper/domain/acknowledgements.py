"""What an acknowledgement of a distribution record does, given what was said of the record before."""

from typing import Final, NamedTuple

COUNTS: Final = "acknowledgement"
REPEAT: Final = "repeat"
UNKNOWN: Final = "acknowledgement_unknown"
OTHER_PROGRAM: Final = "acknowledgement_of_other_program"
CONTRADICTS: Final = "acknowledgement_contradicts"
ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"


class Acknowledged(NamedTuple):
    """A record, and what counts of what its REMS said of it, in the order in which it came."""

    program: str
    sequence: int
    statuses: tuple[str, ...] = ()
    digests: tuple[bytes, ...] = ()
    submissions: int = 1
    """How often the record was submitted."""

    @property
    def status(self) -> str | None:
        """``accepted``, ``rejected``, or None as long as nothing was said."""
        return self.statuses[-1] if self.statuses else None


def what_it_does(record: Acknowledged | None, program: str | None, status: str, digest: bytes) -> str:
    """``COUNTS`` or ``REPEAT``, or why it is kept aside. ``digest`` is of all that it says, ``program`` is who says it, where it tells.

    The first one counts. Another one counts only where the record was submitted once more since, and never takes an acceptance back.
    """
    if record is None:
        return UNKNOWN
    if program not in (None, record.program):
        return OTHER_PROGRAM
    if digest in record.digests:
        return REPEAT
    answers_a_submission = len(record.statuses) < record.submissions
    if record.status is None or (answers_a_submission and (record.status, status) != (ACCEPTED, REJECTED)):
        return COUNTS
    return CONTRADICTS
