"""Which probes play a flow, which node it enters by, how its case is called, and why a cluster cannot have it."""

import pytest
from changed import replace
from plans_for_tests import L2BRIDGE, OVERLAY, a_plan, cases, reasons, with_nodes

from podwire.model.facts import ExternalHost
from podwire.model.spread import connections_for
from podwire.planning.plan import PlanError

OUTSIDE_V4 = ExternalHost(name="e.example", addresses=("192.0.2.1",), agent=True)
LISTENER = replace(OUTSIDE_V4, agent=False)
HALF = replace(
    L2BRIDGE,
    nodes=tuple(
        replace(node, addresses=node.addresses[:1]) if node.os == "windows" else node for node in L2BRIDGE.nodes
    ),
)


@pytest.mark.parametrize(
    ("facts", "axes", "reason"),
    [
        ({"nodes": ()}, {}, "needs a usable Linux node"),
        ({"external": None}, {"server_kind": "outside", "via": "external-ip"}, "needs a host outside the cluster"),
        (
            {"external": OUTSIDE_V4},
            {"server_kind": "outside", "via": "external-ip", "family": "ipv6"},
            "needs a host outside with an IPv6 address",
        ),
        (
            {"external": LISTENER},
            {"client_kind": "outside", "via": "node-port", "service": "node-port", "enters": "server-node"},
            "needs an agent on the host outside",
        ),
        (
            {"load_balancer": False},
            {"via": "load-balancer", "service": "load-balancer"},
            "needs addresses for Services of type LoadBalancer; if the cluster gives them, add --load-balancer",
        ),
        (
            {"external_ips": False},
            {"via": "service-external-ip", "service": "external-ip"},
            "kube-proxy serves no externalIPs: its feature gate AllowServiceExternalIPs is off",
        ),
        (
            {"cluster_dns": ("10.96.0.10",)},
            {"server_kind": "dns", "via": "short-name", "protocol": "dns", "family": "ipv6"},
            "the cluster's DNS has no IPv6 address",
        ),
        (
            {"families": ("ipv4",)},
            {"server_kind": "backends", "via": "cluster-ip", "family": "ipv6"},
            "pods have no IPv6 on this cluster",
        ),
        (
            {"windows_families": ("ipv4",)},
            {"family": "ipv6"},
            "pods on Windows nodes have no IPv6 in network mode l2bridge",
        ),
        (
            {"windows_families": ("ipv4",)},
            {"client_kind": "host", "family": "ipv6", "client": "windows", "server": "linux"},
            "Windows nodes do not reach pods by IPv6 in network mode l2bridge",
        ),
        (
            {"windows_families": ("ipv4",)},
            {"via": "node-port", "enters": "other-node", "entry_os": "windows", "family": "ipv6", "server": "linux"},
            "Windows nodes serve no IPv6 Services in network mode l2bridge",
        ),
        (
            {"nodes": HALF.nodes},
            {"server_kind": "host", "via": "node-ip", "family": "ipv6"},
            "a Windows node has no IPv6 address",
        ),
        (
            {"nodes": HALF.nodes},
            {"via": "node-port", "enters": "other-node", "entry_os": "windows", "family": "ipv6", "server": "linux"},
            "a Windows node has no IPv6 address",
        ),
    ],
)
def test_what_a_cluster_does_not_have_is_excluded_with_its_reason(facts, axes, reason):
    told = reasons(replace(L2BRIDGE, **facts), **axes)
    assert any(one.startswith(reason) for one in told.values()), told
    assert not reason.startswith("needs a usable") or not cases(replace(L2BRIDGE, **facts), **axes)


def test_an_overlay_of_windows_excludes_only_what_touches_its_pods():
    made = a_plan(OVERLAY, family="ipv6")
    assert {(case.flow.client.os, case.flow.server.os) for case in made.cases.values()} == {("linux", "linux")}
    assert {exclusion.reason for exclusion in made.exclusions} == {
        "pods on Windows nodes have no IPv6 in network mode overlay"
    }


@pytest.mark.parametrize("placement", ["same-node", "cross-node", "itself"])
def test_a_placement_is_kept_on_every_pair_of_systems(placement):
    made = cases(placement=placement)
    assert len(made) == (4 if placement == "cross-node" else 2)
    for case in made:
        assert (case.client.node == case.server.node) is (placement != "cross-node")
        assert (case.client == case.server) is (placement == "itself")


@pytest.mark.parametrize("axes", [{}, {"client_kind": "host"}, {"server_kind": "host"}, {"client_pod": "custom-dns"}])
def test_two_ends_on_one_node_are_two_probes(axes):
    for case in cases(placement="same-node", **axes):
        assert case.client != case.server


def test_special_pods_play_their_part():
    made = cases(placement="cross-node", client_pod="custom-dns", server_pod="leaving")
    assert {(case.client.probe, case.server.probe) for case in made} == {("custom-dns", "leaving")}


@pytest.mark.parametrize("asks", [{"protocol": "dns"}, {"protocol": "tool", "tool": "nslookup"}])
def test_names_are_asked_from_a_pod_that_nothing_else_is_sent_from(asks):
    made = cases(via="short-name", server_kind="dns", **asks)
    assert {case.client.probe for case in made} == {"b"}
    assert {case.server.probe for case in made} == {"dns"}


@pytest.mark.parametrize(
    ("dns_nodes", "told"), [(("linux-2",), "linux-2"), (("linux-1", "linux-2"), ""), ((), ""), (("another",), "")]
)
def test_the_node_of_the_dns_server_is_told_when_there_is_one_and_it_takes_part(dns_nodes, told):
    made = cases(replace(L2BRIDGE, dns_nodes=dns_nodes), via="short-name", server_kind="dns", protocol="dns")
    assert made
    assert {case.server.node for case in made} == {told}


@pytest.mark.parametrize("count", [2, 3])
def test_a_flow_enters_by_the_node_that_is_asked_for(count):
    facts = with_nodes(L2BRIDGE, count)
    made = cases(
        facts,
        count,
        via="node-port",
        enters=("client-node", "server-node", "other-node"),
        entry_os=("linux", "windows"),
    )
    os_of = {node.name: node.os for node in facts.nodes}
    assert {case.flow.way.enters for case in made} == {"client-node", "server-node", "other-node"}
    for case in made:
        if case.flow.way.enters == "other-node":
            assert case.entry not in (case.client.node, case.server.node)
            assert os_of[case.entry] == case.flow.way.entry_os
            assert "entry-node" in case.points
        else:
            assert case.entry == (case.client if case.flow.way.enters == "client-node" else case.server).node


@pytest.mark.parametrize(
    ("placement", "client", "server", "enough"),
    [
        ("cross-node", "linux", "linux", 3),
        ("cross-node", "linux", "windows", 2),
        ("cross-node", "windows", "windows", 2),
        ("same-node", "linux", "linux", 2),
        ("same-node", "windows", "windows", 1),
        ("itself", "linux", "linux", 2),
    ],
)
def test_another_node_is_one_that_is_neither_end(placement, client, server, enough):
    axes = {
        "placement": placement,
        "client": client,
        "server": server,
        "via": "node-port",
        "enters": "other-node",
        "entry_os": "linux",
    }
    facts = with_nodes(L2BRIDGE, 3)
    for count in range(1, 4):
        told = set(reasons(facts, count, **axes).values())
        assert (told == set()) is (count >= enough), (count, told)
    assert reasons(facts, enough - 1, **axes) or enough == 1


def test_a_client_outside_has_no_node_and_its_flow_is_seen_where_it_enters():
    made = cases(client_kind="outside", via="node-port", enters="other-node", entry_os="linux")
    assert made
    for case in made:
        assert (case.client.node, case.client.probe, case.client.is_probe) == ("", "outside", False)
        assert set(case.points) == {"entry-node", "server-node", "server-pod"}
        assert case.id.startswith("area/R[tcp-v4-outside-")


def test_one_node_of_each_system_still_has_flows_between_systems():
    made = a_plan(nodes_per_os=1)
    across = {
        (one.flow.client.os, one.flow.server.os) for one in made.cases.values() if one.flow.placement == "cross-node"
    }
    assert across == {("linux", "windows"), ("windows", "linux")}
    assert {exclusion.reason for exclusion in made.exclusions} == {
        "needs two usable Linux nodes",
        "needs two usable Windows nodes",
    }
    assert {slot.node for one in made.cases.values() for slot in (one.client, one.server)} == {"linux-1", "windows-1"}


def test_only_nodes_that_take_part_are_chosen():
    facts = with_nodes(L2BRIDGE, 5)
    made = cases(facts, 3, family=("ipv4", "ipv6"), protocol=("tcp", "udp"), payload=(1, 2, 3))
    used = {slot.node for case in made for slot in (case.client, case.server)}
    assert used == {f"{os}-{number}" for os in ("linux", "windows") for number in (1, 2, 3)}


def test_ids_do_not_depend_on_the_names_of_nodes():
    renamed = replace(L2BRIDGE, nodes=tuple(replace(node, name=f"x-{node.name}") for node in L2BRIDGE.nodes))
    axes = {"via": "node-port", "enters": ("client-node", "other-node"), "entry_os": "linux", "placement": "same-node"}
    assert list(a_plan(**axes).cases) == list(a_plan(renamed, **axes).cases)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({}, "tcp-v4-linux-windows-cross-node"),
        ({"family": "ipv6"}, "tcp-v6-linux-windows-cross-node"),
        ({"aspect": "source"}, "source-tcp-v4-linux-windows-cross-node"),
        ({"service": ("echo", "host"), "via": "cluster-ip"}, "tcp-host-v4-linux-windows-cross-node"),
        ({"port": ("first", "second"), "via": "cluster-ip"}, "tcp-second-v4-linux-windows-cross-node"),
        ({"payload": (1, 9000)}, "tcp-9000B-v4-linux-windows-cross-node"),
        ({"via": ("pod-ip", "pod-name")}, "tcp-pod-name-v4-linux-windows-cross-node"),
        ({"via": "node-port", "enters": "server-node"}, "tcp-v4-linux-windows-cross-node"),
        (
            {"via": "node-port", "enters": ("client-node", "server-node")},
            "tcp-v4-linux-windows-cross-node-by-the-server-node",
        ),
        (
            {"via": "node-port", "enters": ("client-node", "server-node")},
            "tcp-v4-linux-windows-cross-node-by-its-own-node",
        ),
        (
            {"via": "node-port", "enters": "other-node", "entry_os": "linux"},
            "tcp-v4-linux-windows-cross-node-by-another-linux-node",
        ),
        ({"server_kind": "outside", "via": "external-ip", "server": ()}, "tcp-v4-linux-outside"),
        ({"server_kind": "backends", "via": "cluster-ip"}, "tcp-v4-linux-backends"),
    ],
)
def test_a_case_is_called_by_what_varies(axes, words):
    chosen = {"client": "linux", "server": "windows", "placement": "cross-node", **axes}
    assert f"area/R[{words}]" in a_plan(**chosen).cases


def test_two_tests_of_one_requirement_need_an_aspect():
    with pytest.raises(PlanError, match="already has the case id"):
        a_plan(several=[{"via": "cluster-ip"}])
    made = a_plan(several=[{"via": "cluster-ip", "aspect": "other"}])
    assert len({case.id for case in made.cases.values()}) == len(made.cases) == 12


@pytest.mark.parametrize(
    ("dsr", "given", "reason"),
    [
        (True, True, None),
        (False, True, "needs Direct Server Return on; on this cluster it is off"),
        (
            None,
            False,
            "needs Direct Server Return off; this cluster's is unknown (if you know it, state `dsr` in --facts)",
        ),
    ],
)
def test_a_matrix_may_be_of_clusters_with_or_without_dsr(dsr, given, reason):
    made = a_plan(replace(L2BRIDGE, dsr=dsr), given_dsr=given, aspect="x")
    assert {exclusion.reason for exclusion in made.exclusions} == ({reason} if reason else set())
    assert bool(made.cases) is (reason is None)


@pytest.mark.parametrize("nodes_per_os", [1, 2])
def test_the_risk_to_miss_a_backend_gives_the_number_of_connections(nodes_per_os):
    made = cases(nodes_per_os=nodes_per_os, server_kind="backends", via="cluster-ip", service="spread", miss_risk=1e-6)
    assert {case.flow.load.connections for case in made} == {connections_for(2 * nodes_per_os, 1e-6)}


def test_a_same_node_flow_is_not_planned_twice_when_both_ends_are_asked_for():
    made = cases(placement="same-node", via="node-port", enters=("client-node", "server-node"))
    assert {case.flow.way.enters for case in made} == {"client-node"}
