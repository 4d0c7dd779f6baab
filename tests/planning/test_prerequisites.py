"""What the cases of a plan need in the cluster: special pods, Services, changes, and nothing that no case uses."""

import pytest
from changed import replace
from plans_for_tests import L2BRIDGE, cases

from podwire.planning.prerequisites import Needs, ServiceNeed, needs_of, service_of

LINUX = {"client": "linux", "server": "linux", "placement": "cross-node"}


def needs(facts=L2BRIDGE, **axes):
    return needs_of(cases(facts, **{**LINUX, **axes}), facts)


@pytest.mark.parametrize("axes", [{}, {"server_kind": "host", "via": "node-ip"}, {"via": "pod-name"}])
def test_usual_probes_need_nothing_more(axes):
    assert needs(**axes) == Needs()


@pytest.mark.parametrize("via", ["cluster-ip", "short-name", "node-port", "load-balancer", "health-port"])
def test_a_service_stands_before_the_server_of_its_case(via):
    (case,) = cases(**LINUX, via=via, service="node-port", enters="server-node")
    expected = ServiceNeed(kind="node-port", node=case.server.node, probe="a")
    assert needs_of([case], L2BRIDGE).services == (expected,)
    assert service_of(case) == expected


def test_a_service_with_many_backends_is_made_once():
    made = cases(server_kind="backends", via="cluster-ip", service="spread", protocol=("tcp", "udp"))
    assert len(made) == 4
    assert needs_of(made, L2BRIDGE) == Needs(services=(ServiceNeed(kind="spread"),))


def test_special_pods_stand_where_their_cases_are():
    (case,) = cases(**LINUX, server_pod="leaving", via="cluster-ip", service="leaving", after="pods-leaving")
    assert needs_of([case], L2BRIDGE) == Needs(
        pods=((case.server.node, "leaving"),),
        services=(ServiceNeed(kind="leaving", node=case.server.node, probe="leaving"),),
        changes=("pods-leaving",),
    )


def test_a_pod_with_a_resolver_of_its_own_needs_the_server_that_it_asks():
    (case,) = cases(**LINUX, client_pod="custom-dns", via="unknown-name", protocol="dns")
    found = needs_of([case], L2BRIDGE)
    assert found.services == (ServiceNeed(kind="dns"),)
    assert {pod for _, pod in found.pods} == {"custom-dns", "dns-server"}


@pytest.mark.parametrize("nodes", [("linux-2",), ("linux-1", "linux-2"), ()])
def test_that_server_is_looked_for_where_it_runs_and_not_where_the_dns_of_the_cluster_does(nodes):
    facts = replace(L2BRIDGE, dns=replace(L2BRIDGE.dns, nodes=nodes))
    axes = {"client": "linux", "server_kind": "dns", "via": "unknown-name", "protocol": "dns", "family": "ipv4"}
    for pod in ("custom-dns", ""):
        (case,) = cases(facts, **axes, client_pod=pod)
        own = ("linux-1", "dns-server")
        assert case.server.node == (own[0] if pod else nodes[0] if len(nodes) == 1 else "")
        assert (own in needs_of([case], facts).pods) is bool(pod)


def test_backends_of_their_own_stand_on_the_nodes_in_turn():
    axes = {"server_kind": "backends", "via": "cluster-ip", "service": "mixed-ports"}
    assert needs(**axes).pods == (("linux-1", "port-first"), ("linux-2", "port-second"))
    alone = needs_of(cases(nodes_per_os=1, **{**LINUX, **axes}), L2BRIDGE, nodes_per_os=1)
    assert alone.pods == (("linux-1", "port-first"), ("linux-1", "port-second"))


def test_backends_of_their_own_are_left_out_where_no_node_could_carry_them():
    windows = replace(L2BRIDGE, nodes=L2BRIDGE.usable("windows"))
    axes = {"client": "windows", "server_kind": "backends", "via": "cluster-ip", "service": "mixed-ports"}
    found = needs(windows, **axes)
    assert found == Needs(services=(ServiceNeed(kind="mixed-ports"),))


@pytest.mark.parametrize("control", ["cluster-ip", "node-port"])
def test_a_control_by_a_service_needs_it_too(control):
    (case,) = cases(**LINUX, via="pod-ip", service="node-port", controls=control, enters="server-node")
    assert service_of(case) is None
    assert needs_of([case], L2BRIDGE).services == (ServiceNeed(kind="node-port", node=case.server.node, probe="a"),)


@pytest.mark.parametrize("control", ["pod-ip", "outside-tcp"])
def test_other_controls_need_nothing(control):
    assert needs(controls=control) == Needs()
