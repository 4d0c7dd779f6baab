"""At which of their messages streams that nobody answers live through a change."""

from concurrent.futures import Future
from itertools import repeat

import pytest
from changed import replace
from deployments import a_deployment
from observed import a_case, a_flow
from plans_for_tests import L2BRIDGE

from podwire.model.cases import Slot
from podwire.model.streams.load import StreamLoad
from podwire.model.streams.seen import Mark
from podwire.model.symbols import STAYING, ServiceSymbols
from podwire.probing.client import AgentError
from podwire.probing.streams import runs
from podwire.probing.streams.runs import Streaming, _Running
from podwire.probing.targets import Target

TARGET = Target(host="10.96.0.1", port=80, ip="10.96.0.1")


class Agent:
    """An agent whose streams have sent as many messages as the next of these counts says, or answers with `what`."""

    def __init__(self, *counts, what="sent"):
        self._counts, self._what = [*counts], what
        self.calls = 0

    def call(self, method, parameters, patience):
        assert method == "stream_state"
        self.calls += 1
        answer, count = Future(), self._counts.pop(0) if len(self._counts) > 1 else self._counts[0]
        if count is None:
            answer.set_exception(AgentError("busy"))
            return answer
        (token,) = parameters["streams"]
        stream = {"started": 1.0, "ran": 10, "ended": False, "counts": {self._what: count}}
        answer.set_result({"streams": {token: stream}})
        return answer


def streaming(agent, stream="one-way", kind="interrupted", after=""):
    flow = a_flow(stream=stream, protocol="udp", via="cluster-ip", service=ServiceSymbols(kind), after=after)
    case = replace(a_case(flow), server=Slot(os="linux", node="linux-2", probe="a"))
    made = Streaming(
        a_deployment(L2BRIDGE),
        None,
        {"pod": agent},
        StreamLoad(),
        tokens=repeat("pw"),
        ports=None,
        client=lambda case: "pod",
        why_lost=lambda pod: "",
    )
    made._running = [_Running(case=case, target=TARGET, bindings={}, tokens=["pw1"])]
    return made


def test_a_change_is_noted_with_what_was_sent_before_it_and_when_it_showed():
    made = streaming(Agent(3, 5))
    made.shown("endpoints-gone", made.sent("endpoints-gone"))
    assert made._running[0].marks == [Mark(change="endpoints-gone", before=3, shown=5)]


def test_a_change_that_follows_another_one_waits_for_some_messages_in_between(monkeypatch):
    monkeypatch.setattr(runs, "LOOK", 0.01)
    made = streaming(Agent(3, 5, 6, 7, 11, 12))
    made.shown("endpoints-gone", made.sent("endpoints-gone"))
    assert made.sent("endpoints-back") == {"pw1": 11}


def test_other_streams_and_other_services_are_not_asked():
    assert streaming(Agent(3), stream="steady").sent("endpoints-gone") == {}
    assert streaming(Agent(3), kind="echo").sent("endpoints-gone") == {}


def test_a_stream_whose_agent_does_not_answer_has_no_mark():
    made = streaming(Agent(3, None))
    made.shown("endpoints-gone", made.sent("endpoints-gone"))
    assert made._running[0].marks == []


def awaited(agent, **changes):
    """How often the agent was asked before a stream was taken to know its endpoint."""
    made = streaming(agent, stream="steady", **changes)
    made._await_endpoints(made._running)
    return agent.calls


@pytest.mark.parametrize("what", ["answered", "lost"])
def test_a_change_waits_for_the_first_answer_of_a_stream_or_for_its_loss(monkeypatch, what):
    monkeypatch.setattr(runs, "SOON", 0.01)
    assert awaited(Agent(0, 0, 1, what=what), after="backend-gone") == 3


def test_a_stream_that_nobody_answers_is_not_awaited_for_ever(monkeypatch):
    monkeypatch.setattr(runs, "LINGER", 0.05)
    assert awaited(Agent(0), after="backend-gone") >= 1


def test_a_stream_whose_agent_is_gone_or_that_follows_no_change_is_not_awaited():
    assert awaited(Agent(None), after="backend-gone") == 1
    assert awaited(Agent(0)) == 0


def test_an_endpoint_that_was_not_ready_for_a_while_has_not_stayed():
    made = streaming(Agent(0), stream="steady", kind="unready", after="endpoint-ready-again")
    running = replace(made._running[0], bindings={"server.identities": ("linux-1-b", "windows-1-b")})
    made._running, members = [running], made._deployment.members
    members["unready"] = frozenset({"linux-1-b", "windows-1-b"})
    assert made._staying(running) == {STAYING: ("linux-1-b", "windows-1-b")}
    members["unready"] = frozenset({"linux-1-b"})
    made.shown("endpoint-unready", {})
    made.shown("endpoint-added", {})  # Of another Service.
    members["unready"] = frozenset({"linux-1-b", "windows-1-b"})
    made.shown("endpoint-ready-again", {})
    assert made._staying(running) == {STAYING: ("linux-1-b",)}
