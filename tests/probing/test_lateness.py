"""How late the agents of a run were, by what they tell."""

from concurrent.futures import Future

import pytest
from agent_for_tests import agent

from podwire.probing.client import AgentError
from podwire.probing.lateness import lateness
from podwire.records.machine import MOST_LATE, SHARE_LATE


class Agent:
    def __init__(self, told, connected=True):
        self._told, self.connected = told, connected

    def call(self, method, parameters, timeout):
        answer = Future()
        if isinstance(self._told, Exception):
            answer.set_exception(self._told)
        else:
            answer.set_result(self._told)
        return answer


def test_the_latest_of_all_agents_and_the_share_of_all_timers():
    told = {"timers": 90, "late": 1, "most": 0.25}, {"timers": 10, "late": 4, "most": 2.5}
    assert lateness({str(at): Agent(one) for at, one in enumerate(told)}) == {MOST_LATE: 2.5, SHARE_LATE: 0.05}


@pytest.mark.parametrize("told", [AgentError("no such method"), {"timers": "many"}, {}, {"timers": None}])
def test_an_agent_that_does_not_tell_is_left_out(told):
    assert lateness({"old": Agent(told), "new": Agent({"timers": 2, "late": 0, "most": 0.0})})[SHARE_LATE] == 0.0
    assert lateness({"old": Agent(told), "away": Agent({"timers": 9, "late": 9, "most": 9.0}, connected=False)}) == {}


def test_a_real_agent_tells_of_the_timers_since_it_was_asked_last():
    with agent() as client:
        told = client.call("lateness").result(9)
        assert set(told) == {"timers", "late", "most"}
        assert client.call("lateness").result(9)["timers"] <= told["timers"]
