"""The end of the agents: pods that leave are let go first, and nothing of it raises."""

from concurrent.futures import Future

import pytest
from deployments import a_deployment
from plans_for_tests import L2BRIDGE

from podwire.planning.prerequisites import Needs
from podwire.probing import agents as module
from podwire.probing.agents import HOOK_PORT, close_agents, end_hooks


class Agent:
    connected = True

    def __init__(self, fails=None, answers=True):
        self.calls, self.closed, self._fails, self._answers = [], 0, fails, answers

    def call(self, method, parameters, timeout):
        self.calls.append((method, parameters["host"], parameters["port"]))
        future = Future()
        if self._answers:
            future.set_result({})
        return future

    def close(self):
        self.closed += 1
        if self._fails:
            raise self._fails


@pytest.fixture
def deployment():
    return a_deployment(L2BRIDGE, Needs(pods=(("linux-1", "leaving"), ("windows-1", "leaving"))))


def agents_of(deployment, **special):
    return {probe.pod: special.get(probe.pod.replace("-", "_")) or Agent() for probe in deployment.probes}


def test_the_hooks_of_leaving_pods_end_before_their_agents(deployment):
    agents = agents_of(deployment)
    close_agents(agents, deployment)
    told = {pod for pod, agent in agents.items() if agent.calls}
    assert told == {"linux-1-leaving", "windows-1-leaving"}
    assert agents["linux-1-leaving"].calls == [("beacon", "127.0.0.1", HOOK_PORT)]
    assert all(agent.closed == 1 for agent in agents.values())


@pytest.mark.parametrize("failure", [OSError("broken"), KeyboardInterrupt()])
def test_an_agent_that_cannot_be_closed_keeps_no_other_from_it(deployment, failure):
    agents = agents_of(deployment, linux_1_a=Agent(failure))
    close_agents(agents, deployment)
    assert all(agent.closed == 1 for agent in agents.values())


def test_an_agent_that_does_not_answer_is_not_waited_for_long(deployment, monkeypatch):
    monkeypatch.setattr(module, "HOOKS", 0.05)
    end_hooks(agents_of(deployment, linux_1_leaving=Agent(answers=False)), deployment)


def test_without_a_deployment_only_streams_end():
    agents = {"a": Agent()}
    close_agents(agents, None)
    assert (agents["a"].calls, agents["a"].closed) == ([], 1)
