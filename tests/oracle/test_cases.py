"""The oracle answers as the labelled decisions say."""

from datetime import datetime
from typing import Any

import pytest

from tests.oracle.answering import answer, is_repeat
from tests.oracle.history import History
from tests.oracle.labelled import decisions, expected_of, facts_of, fits


@pytest.mark.parametrize("case", decisions(), ids=lambda case: case["id"])
def test_the_oracle_answers_as_labelled(case: dict[str, Any]) -> None:
    """Each readable order of a case gets the outcome, the codes, the site and the mark of a repeat that the case expects."""
    history, facts, at = History(), facts_of(case), datetime.fromisoformat(case["at"])
    for expected in expected_of(case):
        repeat = is_repeat(expected.order, history)
        lines = answer(expected.order, facts, at, history)
        assert repeat is expected.repeat
        assert len(lines) == len(expected.lines)
        assert [(wanted, got) for wanted, got in zip(expected.lines, lines, strict=True) if not fits(wanted, got)] == []
