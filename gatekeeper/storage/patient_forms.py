"""How the ids of patients and authorizations are written, so that none is taken where it must not stand."""

import re
from collections.abc import Collection, Iterable
from typing import Any, Final

from psycopg import Cursor

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_AS_SUCH: Final = "a" * 52 + "9" * 10
_FIRST: Final = re.compile("[A-Za-z]+[-._:]")
_TRANSLATED: Final = str.maketrans(_LETTERS, _AS_SUCH)
FORM: Final = (
    "lower(coalesce(substring({0} from '^[A-Za-z]+[-._:]'), ''))"
    f" || translate(regexp_replace({{0}}, '^[A-Za-z]+[-._:]', ''), '{_LETTERS}', '{_AS_SUCH}')"
)
"""How an id is written: a word before a separator as it is, of all other letters and digits only that they are such."""
FORMS = f"""
INSERT INTO moving_patient_form SELECT DISTINCT {FORM.format("subject")} FROM fact
WHERE kind IN ('patient', 'authorization') AND load IN (
    SELECT id FROM registry_load WHERE version > %(after)s AND version <= %(through)s
    UNION ALL SELECT id FROM registry_batch WHERE version > %(after)s AND version <= %(through)s
) ON CONFLICT DO NOTHING
"""  # noqa: S608


def learn_forms(cursor: Cursor[Any], after: int, through: int) -> None:
    """How the patients' ids are written that came with these versions of the registry."""
    cursor.execute(FORMS.encode(), {"after": after, "through": through})


def written_as_patients(cursor: Cursor[Any], words: Iterable[str]) -> bool:
    """Whether one of the words is written as the ids of patients are, be there such a patient or not."""
    statement = f"SELECT EXISTS (SELECT FROM unnest(%s::text[]) AS w(word) JOIN moving_patient_form f ON f.form = {FORM.format('w.word')})"  # noqa: S608
    return cursor.execute(statement.encode(), (list(words),)).fetchone() == (True,)


def form_of(word: str) -> str:
    """How a word at hand is written."""
    first = _FIRST.match(word)
    begin = first.end() if first else 0
    return word[:begin].lower() + word[begin:].translate(_TRANSLATED)


def known_forms(cursor: Cursor[Any], forms: Collection[str]) -> frozenset[str]:
    """Those of them in which ids of patients or authorizations are written."""
    if not forms:
        return frozenset()
    return frozenset(form for (form,) in cursor.execute("SELECT form FROM moving_patient_form WHERE form = ANY(%s)", (list(forms),)))
