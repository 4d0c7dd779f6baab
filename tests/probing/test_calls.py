"""When a call to an agent is given up: what makes progress is not late."""

import pytest

from podwire.probing.calls import Call


@pytest.mark.parametrize(
    ("after", "silent", "late"),
    [
        (-1.0, 100.0, False),  # Its time is not over.
        (1.0, 100.0, True),
        (1.0, 2.0, False),  # The agent answers others meanwhile.
        (29.0, 2.0, False),
        (31.0, 2.0, True),  # But not for ever.
    ],
)
def test_a_call_is_late_when_its_agent_is_silent_or_takes_a_multiple_of_its_time(after, silent, late):
    call = Call("exchange", {}, 10.0)
    now = call.deadline + after
    assert call.is_late(now, now - silent) is late
