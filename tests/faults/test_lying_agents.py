"""What an agent says is believed field by field or not at all, and one that lies costs the cases of its pod only."""

import re

import pytest
from deployments import a_deployment
from lying_agents import AGAIN, BLIND, INCONCLUSIVE, JUDGED, LIES
from plans_for_tests import L2BRIDGE, cases
from played_agents import Agent, Network

from podwire.planning.prerequisites import needs_of
from podwire.probing import controls, dispatch
from podwire.probing.acts import flights
from podwire.probing.client import AgentClient
from podwire.probing.dispatch import Dispatcher

LIAR = "linux-1-a"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(dispatch, "PATIENCE", 0.5)
    monkeypatch.setattr(flights, "PATIENCE", 0.5)
    monkeypatch.setattr(flights, "LULL", 0.05)
    monkeypatch.setattr(controls, "PATIENCE", 0.2)


def observed(lie=None):
    """The cases, and what was seen of them by id, with one agent that lies."""
    planned = list(cases(client=("linux", "windows"), server=("linux", "windows"), placement="cross-node"))
    deployment = a_deployment(L2BRIDGE, needs_of(planned, L2BRIDGE))
    network = Network(deployment)

    def client(pod):
        told = lie if pod == LIAR else None
        return AgentClient(pod, lambda: Agent(pod, network, told), tries=2, pause=0.01, start=0.5)

    agents = {probe.pod: client(probe.pod) for probe in deployment.probes}
    try:
        seen = Dispatcher(deployment, L2BRIDGE, agents, timeout=0.3, start=2.0).run(planned)
    finally:
        for agent in agents.values():
            agent.close()
    assert seen.keys() == {case.id for case in planned}
    return planned, {key: one.observation for key, one in seen.items()}


def pods_of(case):
    return {f"{slot.node}-{slot.probe}" for slot in (case.client, case.server)}


def is_client(case):
    return f"{case.client.node}-{case.client.probe}" == LIAR


def answered(observation):
    return observation.problem is None and all(attempt.answered for attempt in observation.attempts)


def test_when_nobody_lies_every_case_is_judged(quick):
    planned, seen = observed()
    assert any(is_client(case) for case in planned)
    assert any(LIAR not in pods_of(case) for case in planned)
    assert all(answered(one) and len(one.attempts) == 1 and not one.interrupted for one in seen.values())
    assert all(control.worked for one in seen.values() for control in one.controls)


@pytest.mark.parametrize("lie", LIES, ids=lambda one: one.name)
def test_what_an_agent_may_say(lie, quick):
    planned, seen = observed(lie)
    for case in planned:
        one = seen[case.id]
        if LIAR not in pods_of(case):
            assert answered(one)
        elif lie.end is INCONCLUSIVE and is_client(case):
            assert one.problem is not None
            assert re.search(lie.says, one.problem), one.problem
            assert not one.attempts
        elif lie.end in (JUDGED, AGAIN):
            assert answered(one)
            assert len(one.attempts) == 1
        elif lie.end is BLIND:
            blind = [capture for capture in one.captures.values() if capture.where == LIAR]
            assert blind
            assert all(not capture.usable and re.search(lie.says, capture.reason) for capture in blind)
    if lie.end is AGAIN:
        assert any(one.interrupted for one in seen.values())
    if lie.end is JUDGED:
        assert not any(one.interrupted for one in seen.values())


def test_each_lie_has_a_name_of_its_own():
    assert len({lie.name for lie in LIES}) == len(LIES) >= 11
