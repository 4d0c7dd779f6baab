"""Positive controls: which exchanges a case leans on, and which rounds of them count."""

from concurrent.futures import Future
from itertools import count

import pytest
from changed import replace
from deployments import a_deployment
from plans_for_tests import L2BRIDGE, cases

from podwire.planning.prerequisites import needs_of
from podwire.probing.client import ChannelLost
from podwire.probing.controls import ControlRounds, controls_of

LINUX = {"client": "linux", "server": "windows", "placement": "cross-node"}


def a_case_with(**axes):
    (case,) = cases(**{**LINUX, **axes})
    return case, a_deployment(L2BRIDGE, needs_of([case], L2BRIDGE))


def controls(**axes):
    case, deployment = a_case_with(**axes)
    return case, list(controls_of(case, deployment, L2BRIDGE))


def test_both_ends_must_answer_themselves():
    case, made = controls(via="pod-ip")
    assert [(one.pod, one.host.startswith("10.244."), one.port) for one in made] == [
        (f"{case.client.node}-a", True, 8080),
        (f"{case.server.node}-a", True, 8080),
    ]


def test_a_pod_that_the_run_deletes_has_no_control_and_its_heir_one_at_the_loopback():
    case, made = controls(via="pod-ip", server_pod="address-former")
    assert [one.pod for one in made] == [f"{case.client.node}-a"]
    case, (_, heir) = controls(via="pod-ip", server_pod="address-heir")
    assert heir.pod == f"{case.server.node}-address-heir"
    assert heir.host == {"ipv4": "127.0.0.1", "ipv6": "::1"}[case.flow.family]


def test_a_server_without_a_probe_of_ours_has_no_control_of_its_own():
    _, made = controls(server_kind="backends", via="cluster-ip", service="spread")
    assert len(made) == 1


def test_on_the_way_outside_the_clients_node_must_get_there():
    case, made = controls(server_kind="outside", via="external-ip", protocol="icmp", controls="outside-http")
    assert [(one.pod, one.host, one.port) for one in made[1:]] == [
        (f"{case.client.node}-host", "203.0.113.10", 8080),
        (f"{case.client.node}-a", "203.0.113.10", 80),
    ]


def test_a_host_probe_that_is_missing_is_no_control():
    case, deployment = a_case_with(server_kind="outside", via="external-ip")
    gone = replace(deployment, problems={f"{case.client.node}-host": "no image"})
    assert [one.pod for one in controls_of(case, gone, L2BRIDGE)] == [f"{case.client.node}-a"]


def test_a_client_outside_must_answer_itself():
    axes = {"via": "node-port", "service": "node-port", "enters": "server-node"}
    case, made = controls(client_kind="outside", controls="node-port", **axes)
    assert [(one.pod, one.host, one.port) for one in made] == [
        (f"{case.server.node}-a", made[0].host, 8080),
        ("outside", "203.0.113.10", 8080),
        ("outside", made[2].host, 30010),
    ]


@pytest.mark.parametrize("protocol", ["udp", "icmp"])
@pytest.mark.parametrize(("control", "host", "port"), [("cluster-ip", "10.96.1.1", 80), ("pod-ip", "10.244.", 8080)])
def test_another_way_to_the_same_server_is_tried_over_tcp(control, host, port, protocol):
    case, made = controls(via="node-port", enters="server-node", protocol=protocol, controls=control)
    assert made[-1].name == f"{case.client.node}-a reaches the same server by {control.replace('-', ' ')} over TCP"
    assert (made[-1].pod, made[-1].port) == (f"{case.client.node}-a", port)
    assert made[-1].host.startswith(host)


@pytest.mark.parametrize("nobody_answers", ["closed_port", "denied_port"])
def test_a_control_goes_to_an_open_port(nobody_answers):
    _, made = controls(via="pod-ip", controls="pod-ip", **{nobody_answers: True})
    assert {one.port for one in made} == {8080}


class Agent:
    """An agent whose exchanges end as they are told to, one round after the other."""

    def __init__(self, *ends):
        self.ends, self.calls = list(ends), []

    def call(self, method, parameters, timeout):
        self.calls.append((method, parameters))
        end, future = self.ends.pop(0), Future()
        attempt = {"token": "t", "started": 1.0, "elapsed": 0.1, "local": None, "peer": None, "resolved": []}
        reply = {"identity": "x", "source": "10.0.0.1", "source_port": 1} if end == "" else None
        error = {"stage": "connect", "kind": end} if end else None
        if end == "lost":
            future.set_exception(ChannelLost("the stream broke"))
        else:
            future.set_result({**attempt, "reply": reply, "error": error, "sent": 1, "received": 0})
        return future


def rounds_of(case, deployment, agents, number, around=(0, 1)):
    rounds = ControlRounds([case], deployment, L2BRIDGE, agents, 1.0)
    rounds.surround({case.id: around})
    names = (f"pw{at:016x}" for at in count())
    for _ in range(number):
        rounds.round(names)
    return {one.name.split()[0]: one for one in rounds.results(case)}


@pytest.mark.parametrize(
    ("around", "ends", "worked", "detail"),
    [
        ((0, 1), ("", ""), (True, True), ""),
        ((0, 1), ("timeout", ""), (False, True), "timeout"),
        ((0, 1), ("", "lost"), (True, False), "the stream broke"),
        # A case of act 1 lies between the second round of controls and the third.
        ((1, 2), ("timeout", "", ""), (True, True), ""),
        ((1, 2), ("", "", "refused"), (True, False), "refused"),
        # A case of act 0 does not care for what comes after it; one whose flow stayed silent into act 1 does.
        ((0, 1), ("", "", "timeout"), (True, True), ""),
        ((0, 2), ("", "", "timeout"), (True, False), "timeout"),
        # A round that never ran did not work.
        ((0, 1), ("",), (True, False), "not run"),
        ((1, 2), ("", ""), (True, False), "not run"),
    ],
)
def test_the_rounds_just_before_and_just_after_a_flow_count(around, ends, worked, detail):
    case, deployment = a_case_with(via="pod-ip")
    client, server = f"{case.client.node}-a", f"{case.server.node}-a"
    agents = {client: Agent(*ends), server: Agent(*("",) * len(ends))}
    found = rounds_of(case, deployment, agents, len(ends), around)
    assert (found[client].before, found[client].after) == worked
    assert found[client].detail == detail
    assert found[client].worked is all(worked)


def test_a_probe_that_does_not_run_fails_its_control():
    case, deployment = a_case_with(via="pod-ip")
    found = rounds_of(case, deployment, {f"{case.client.node}-a": Agent("", "")}, 2)
    lost = found[f"{case.server.node}-a"]
    assert (lost.worked, lost.detail) == (False, "its agent is not running")


def test_what_several_cases_lean_on_is_made_once_a_round():
    both = cases(**LINUX, via="pod-ip", protocol=("tcp", "udp"))
    both = [replace(one, client=both[0].client, server=both[0].server) for one in both]
    client, server = (f"{slot.node}-a" for slot in (both[0].client, both[0].server))
    agents = {client: Agent(""), server: Agent("")}
    rounds = ControlRounds(both, a_deployment(L2BRIDGE), L2BRIDGE, agents, 1.0)
    rounds.round(iter(["pw1", "pw2"]))
    assert [len(agent.calls) for agent in agents.values()] == [1, 1]
    ((method, parameters),) = agents[client].calls
    assert (method, parameters["proto"], parameters["resolve"], parameters["timeout"]) == (
        "exchange",
        "tcp",
        False,
        1.0,
    )


def test_a_case_without_a_target_for_its_control_has_none_and_others_go_on():
    case, _ = a_case_with(via="pod-ip", controls="load-balancer")
    rounds = ControlRounds([case], a_deployment(L2BRIDGE), L2BRIDGE, {}, 1.0)
    rounds.round(iter(()))
    assert rounds.results(case) == ()


def test_controls_never_use_a_source_port_twice():
    """What a node remembers of a control must not stand in the way of a flow that comes later."""
    case, deployment = a_case_with(via="pod-ip")
    client, server = f"{case.client.node}-a", f"{case.server.node}-a"
    agents = {client: Agent("", ""), server: Agent("", "")}
    rounds_of(case, deployment, agents, 2)
    ports = [parameters["preferred_port"] for _, parameters in agents[client].calls]
    assert len(set(ports)) == len(ports) == 2
    assert all(ports)
