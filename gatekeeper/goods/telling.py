"""What a person has to know of goods that left: the alerts that settling a line raises."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from gatekeeper.domain.verdict import Reason
from gatekeeper.examinations.alerts import event_alert
from gatekeeper.examinations.history import withdrawn_since
from gatekeeper.goods.by_people import undoes
from gatekeeper.goods.line_book import Book, told_of
from gatekeeper.goods.past_gate import Judged, PastGate, place_of
from gatekeeper.messages import given
from gatekeeper.storage import events as storage
from gatekeeper.storage import tables
from gatekeeper.storage.ledger import Outgoing
from gatekeeper.storage.records import Place
from schemas.event import EventLine, ShipmentEvent

UNCLEAN = ("product_expired", "serial_already_shipped")
"""The reasons that count against what was put in the place of what was released; of a recalled lot there is an alert of its own."""


class Found(NamedTuple):
    """What was found of goods that left: why the gate had not released them so, what it would have said, what nobody has said, and
    what one record cannot say."""

    why: tuple[str, ...]
    judged: Judged | None
    lacks: tuple[str, ...]
    problems: tuple[str, ...]


class Telling(PastGate):
    """The alerts of a transaction, until they are written."""

    def leave_out_what_was_told(self, cursor: Cursor[Any]) -> None:
        """Alerts that were raised before are not raised again."""
        known = storage.alerts_known(cursor, self._alerted) if self._alerted else set()
        self._rows[tables.ALERT] = [row for row in self._rows[tables.ALERT] if row[0] not in known]
        self._outbox = [out for out in self._outbox if out.alert_id not in known]

    def tell(self, kind: str, event: ShipmentEvent, about: str, seen: dict[str, Any]) -> UUID:
        """An alert, once in a transaction; what was raised before is left out when it is written."""
        name, body = event_alert(kind, self._tail.now, event, about, seen)
        alert_id = UUID(name)
        if alert_id not in self._alerted:
            self._alerted.add(alert_id)
            self._rows[tables.ALERT].append((alert_id, kind, None, body, self._block))
            self._outbox.append(Outgoing(alert_id=alert_id))
        return alert_id

    def tell_of(self, told: ShipmentEvent, line: EventLine, found: "Found") -> None:
        """What a person has to know of goods that left."""
        why, judged, lacks, problems = found
        place, number = place_of(told, line), str(line.line)
        reasons = [] if judged is None else [reason for reason in judged.reasons if reason.stops]
        if why:
            seen: dict[str, Any] = {"line": line.line, "why": list(why), "lacks": list(lacks)}
            if judged is not None:
                seen |= {"outcome": judged.outcome, "site_id": judged.line.site_id, "reasons": [in_words(reason) for reason in reasons]}
            name = self.tell("shipment_bypassed", told, number, seen)
            program = None if judged is None else judged.line.program
            key = told_of(told, line.line)
            if key not in self.grounds.bypassed:
                row = (name, told.event_id, *place, ",".join(why), ",".join(lacks), program, self._tail.now, self._block)
                self._rows[tables.BYPASS].append(row)
                self.grounds.bypassed[key] = ",".join(why)
        elif withdrawn_since(place.revision, place.line, self._history[place[:2]], self._events[place[:2]]) is not None:
            self.tell("withdrawn_goods_shipped", told, number, {"lines": [line.line]})
        if problems and not lacks:
            self.tell("shipment_disputed", told, number, {"line": line.line, "problems": list(problems)})
        unclean = [reason for reason in reasons if reason.code in UNCLEAN and not (problems and reason.code == "serial_already_shipped")]
        if unclean and not why:
            self.tell("substitute_not_clean", told, number, {"line": line.line, "reasons": [in_words(reason) for reason in unclean]})
        recall = self._recall(told, line) if why or judged is not None else None
        if recall is not None:
            # What is on file of the recall itself: an event may say anything.
            fact = {"sequence": recall.sequence, "effective_on": recall.effective_on.isoformat()}
            site_id = None if judged is None else judged.line.site_id
            about = {"line": line.line, "program": recall.program, "ndc": recall.ndc, "lot": recall.lot, "fact": fact, "site_id": site_id}
            self.tell("recalled_goods_shipped", told, number, about)

    def tell_of_correction(self, place: Place, told: ShipmentEvent, before: Book) -> None:
        """A person's correction does not go without a word: what it said is not in the record that takes its place."""
        live, after = before.live, self._book(place).live
        changes = before.changes
        if live is not None and after is not None and undoes(after.body, changes) and not undoes(live.body, changes):
            self.tell("correction_replaced", told, str(place.line), {"line": place.line, "record_id": str(live.record_id)})


def in_words(reason: Reason) -> dict[str, str]:
    """A reason as an alert gives it: without what was seen, for that repeats what anybody may have written into an event."""
    said = given(reason)
    return {"code": said.code, "outcome": said.outcome, "text": said.text, "remedy": said.remedy}
