"""Which ends of a call are believed."""

import pytest

from consumers.kafka.publisher import OverdueError, _in_time


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_call_that_fails_in_a_way_nobody_named_is_not_taken_for_done() -> None:
    def fail() -> None:
        raise RuntimeError

    with pytest.raises(OverdueError):
        _in_time(fail, 60)
