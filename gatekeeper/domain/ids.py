"""Ids of what is published: derived from what it is about, so that the same thing has the same id on any machine."""

from hashlib import sha1
from uuid import UUID

_NAMESPACE = UUID("5f6a1d0e-4f0b-5c3c-9d5a-0b6f1f5f2a11").bytes


def verdict_id(wholesaler_id: str, order_id: str, revision: int, examination: int) -> UUID:
    """Of one examination of one revision of an order."""
    return _named(f"verdict/{wholesaler_id}/{order_id}/{revision}/{examination}")


def record_id(wholesaler_id: str, order_id: str, revision: int, line: int, examination: int, kind: str, ordinal: int = 1) -> UUID:
    """Of one distribution record. Ids of the contract hold no ``/``, so no two things share a name."""
    return _named(f"record/{wholesaler_id}/{order_id}/{revision}/{line}/{examination}/{kind}/{ordinal}")


def alert_id(kind: str, about: str) -> UUID:
    """Of one alert: ``about`` names what it is about, and when it may come again also which time it is."""
    return _named(f"alert/{kind}/{about}")


def alias_id(program: str, site_id: str, wholesaler_id: str, block: int) -> UUID:
    """Of one site alias: ``block`` is the one that has its proposal on record."""
    return _named(f"site_alias/{program}/{site_id}/{wholesaler_id}/{block}")


def correction_id(record_id: str, block: int) -> UUID:
    """Of one correction that a person proposes: ``block`` is the one that has it on record."""
    return _named(f"correction/{record_id}/{block}")


def voiding_id(record_id: str, block: int) -> UUID:
    """Of one void that a person proposes: ``block`` is the one that has it on record."""
    return _named(f"voiding/{record_id}/{block}")


def resubmission_id(program: str, sequence: int, block: int) -> UUID:
    """Of one submission of a record once more: ``block`` is the one that has it on record."""
    return _named(f"resubmission/{program}/{sequence}/{block}")


def desk_entry_id(wholesaler_id: str, order_id: str, number: int) -> UUID:
    """Of the n-th thing that people did about an order."""
    return _named(f"desk/{wholesaler_id}/{order_id}/{number}")


def _named(name: str) -> UUID:
    """The UUIDv5 of ``name`` in our namespace."""
    return UUID(bytes=sha1(_NAMESPACE + name.encode(), usedforsecurity=False).digest()[:16], version=5)
