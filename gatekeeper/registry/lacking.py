"""What the rules in force ask for and the registries do not give: why lines are held before anything else is looked at."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from psycopg import Cursor

from gatekeeper.domain.program import Program
from gatekeeper.messages import written
from gatekeeper.registry.hearing import limits_of, stale
from gatekeeper.storage import ledger
from gatekeeper.storage.heard import Heard, heard

AUTHORIZED: Final = """
SELECT wanted.program FROM unnest(%s::text[]) AS wanted (program) WHERE EXISTS (
    SELECT FROM fact f WHERE f.program = wanted.program AND f.kind = 'authorization'
    AND (SELECT p.present FROM fact_presence p WHERE p.fact = f.id ORDER BY p.load DESC LIMIT 1) IS NOT FALSE
)
"""
GAPS_NAMED: Final = 5


def lacking(cursor: Cursor[Any], programs: Iterable[Program]) -> list[str]:
    """One sentence for each thing that a program asks for and its registry does not give, or no longer."""
    all_of_them = tuple(programs)
    known = heard(cursor, [program.name for program in all_of_them])
    asking = [program.name for program in all_of_them if program.patient_rule == "authorized" and known[program.name].as_of is not None]
    authorized = {row[0] for row in cursor.execute(AUTHORIZED, (asking,))}
    at, limits = ledger.now(cursor), limits_of(all_of_them)
    sentences: list[str] = []
    for program in all_of_them:
        name, one = program.name, known[program.name]
        if one.as_of is None:
            sentences.append(f"No snapshot of {name} has been loaded: every line of its products is held.")
        elif stale(one.as_of, at, limits[name]):
            limit = "1 hour" if program.registry_age_limit_hours == 1 else f"{program.registry_age_limit_hours} hours"
            sentences.append(
                f"The registry of {name} speaks as of {written(one.as_of)}, longer ago than its {limit}: "
                "every line of its products is held."
            )
        sentences += _missing(name, one)
        if name in asking and name not in authorized:
            sentences.append(
                f"The rules of {name} ask for authorizations and its registry holds none: every line of its products is held. "
                "Where the REMS tells wholesalers of none, docs/programs.md says what can be chosen."
            )
    return sentences


def _missing(name: str, one: Heard) -> Iterator[str]:
    if one.gaps:
        named = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in one.gaps[:GAPS_NAMED])
        more = ", …" if len(one.gaps) > GAPS_NAMED else ""
        yield f"Missing in the sequence of {name}: {named}{more} ({one.missing} in all)."
