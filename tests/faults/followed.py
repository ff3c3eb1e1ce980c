"""What followed from what was told: whether facts, events and the order in which the ledger has them explain it. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.faults.labels import ACKNOWLEDGEMENTS, EVENTS, FACTS, Answer, Telling

UNEXPLAINED = "examinations that no order of arrivals explains"
OUTDATED = "lines that deciding now would answer otherwise"
RELEASED_ANYWAY = "released after what stops it had committed"
WITHDRAWALS_MISSING = "withdrawals missing"
FACTS_LOST, FACTS_TWICE = "facts lost", "facts learned twice"
EVENTS_LOST, EVENTS_TWICE = "events lost", "events taken twice"
WORDS_LOST, WORDS_TWICE = "acknowledgements lost or taken for something else", "acknowledgements taken twice"
LOOK_BACKS_MISSING, FINDINGS_TWICE = "look-backs or findings missing", "look-backs or findings twice"
LEFT_UNDONE = "left to be judged again"
FOLLOWED = (
    UNEXPLAINED, OUTDATED, RELEASED_ANYWAY, WITHDRAWALS_MISSING, FACTS_LOST, FACTS_TWICE, EVENTS_LOST, EVENTS_TWICE, WORDS_LOST,
    WORDS_TWICE, LOOK_BACKS_MISSING, FINDINGS_TWICE, LEFT_UNDONE,
)  # fmt: skip

Found = dict[str, list[str]]
Name = tuple[str, str]
"""Wholesaler and number of an order."""
Subject = tuple[str, str]
"""``site``, ``authorization`` or ``recall``, and which."""
EVER = 1 << 62
OUT, STOPPED, BACK, GONE = "out", "stopped", "withdrawn", "superseded or cancelled"


class Examination(NamedTuple):
    """One row of the ledger, in words."""

    id: int
    order: Name
    revision: int
    number: int
    cause: str
    block: int
    version: int
    released: frozenset[int] = frozenset()
    withdrawn: frozenset[int] = frozenset()
    stopped: Mapping[int, frozenset[str]] = {}
    """By line, the codes."""
    hangs_on: Mapping[int, tuple[Subject, ...]] = {}


class Fact(NamedTuple):
    """What the ledger has of one fact."""

    id: int
    subject: Subject
    sequence: int
    effective_on: str
    says: str
    block: int
    body: str


class Event(NamedTuple):
    event_id: str
    order: Name
    revision: int
    event: str
    lines: tuple[int, ...]
    block: int


class LookBack(NamedTuple):
    id: int
    fact: int
    kind: str
    findings: int
    alerted: bool


class Told(NamedTuple):
    """One message of facts or events, what the ledger took it for (each time), and what was said to it."""

    place: str
    telling: Telling
    taken_for: tuple[str, ...]
    said: Answer


class Followed(NamedTuple):
    """All that the ledger has of it."""

    examinations: tuple[Examination, ...] = ()
    """In their order."""
    living: frozenset[Name] = frozenset()
    facts: tuple[Fact, ...] = ()
    versions: tuple[tuple[int, int], ...] = ()
    """Of the registry, with the block of each, in their order."""
    events: tuple[Event, ...] = ()
    told: tuple[Told, ...] = ()
    expected: tuple[str, ...] = ()
    """The bodies of all facts that were told."""
    expected_events: tuple[str, ...] = ()
    look_backs: tuple[LookBack, ...] = ()
    findings: tuple[tuple[int, int, int], ...] = ()
    """Look-back, examination, line."""
    not_heard: tuple[str, ...] = ()
    """What is missing of the sequences, and registries that are older than what they said."""
    outdated: tuple[str, ...] = ()
    left_undone: int = 0


def judge_followed(seen: Followed, found: Found) -> None:
    """Adds what is wrong."""
    facts = _Facts(seen)
    lines = _sequences(seen, facts, found)
    _ends(seen, facts, lines, found)
    _told(seen, found)
    _look_backs(seen, found)
    found[OUTDATED] += seen.outdated
    found[LEFT_UNDONE] += ["an entry"] * seen.left_undone


class _Facts:
    """What held, as of a block of the ledger."""

    def __init__(self, seen: Followed) -> None:
        self._facts: dict[Subject, list[Fact]] = defaultdict(list)
        self._cancelled: dict[Name, list[Event]] = defaultdict(list)
        for fact in seen.facts:
            self._facts[fact.subject].append(fact)
        for event in seen.events:
            if event.event == "cancelled":
                self._cancelled[event.order].append(event)

    def codes(self, subjects: Iterable[Subject], block: int) -> frozenset[str]:
        """Why a line that hangs on these is stopped by what was recorded before a block."""
        return frozenset(code for subject in subjects if (code := self._code(subject, block)))

    def cancelled(self, order: Name, revision: int, block: int) -> bool:
        return any(event.block < block and event.revision >= revision for event in self._cancelled[order])

    def stops(self, fact: Fact) -> bool:
        """Whether a fact still stops a line when everything has been told."""
        return self._holding(fact.subject, EVER) == fact and bool(self._code(fact.subject, EVER))

    def _holding(self, subject: Subject, block: int) -> Fact | None:
        known = [fact for fact in self._facts[subject] if fact.block < block]
        return max(known, key=lambda fact: (fact.effective_on, fact.sequence), default=None)

    def _code(self, subject: Subject, block: int) -> str:
        fact = self._holding(subject, block)
        says = fact.says if fact else ""
        kind, _ = subject
        if kind == "site":
            return {"certified": "", "": "site_unknown", "pending": "site_not_certified"}.get(says, f"site_{says}")
        if kind == "authorization":
            return "authorization_not_valid" if says == "cancelled" else ""
        return "lot_recalled" if says == "recalled" else ""


Line = tuple[Name, int, int]


def _sequences(seen: Followed, facts: _Facts, found: Found) -> dict[Line, str]:
    """Follows each line from examination to examination; how each stands at the end."""
    lines: dict[Line, str] = {}
    numbers: Counter[tuple[Name, int]] = Counter()
    shipped = {
        (event.order, event.revision, line): event.block for event in seen.events if event.event == "shipped" for line in event.lines
    }
    for each in seen.examinations:
        numbers[each.order, each.revision] += 1
        if each.number != numbers[each.order, each.revision]:
            found[UNEXPLAINED].append(f"{_name(each)} is the {numbers[each.order, each.revision]}th")
        version = max((version for version, block in seen.versions if block < each.block), default=0)
        if each.version != version:
            found[UNEXPLAINED].append(f"{_name(each)} says registry {each.version}, the ledger had {version}")
        if any("order_contradicts" in codes for codes in each.stopped.values()):
            continue
        _by_the_facts(seen, facts, each, found)
        for line in {*each.released, *each.withdrawn, *each.stopped}:
            name = each.order, each.revision, line
            before, lines[name] = lines.get(name), _after(each, line)
            may = {"message": (None,), "again": (STOPPED, BACK), "withdrawn": (OUT,)}.get(each.cause, (OUT, STOPPED, BACK))
            if before not in may:
                found[UNEXPLAINED].append(f"{_name(each)}, line {line}: it was {before} before")
            if each.cause == "withdrawn" and shipped.get(name, EVER) < each.block:
                found[UNEXPLAINED].append(f"{_name(each)}, line {line}: withdrawn after it had left")
    return lines


def _after(each: Examination, line: int) -> str:
    if each.cause in ("superseded", "cancelled"):
        return GONE
    if line in each.withdrawn:
        return BACK
    return OUT if line in each.released else STOPPED


def _by_the_facts(seen: Followed, facts: _Facts, each: Examination, found: Found) -> None:
    """What was recorded before an examination says exactly what it had to answer to a line that hangs on nothing else."""
    for line, subjects in each.hangs_on.items():
        codes = facts.codes(subjects, each.block)
        if each.order in seen.living and facts.cancelled(each.order, each.revision, each.block):
            codes = frozenset({"order_cancelled"})
        if line in each.released and codes:
            found[RELEASED_ANYWAY].append(f"{_name(each)}, line {line}: {sorted(codes)}")
        elif each.order in seen.living and (line in each.released or line in each.stopped):
            said = each.stopped.get(line, frozenset())
            if said != codes:
                found[UNEXPLAINED].append(f"{_name(each)}, line {line}: {sorted(said)} instead of {sorted(codes)}")


def _ends(seen: Followed, facts: _Facts, lines: Mapping[Line, str], found: Found) -> None:
    """How a living line stands at the end follows from all that was told, in whatever order it came."""
    highest: dict[Name, int] = {}
    hangs_on: dict[Line, tuple[Subject, ...]] = {}
    for each in seen.examinations:
        if each.cause == "message":
            highest[each.order] = max(each.revision, highest.get(each.order, 0))
            hangs_on |= {(each.order, each.revision, line): subjects for line, subjects in each.hangs_on.items()}
    left = {(event.order, event.revision, line) for event in seen.events if event.event == "shipped" for line in event.lines}
    for name, state in lines.items():
        order, revision, line = name
        if order not in seen.living:
            continue
        codes = facts.codes(hangs_on.get(name, ()), EVER)
        over = revision < highest[order] or facts.cancelled(order, revision, EVER)
        if state == OUT and (over or (codes and name not in left)):
            found[WITHDRAWALS_MISSING].append(f"{order} revision {revision}, line {line}: {sorted(codes)}")
        if state != OUT and not over and not codes:
            found[OUTDATED].append(f"{order} revision {revision}, line {line}: {state}, and nothing stops it")


def _told(seen: Followed, found: Found) -> None:
    lost = {FACTS: FACTS_LOST, EVENTS: EVENTS_LOST, ACKNOWLEDGEMENTS: WORDS_LOST}
    twice = {FACTS: FACTS_TWICE, EVENTS: EVENTS_TWICE, ACKNOWLEDGEMENTS: WORDS_TWICE}
    for place, telling, taken_for, said in seen.told:
        topic = telling.topic
        if len(taken_for) > 1:
            found[twice[topic]].append(f"{place}: {taken_for}")
        elif not taken_for or taken_for[0] not in telling.kinds or said != telling.said:
            found[lost[topic]].append(f"{place}: {taken_for}, {sorted(said)} instead of {sorted(telling.kinds)}, {sorted(telling.said)}")
    for what, expected, held in (
        (FACTS, seen.expected, [fact.body for fact in seen.facts]),
        (EVENTS, seen.expected_events, [event.event_id for event in seen.events]),
    ):
        there = Counter(held)
        found[lost[what]] += [f"the ledger lacks {name}" for name in expected if not there[name]]
        found[twice[what]] += [f"the ledger has {name} {count} times" for name, count in there.items() if count > 1]
    found[FACTS_LOST] += seen.not_heard


def _look_backs(seen: Followed, found: Found) -> None:
    """Each fact that came after decisions that it matters to was looked back for once, and each line that it stops was found once."""
    of = {each.id: each.fact for each in seen.look_backs}
    looked, lines = Counter(of.values()), Counter((of.get(number), *what) for number, *what in seen.findings)
    found[FINDINGS_TWICE] += [f"fact {fact}" for fact, count in looked.items() if count > 1]
    found[FINDINGS_TWICE] += [f"fact, examination, line {name}" for name, count in lines.items() if count > 1]
    counted = Counter(number for number, _, _ in seen.findings)
    for each in seen.look_backs:
        if each.findings != counted[each.id] or each.alerted != (each.findings > 0):
            found[LOOK_BACKS_MISSING].append(f"look-back {each.id} does not say what it found")
    facts, released = _Facts(seen), _released(seen)
    for fact in seen.facts:
        before = [(each, line) for each, line in released[fact.subject] if each.block < fact.block]
        if before and not looked[fact.id]:
            found[LOOK_BACKS_MISSING].append(f"fact {fact.id} about {fact.subject}")
        if facts.stops(fact):
            missing = [(each, line) for each, line in before if not lines[fact.id, each.id, line]]
            found[LOOK_BACKS_MISSING] += [f"fact {fact.id} about {fact.subject}: {_name(each)}, line {line}" for each, line in missing]


def _released(seen: Followed) -> dict[Subject, list[tuple[Examination, int]]]:
    """By what it hangs on, each line that was released, and by which examination."""
    released: dict[Subject, list[tuple[Examination, int]]] = defaultdict(list)
    for each in seen.examinations:
        for line in each.released if each.cause in ("message", "again") else ():
            for subject in each.hangs_on.get(line, ()):
                released[subject].append((each, line))
    return released


def _name(each: Examination) -> str:
    return f"{each.order[1]} revision {each.revision}, examination {each.number} ({each.cause})"
