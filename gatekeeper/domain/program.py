"""The rules of one REMS program, as data. The files are in ``gatekeeper/programs``."""

from typing import NamedTuple


class CoveredPackage(NamedTuple):
    """One row of a program's table of covered packages."""

    ndc: str
    """The key: 12 digits, 6-4-2."""
    gtin: str
    """14 digits."""
    name: str
    unit: str
    """The dispensing unit; also what an order means that names none."""
    units: tuple[tuple[str, int], ...]
    """Every unit the program converts, with how many dispensing units one of it is."""


class Program(NamedTuple):
    name: str
    version: str
    sha256: str
    """Of the file's bytes (hex)."""
    time_zone: str
    packages: tuple[CoveredPackage, ...]
    watched: tuple[str, ...]
    """Labeler and product code, the first 10 digits of the 6-4-2 key."""
    classes: tuple[str, ...]
    """Site classes that may receive."""
    certification_years: int
    transit_days: int
    registry_age_limit_hours: int
    ship_date_limit_days: int
    patient_rule: str
    """``none``, ``present`` or ``authorized``."""
    whole_order: bool
    feed_cadence: str
    return_window_business_days: int

    def __hash__(self) -> int:
        # Programs are part of what is remembered by; the digest stands for all the rest.
        return hash(self.sha256)
