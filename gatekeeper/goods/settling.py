"""The records of lines whose goods left or came back are settled: what they say is what all that was reported of a line says together."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import UNSET, Raw
from msgspec.structs import replace

from gatekeeper.domain.case import Question
from gatekeeper.domain.verdict import NOT_COVERED
from gatekeeper.examinations.history import outcomes_of, withdrawn_since
from gatekeeper.goods.as_shipped import party_of, reported_with
from gatekeeper.goods.books import came_back, returned, shipped
from gatekeeper.goods.by_people import as_corrected, as_known
from gatekeeper.goods.held import holding
from gatekeeper.goods.line_book import Book, Told, fits, goods_of, lines_of, package_of, told_of, whereabouts_of
from gatekeeper.goods.past_gate import Judged, names_whom_people_replaced, place_of
from gatekeeper.goods.reported import LOTS_DIFFER, UNKNOWN_SERIALS, Reported, reported
from gatekeeper.goods.settlement import OTHER_PROGRAM, RETURNED, SHIPPED, Settlement, left_of
from gatekeeper.goods.telling import Found, Telling
from gatekeeper.messages import written
from gatekeeper.storage import tables
from gatekeeper.storage.bypasses import CLOSING, OTHER
from gatekeeper.storage.events import digest_of
from gatekeeper.storage.records import Place, Recorded
from schemas.event import EventLine, ShipmentEvent

PARTIES_DIFFER, OTHER_PRODUCT, PATIENT_CORRECTED = "parties_differ", "other_product", "patient_corrected"


class Settling(Telling):
    """What a transaction settles, until it is written."""

    def ship(self, told: ShipmentEvent, line: EventLine, *, fresh: bool) -> tuple[str, ...]:
        """Goods of one line left, as an event says that is among those known of its order; ``fresh``: it has just come.

        Gives what a record of them lacks.
        """
        place, key = place_of(told, line), told_of(told, line.line)
        before = self._before(place, key, fresh=fresh)
        if line.product is UNSET and before.released is None and before.standing is None and self._may_leave_freely(place):
            return ()
        why, judged, lacks = self._gate_says(told, line, before)
        if judged is not None and judged.line.outcome == NOT_COVERED and before.standing is None:
            return ()
        other = any(reason.startswith(OTHER) for reason in why)
        if before.standing is None or other:
            lacks += self._lacking(judged)
        problems: tuple[str, ...] = ()
        if not lacks:
            case = self._case(place, before, judged, why, key)
            problems = left_of(case).problems
            if names_whom_people_replaced(line, judged, before):
                problems += (PATIENT_CORRECTED,)
            if case.released is None:
                lacks = tuple(problem for problem in problems if problem not in (UNKNOWN_SERIALS, LOTS_DIFFER))
            if not lacks:
                self._correct(place, case, before, digest_of(told, line))
        self._lacks[key] = lacks
        self.tell_of(told, line, Found(why, judged, lacks, problems))
        self.tell_of_correction(place, told, before)
        after = self._book(place)
        too_few = whereabouts_of(after).too_few > whereabouts_of(before).too_few
        if after.live is not None and (too_few or not fits(after.records, after.live)):
            self.tell("return_disputed", told, str(line.line), {"line": line.line})
        self._moved(place, holding(before), holding(after))
        self.take_back_again(place)
        return lacks

    def bring_back(self, told: ShipmentEvent, line: EventLine, *, fresh: bool) -> None:
        """Goods of one line came back, as an event says that is among those known of its order."""
        place, key = place_of(told, line), told_of(told, line.line)
        before = self._before(place, key, fresh=fresh)
        if not self._come_back(told, line) and not self._may_leave_freely(place):
            self.tell("return_disputed", told, str(line.line), {"line": line.line})
        self._since_it_came_back(told, line, before)

    def _since_it_came_back(self, told: ShipmentEvent, line: EventLine, before: Book) -> None:
        """What follows for a line of which something came back. What was reported to have left twice may have come back in between."""
        place = place_of(told, line)
        if whereabouts_of(self._book(place)).left > whereabouts_of(before).left and (problems := self._settle_once_more(place)):
            self.tell("shipment_disputed", told, str(line.line), {"line": line.line, "problems": list(problems)})
        self.hold(place, holding(before))

    def settle_fallen(self, told: ShipmentEvent, line: EventLine) -> None:
        """A line of which this was told last has got a serial that another gave up: its record may name it, and it may have come back."""
        place = place_of(told, line)
        before = holding(self._book(place))
        if problems := self._settle_once_more(place):
            self.tell("shipment_disputed", told, str(line.line), {"line": line.line, "problems": list(problems)})
        self.hold(place, before)
        self.take_back_again(place)

    def _settle_once_more(self, place: Place) -> tuple[str, ...]:
        """The live record of a line of which something else is known than when it was made: the problems that one record has with it."""
        reported, book = list(self._reported_of(place)), self._book(place)
        if book.live is None or not (reported or book.released) or self._is_for_people(book.live, reported):
            return ()
        case = self._case(place, book, None, (), ("", "", 0))
        if not reported:
            # Nobody said how much left: it is what was released.
            case = replace(case, reports=(Reported("", None),))
        self._correct(place, case, book, digest_of(*reported[-1]) if reported else book.live.record_id.bytes)
        return left_of(case).problems

    def _is_for_people(self, live: Recorded, told: Iterable[tuple[ShipmentEvent, EventLine]]) -> bool:
        """Whether some left for others than the record says, or was something else: that is in no record before people complete it."""
        others = any(OTHER in self.grounds.bypassed.get(told_of(said, line.line), "") for said, line in told)
        return others and live.body.outside_gate is UNSET

    def rest_stays(self, place: Place, event: ShipmentEvent) -> None:
        """A line of which goods left was just cancelled: the rest stays. What had left after that, by what was told, left past the gate."""
        before = self._book(place, [told for told in self._events[place[:2]] if told.said is not event])
        told = [(said, line) for said, line in self._reported_of(place)]
        if before.released is not None and told:
            since = withdrawn_since(place.revision, place.line, self._history[place[:2]], self._events[place[:2]])
            late = [(said, line) for said, line in told if since is not None and datetime.fromisoformat(said.at) > since]
            for said, line in late:
                why, judged, _ = self._gate_says(said, line, before)
                self.tell_of(said, line, Found(why, judged, (), ()))
            live = before.live
            if late and live is not None and live.body.outside_gate is UNSET and not self._is_for_people(live, told):
                case = self._case(place, before, None, ("withdrawn",), ("", "", 0))
                self._correct(place, case, before, digest_of(event, late[0][1]))
                self.tell_of_correction(place, event, before)
        self.hold(place, holding(before))

    def close_released(self, told: ShipmentEvent, line: EventLine) -> None:
        """A line that the gate released after all: the alert about its goods is closed."""
        bypass = self.grounds.bypasses.get(told_of(told, line.line))
        if bypass is not None and bypass.steps[-1:] != () and bypass.steps[-1].step in CLOSING:
            return
        if bypass is not None and self._book(place_of(told, line)).released is not None:
            row = (bypass.bypass_id, len(bypass.steps) + 1, "released", None, None, None, self._tail.now, self._block)
            self._rows[tables.BYPASS_STEP].append(row)

    def _come_back(self, told: ShipmentEvent, line: EventLine) -> bool:
        """Goods of one line came back: says whether that could be recorded, now or before."""
        place = place_of(told, line)
        if any(each.cause == RETURNED and each.digest == digest_of(told, line) for each in self._history[place[:2]]):
            return True
        book = self._book(place)
        if book.live is None and book.released is not None:
            book = self._left_after_all(told, line, book)
        if book.live is None:
            return False
        live = goods_of(book.live)
        back = came_back(book.records)
        package = package_of(book.live, self._rules.programs)
        gone = {serial for record in back for serial in goods_of(record).serials}
        report = reported(told.event_id, line, package)
        left = live.units - returned(back)
        if report.serials and gone.issuperset(report.serials):
            return True
        units = left if report.units is None else report.units
        is_new = report.is_known and 0 < units <= left and not gone.intersection(report.serials)
        own = live.serials or [serial for serial in report.serials if self._owner(package.gtin, serial) in (None, str(place))]
        if not is_new or not set(report.serials) <= set(own) or len(report.serials) not in (0, units):
            return False
        rest = tuple(serial for serial in live.serials if serial not in gone)
        serials = report.serials or (rest if units == left == len(rest) else ())
        case = Settlement(
            at=self._at, programs=Raw(b"[]"), line=place.line, unit=package.unit,
            standing=book.live.body, units=units, serials=serials,
        )  # fmt: skip
        self._settle(place, RETURNED, case, book.live, units, digest_of(told, line), self.grounds.arrived.get(place[:2]))
        return True

    def _left_after_all(self, told: ShipmentEvent, line: EventLine, book: Book) -> Book:
        """What came back had left: a record that was voided says so again, of all that was released, for nobody said how much it was."""
        place = place_of(told, line)
        case = replace(self._case(place, book, None, (), told_of(told, line.line)), reports=(Reported(told.event_id, None),), again=0)
        self._correct(place, case, book, digest_of(told, line))
        self.tell("withdrawn_goods_shipped", told, str(line.line), {"lines": [line.line]})
        return self._book(place)

    def take_back_again(self, place: Place) -> None:
        """What came back of the line and could not be recorded yet is looked at again."""
        for event in self._events[place[:2]]:
            if event.event == "returned" and event.revision == place.revision:
                for line in lines_of(event.said):
                    if line.line == place.line and told_of(event.said, line.line) not in self.books.waiting:
                        before = self._book(place)
                        self._come_back(event.said, line)
                        self._since_it_came_back(event.said, line, before)

    def _before(self, place: Place, key: Told, *, fresh: bool) -> Book:
        """As it was before this was told. What has waited had been reported already."""
        if not fresh:
            self.books.waiting.add(key)
            before = self._book(place)
            self.books.waiting.discard(key)
            return before
        return self._book(place, [event for event in self._events[place[:2]] if event.said.event_id != key[1]])

    def _may_leave_freely(self, place: Place) -> bool:
        """Whether the line is of a product that nobody restricts, and was let go."""
        said = outcomes_of(place.revision, self._history[place[:2]]).get(place.line)
        return said == NOT_COVERED or (said == "withdrawn" and not self.books.records(place))

    def _lacking(self, judged: Judged | None) -> tuple[str, ...]:
        """What a record of goods that nobody released needs, and nobody has said."""
        if judged is None:
            return ()
        if judged.line.package is None or judged.program is None:
            return ("product",)
        return ("patient",) if judged.program.patient_rule != "none" and judged.patient_id is None else ()

    def _case(self, place: Place, book: Book, judged: Judged | None, why: tuple[str, ...], key: Told) -> Settlement:
        """All that was reported of the line, with what was just judged of it."""
        like, released = book.standing, book.released
        if released is not None:
            released = released._replace(body=as_corrected(released.body, book.changes))
        product = judged.line.package if judged is not None and (like is None or OTHER_PRODUCT in why) else None
        package = product or (package_of(like, self._rules.programs) if like else None)
        if package is None:
            raise ValueError("what is settled is of a covered package")
        other = any(reason.startswith(OTHER) for reason in why)
        ordered = self.grounds.orders.get(place[:3]) if released is None else None
        reports, parties = [], set()
        for said, line in self._reported_of(place):
            own = told_of(said, line.line)
            completion = self.grounds.completions.get(own)
            if released is None and own != key and self._is_incomplete(said, line):
                continue
            report = reported_with(said, line, ordered, completion, package)
            if own != key and report.serials:
                # Only what is told now may say otherwise than people did.
                report = replace(report, serials=as_known(report.serials, book.changes, book.live and book.live.body))
            reports.append(report)
            is_other = other if own == key else OTHER in self.grounds.bypassed.get(own, "")
            parties.add(party_of(said, line, completion, ordered) if released is None or is_other else b"")
        if released is not None and len(parties) == 1 and package.gtin != released.body.product.gtin:
            # Lot, day and serials that were released are another product's; only the number may be of this one.
            whole, released = released.units, None
            reports = [replace(report, units=whole) if report.units is None and report.is_known else report for report in reports]
        if like is not None and product is not None and judged is not None and judged.line.program != like.program and released is None:
            like = None
        named = {serial for report in reports for serial in report.serials}
        named.update(serial for each in (released, like) if each is not None for serial in goods_of(each).serials)
        # What came back may be out with another line by now: that takes nothing from what this one says.
        where = whereabouts_of(self._book(place))
        named -= where.back
        known = shipped([report for report in reports if report.is_known], released.units) if released is not None else 0
        case = Settlement(
            at=self._at, programs=Raw(b"[]"), line=place.line, unit=package.unit, standing=like and like.body,
            released=released and released.body, released_units=released.units if released else 0, reports=tuple(reports),
            again=max(0, where.left - known) if released is not None else 0,
            elsewhere=tuple(sorted(serial for serial in named if self._owner(package.gtin, serial) not in (None, str(place)))),
            problems=(PARTIES_DIFFER,) if len(parties) > 1 else (),
            outside=bool(why) or (like is not None and like.body.outside_gate is not UNSET),
        )  # fmt: skip
        if judged is not None and (like is None or other):
            at = written(judged.at)
            case = replace(case, at=at, programs=Raw(judged.rules), order=Raw(judged.content), asked=Raw(judged.asked), judged=True)
        return case

    def _reported_of(self, place: Place) -> Iterator[tuple[ShipmentEvent, EventLine]]:
        """What events say left of the line, but for what still waits."""
        for event in self._events[place[:2]]:
            if event.event == "shipped" and event.revision == place.revision:
                for line in lines_of(event.said):
                    if line.line == place.line and told_of(event.said, line.line) not in self.books.waiting:
                        yield event.said, line

    def _correct(self, place: Place, case: Settlement, book: Book, digest: bytes) -> None:
        """The record that says what left, unless the live one does; or where that is right of one recipient, and others are another's.

        Each feed is of one program: what left of another one than was released did not leave by the first.
        """
        left, arrived, about = left_of(case), self.grounds.arrived.get(place[:2]), book.standing
        if PARTIES_DIFFER in left.problems and book.live is not None:
            return
        if case.standing is None and about is not None:
            if about is book.live:
                void = Settlement(at=self._at, programs=Raw(b"[]"), line=place.line, unit=about.body.unit, standing=about.body)
                self._settle(place, OTHER_PROGRAM, void, about, about.units, digest, arrived)
            about = None
        self._settle(place, SHIPPED, case, about, left.goods.units, digest, arrived)

    def hold(self, place: Place, before: Mapping[Question, int | None]) -> None:
        """Moves what the line has used up to what it has now; who waits for what is free, or was released on it, is looked at again."""
        self._moved(place, before, holding(self._book(place)))
