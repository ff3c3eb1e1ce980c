"""The one way in which a message is written: the same message is the same bytes on any machine."""

from typing import Final

from msgspec import Struct
from msgspec.json import Encoder

_ENCODER: Final = Encoder(order="deterministic")


def canonical(message: Struct) -> bytes:
    """JSON in UTF-8 without blanks, members in the contract's order (of free ones: by name); what is not given is left out."""
    return _ENCODER.encode(message)
