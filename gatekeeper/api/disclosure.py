"""The one door of the API: whatever an operation answers passes here, and leaves without what its caller may not see.

Patients are hidden unless the reading of them is on record; in what people and partners wrote by all ids of the orders that are spoken of,
whatever of them is shown, and by how such ids are written. What is another wholesaler's or program's is taken out.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw
from psycopg import Cursor

from gatekeeper.api.callers import Caller
from gatekeeper.api.masking import MASK, Found, Hidden, Masking, bare, forms_in, hide
from gatekeeper.api.others import Others
from gatekeeper.api.problems import Problem
from gatekeeper.storage import patients
from gatekeeper.storage.patient_forms import known_forms

AT_ONCE: Final = 100
"""Where documents leave one after the other, so many are looked at together."""
Asking = Callable[[], AbstractContextManager[Cursor[Any]]]
"""Gives the database, where something must be asked of it."""
WHOLESALERS: Final = "SELECT DISTINCT wholesaler_id FROM moving_listed_kind"


class _Address(msgspec.Struct):
    street: str = ""
    street2: str = ""
    city: str = ""


class _ShipTo(msgspec.Struct):
    name: str = ""
    address: _Address = msgspec.field(default_factory=_Address)


class _Record(msgspec.Struct):
    """What of a distribution record is looked at: all else in it has a form, or is ours."""

    record_id: str
    program: str
    sequence: int
    ship_to: _ShipTo
    lot: str = ""
    patient_id: str | None = None
    authorization_id: str | None = None

    def texts(self) -> tuple[str, ...]:
        to = self.ship_to
        return (to.name, to.address.street, to.address.street2, to.address.city, self.lot)


_RECORD: Final = msgspec.json.Decoder(_Record)


class Names(NamedTuple):
    """Of programs and wholesalers."""

    programs: frozenset[str]
    wholesalers: frozenset[str]


class Disclosure(NamedTuple):
    """What leaves to one caller."""

    caller: Caller
    known: Names
    """Those that are set in this program, whoever may see them."""
    on_record: bool
    """That the caller reads patients' ids, and what for."""
    sent: bool = False
    """What is answered speaks of what came with the call, and not of an order that the ledger has."""

    @property
    def _limited(self) -> bool:
        return not (self.caller.wholesalers.every and self.caller.programs.every)

    def encoded(self, answer: Any, asking: Asking) -> bytes:
        """The answer as JSON. Ends the request where nothing of it is the caller's."""
        if self.on_record and not self._limited:
            return msgspec.json.encode(answer)
        # Records stand in their list as they are stored, and are not read whole.
        name, stored = _stored(answer)
        if stored:
            answer = msgspec.structs.replace(answer, **{name: ()})
        document = msgspec.json.decode(msgspec.json.encode(answer))
        shown = self.let_out([document, *stored], asking)
        if not shown or shown[0] is not document:
            raise Problem("not-found")
        if stored:
            document[name] = shown[1:]
        return msgspec.json.encode(document)

    def streamed(self, documents: Iterable[Any], cursor: Cursor[Any]) -> Iterator[Any]:
        """Documents one after the other, each as it may leave; what is stored as JSON stays so."""
        several = iter(documents)
        while some := list(islice(several, AT_ONCE)):
            yield from self.let_out(some, lambda: nullcontext(cursor))

    def let_out(self, documents: list[Any], asking: Asking) -> list[Any]:
        """Of documents those that may leave, in their order, without what may not; they are changed in place."""
        if self.on_record and not self._limited:
            return documents
        with ExitStack() as opened:
            ask = cache(lambda: opened.enter_context(asking()))
            others = self._others(ask) if self._limited else None
            found = Found()
            looked = [self._looked(each, found, others) for each in documents]
            hidden = self._masking(found, others, ask).of(found)
        return [
            _shown(each, read, hidden, patients=found.any and not self.on_record)
            for each, read in zip(documents, looked, strict=True)
            if read is not None
        ]

    def _looked(self, document: Any, found: Found, others: Others | None) -> Any:
        """The document as it is looked at; None where it is another's."""
        if isinstance(document, Raw):
            record = self._record(document)
            if record is not None:
                found.any = True
                found.texts.update(record.texts())
                found.ids.update(name for name in (record.patient_id, record.authorization_id) if name is not None)
                return record
            document = msgspec.json.decode(document)
        found.look(document)
        return None if others is not None and others.gone(document) else document

    def _record(self, body: Raw) -> _Record | None:
        """A record whose program and wholesaler are the caller's; None of anything else."""
        if not self.caller.wholesalers.every:
            return None
        try:
            record = _RECORD.decode(body)
        except msgspec.ValidationError:
            return None
        return record if self.caller.programs.allow(record.program) else None

    def _others(self, ask: Callable[[], Cursor[Any]]) -> Others:
        wholesalers, programs = self.caller.wholesalers, self.caller.programs
        known = self.known.wholesalers
        if not wholesalers.every:
            known |= {name for (name,) in ask().execute(WHOLESALERS)}
        names = {name for name in known if not wholesalers.allow(name)} | {name for name in self.known.programs if not programs.allow(name)}
        return Others(wholesalers, programs, frozenset(names) - wholesalers.names - programs.names)

    def _masking(self, found: Found, others: Others | None, ask: Callable[[], Cursor[Any]]) -> Masking:
        names = frozenset[str]() if others is None else others.names
        texts = found.texts | found.listed
        if self.on_record or not any(texts):
            return Masking(frozenset(), frozenset(), names)
        ids = found.ids
        if found.texts and not self.sent:
            ids = ids | patients.of_orders(ask(), found.orders, found.records)
        elif found.listed:
            # The list is of the messages that it has taken in, and so are the names in it.
            ids = ids | patients.of_listed(ask(), found.orders)
        forms = known_forms(ask(), forms_in(texts))
        return Masking(frozenset(map(bare, ids)) - {"", MASK}, forms, names)


def _stored(answer: Any) -> tuple[str, list[Raw]]:
    """The member of an answer that is a list of what is stored, and the list."""
    for name, value in msgspec.structs.asdict(answer).items() if isinstance(answer, msgspec.Struct) else ():
        if isinstance(value, list) and value and all(isinstance(each, Raw) for each in value):
            return name, value
    return "", []


def _shown(document: Any, read: Any, hidden: Hidden, *, patients: bool) -> Any:
    if isinstance(read, _Record):
        if any(text in hidden.free for text in read.texts()):
            read = msgspec.json.decode(document)
        else:
            return Raw(_masked(bytes(document), read)) if patients else document
    if patients or any(hidden):
        hide(read, hidden, patients=patients)
    return Raw(msgspec.json.encode(read)) if isinstance(document, Raw) else read


def _masked(body: bytes, record: _Record) -> bytes:
    """A record as it is stored, with its patient masked: ids are written in JSON as they are."""
    for name, value in ((b"patient_id", record.patient_id), (b"authorization_id", record.authorization_id)):
        if value is not None:
            # Within a text the marks around a name would be escaped: it is the member that is found.
            body = body.replace(b'"%s":"%s"' % (name, value.encode()), b'"%s":"%s"' % (name, MASK.encode()))
    return body
