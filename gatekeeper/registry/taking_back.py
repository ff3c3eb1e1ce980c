"""What takes something back: what hangs on it is followed before all else that came with it, or before it."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg import Cursor

from gatekeeper.domain.case import Question
from gatekeeper.examinations.dependencies import answered_by

TAKES_BACK: Final = frozenset({"pending", "suspended", "decertified", "withdrawn", "cancelled", "recalled"})
"""What a fact may say of a subject that allows less than before."""
MOST_FIRST: Final = 10_000
"""So many questions of a snapshot go first: behind all that a whole registry may take back a suspension by topic would wait."""

# In canonical bytes these signs stand in a row only where the member itself does.
OTHERS = """
SELECT kind, program, subject, ''::bytea FROM fact WHERE load = %s AND kind <> 'site' AND EXISTS (
    SELECT FROM unnest(%s::text[]) AS s(status) WHERE position(convert_to('"status":"' || status || '"', 'UTF8') IN body) > 0)
ORDER BY id LIMIT %s
"""


def takes_back(cursor: Cursor[Any], load: int, lost: Sequence[str]) -> list[Question]:
    """The questions whose answers a load changes for the worse: the sites that it loses, and of other kinds what its new facts say."""
    first: list[Question] = [("site", site) for site in lost[:MOST_FIRST]]
    others = cursor.execute(OTHERS, (load, list(TAKES_BACK), MOST_FIRST - len(first))).fetchall()
    return first + [question for said in others for question in answered_by(*said)]
