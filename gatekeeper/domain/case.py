"""A case: an order, what the registry and the ledger said about everything it names, the rules, and the instant.

What was said is kept as answers to questions. A question is a tuple whose first member names its kind:

==================================  =======================================================================
question                            answer
==================================  =======================================================================
("as_of", program)                  the instant as of which the registry speaks, or None
("mode", program)                   tuple of ProgramFact
("site", site_id)                   tuple of SiteFact, of every program that has the id
("identifier", kind, value)         tuple of site ids that a fact of any program gives this value; an account
                                    is asked for as ``wholesaler_id:account``
("patient", program, id)            tuple of PatientFact
("prescriber", program, id)         tuple of PrescriberFact
("authorization", program, id)      tuple of AuthorizationFact
("recall", program, lot)            tuple of RecallFact, of every product of the program
("alias", site_id)                  tuple of SiteAlias, of every program and wholesaler; asked only where the order
                                    does not agree with the site by the registry alone
("units", program, authorization)   dispensing units released so far, less voided and returned; also those of the lines that are judged
("serial", gtin, serial)            where it was released, as ``wholesaler/order/revision/line``, or None
("order", wholesaler_id, order_id)  tuple of Earlier: of the messages of this order that came before, one with
                                    the same revision and the highest at least; and what events said of it
==================================  =======================================================================

A question without an answer is a fault of the caller, and raises ``KeyError``: nothing is decided on a guess.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from gatekeeper.domain.order import Order
from gatekeeper.domain.program import Program

Question = tuple[str, ...]
Answers = Mapping[Question, Any]


class Earlier(NamedTuple):
    """An earlier message of the same order, or what is known of its goods."""

    revision: int
    digest: str
    """Of a message; else empty."""
    what: str = "message"
    """``message``; ``shipped``: goods of this revision have left; ``cancelled``: they stay; ``unconfirmed``: they were released, and
    who reports shipments has not said that they stayed."""
    lines: tuple[int, ...] = ()
    """Which lines were cancelled; none where it is the whole order."""


class Held(NamedTuple):
    """Units of an authorization that do not count against one line when it is judged."""

    line: int
    question: Question
    units: int
    """It holds them itself: it was released and withdrawn, or left past the gate."""
    later: int = 0
    """Where it is watched: they were released after it, and it is not for it to make room for them."""


class Case(NamedTuple):
    order: Order
    answers: Answers
    programs: tuple[Program, ...]
    at: datetime
    """The instant of the decision, in UTC; read once."""
    watched: bool = False
    """The lines were released, and it is asked whether they may still leave: registry age and ship date are not judged then, nor
    what only lapsed where the registry is too old."""
    held: tuple[Held, ...] = ()
    """What the answers count, and what does not count against a line. While it stays stopped, it counts for all others."""
