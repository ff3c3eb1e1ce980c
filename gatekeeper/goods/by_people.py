"""What people corrected in the records of a line, because a REMS rejected them. Pure."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace

from gatekeeper.storage.records import Recorded
from schemas.correction import RecordChanges
from schemas.record import DistributionRecord

_MEMBERS = tuple(name for name in RecordChanges.__struct_fields__ if name != "serials")


class Change(NamedTuple):
    """One correction by people: the record as it was, and as they made it."""

    before: DistributionRecord
    after: DistributionRecord

    @property
    def members(self) -> list[str]:
        return [name for name in _MEMBERS if getattr(self.before, name) != getattr(self.after, name)]

    @property
    def wrong_serials(self) -> set[str]:
        """Those that they took out."""
        return set(self.before.serials or ()) - set(self.after.serials or ())

    @property
    def right_serials(self) -> dict[str, str]:
        """For each of those one that they put in its place, where these are as many."""
        before, after = self.before.serials or (), self.after.serials or ()
        wrong, right = [serial for serial in before if serial not in after], [serial for serial in after if serial not in before]
        return dict(zip(wrong, right, strict=True)) if len(wrong) == len(right) else {}


def changes_of(records: Sequence[Recorded], made: Collection[UUID]) -> Iterator[Change]:
    """Those since the gate released the line last, oldest first; ``made`` are the records that people made."""
    released = [number for number, record in enumerate(records) if record.kind == "original" and record.body.outside_gate is UNSET]
    known = {record.record_id: record.body for record in records}
    for record in records[released[-1] if released else 0 :]:
        if record.record_id in made and record.replaces in known:
            yield Change(known[record.replaces], record.body)


def as_corrected(released: DistributionRecord, changes: Sequence[Change]) -> DistributionRecord:
    """What was released, with what people know better: a report that says nothing of it leaves it so."""
    for change in changes:
        released = replace(released, **{name: getattr(change.after, name) for name in change.members})
        before, after, own = (each.serials or () for each in (change.before, change.after, released))
        wrong = change.wrong_serials
        kept = [serial for serial in own if serial not in wrong]
        right = (*kept, *[serial for serial in after if serial not in before and serial not in kept])
        if len(right) == len(own) or (not own and change.before.quantity == released.quantity):
            released = replace(released, serials=right or UNSET)
    return released


def as_known(serials: tuple[str, ...], changes: Sequence[Change], live: DistributionRecord | None) -> tuple[str, ...]:
    """What was reported before people knew better, as they know it, as long as the live record says so."""
    for change in changes:
        if live is not None and change.wrong_serials.isdisjoint(live.serials or ()):
            serials = tuple([change.right_serials.get(serial, serial) for serial in serials])
    return serials


def undoes(record: DistributionRecord, changes: Sequence[Change]) -> bool:
    """Whether a record says again what people had corrected, or something else than they."""
    last = {name: getattr(change.after, name) for change in changes for name in change.members}
    return any(getattr(record, name) != value for name, value in last.items()) or any(
        not change.wrong_serials.isdisjoint(record.serials or ()) for change in changes
    )
