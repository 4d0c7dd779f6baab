"""At which of their messages streams that nobody answers live through a change."""

from concurrent.futures import Future
from itertools import repeat

from changed import replace
from deployments import a_deployment
from observed import a_case, a_flow
from plans_for_tests import L2BRIDGE

from podwire.model.cases import Slot
from podwire.model.streams.load import StreamLoad
from podwire.model.streams.seen import Mark
from podwire.model.symbols import ServiceSymbols
from podwire.probing.client import AgentError
from podwire.probing.streams import runs
from podwire.probing.streams.runs import Streaming, _Running
from podwire.probing.targets import Target

TARGET = Target(host="10.96.0.1", port=80, ip="10.96.0.1")


class Agent:
    """An agent whose streams have sent as many messages as the next of these counts says."""

    def __init__(self, *counts):
        self._counts = [*counts]

    def call(self, method, parameters, patience):
        assert method == "stream_state"
        answer, count = Future(), self._counts.pop(0) if len(self._counts) > 1 else self._counts[0]
        if count is None:
            answer.set_exception(AgentError("busy"))
            return answer
        (token,) = parameters["streams"]
        stream = {"started": 1.0, "ran": 10, "ended": False, "counts": {"sent": count}}
        answer.set_result({"streams": {token: stream}})
        return answer


def streaming(agent, stream="one-way", kind="interrupted"):
    flow = a_flow(stream=stream, protocol="udp", via="cluster-ip", service=ServiceSymbols(kind))
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
