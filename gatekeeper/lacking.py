"""What the rules in force ask for and the registries do not give: why lines are held before anything else is looked at."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from psycopg import Cursor

from gatekeeper.domain.program import Program

FRESH: Final = "SELECT program, as_of FROM moving_freshness WHERE program = ANY(%s)"
AUTHORIZED: Final = """
SELECT wanted.program FROM unnest(%s::text[]) AS wanted (program) WHERE EXISTS (
    SELECT FROM fact f WHERE f.program = wanted.program AND f.kind = 'authorization'
    AND (SELECT p.present FROM fact_presence p WHERE p.fact = f.id ORDER BY p.load DESC LIMIT 1) IS NOT FALSE
)
"""


def lacking(cursor: Cursor[Any], programs: Iterable[Program]) -> list[str]:
    """One sentence for each thing that a program asks for and its registry does not give, or no longer."""
    all_of_them = tuple(programs)
    fresh: Mapping[str, datetime] = dict(cursor.execute(FRESH, ([program.name for program in all_of_them],)).fetchall())
    asking = [program.name for program in all_of_them if program.patient_rule == "authorized" and program.name in fresh]
    authorized = {row[0] for row in cursor.execute(AUTHORIZED, (asking,))}
    sentences = []
    for program in all_of_them:
        if program.name not in fresh:
            sentences.append(f"No snapshot of {program.name} has been loaded: every line of its products is held.")
        elif program.name in asking and program.name not in authorized:
            sentences.append(
                f"The rules of {program.name} ask for authorizations and its registry holds none: every line of its products is held. "
                "Where the REMS tells wholesalers of none, docs/programs.md says what can be chosen."
            )
    return sentences
