"""The values behind the symbols of an expectation: addresses, ports, MACs, names and nodes of one case."""

import pytest
from changed import replace
from deployments import a_deployment
from plans_for_tests import L2BRIDGE, cases

from podwire.cluster.deployment.filled import Filled, Rest
from podwire.planning.prerequisites import needs_of
from podwire.probing.bindings.cases import OUTSIDE_IDENTITY, bindings_of
from podwire.probing.targets import target_of

LINUX = {"client": "linux", "server": "windows", "placement": "cross-node"}
ZONE = "podwire-r1.svc.cluster.local"


def bound(facts=L2BRIDGE, hellos=None, **axes):
    """The case of these axes and its bindings."""
    (case,) = cases(facts, **{**LINUX, **axes})
    deployment = a_deployment(facts, needs_of([case], facts))
    return case, bindings_of(case, target_of(case, deployment, facts), deployment, facts, hellos or {})


def test_both_ends_have_their_addresses_and_nodes():
    case, values = bound(via="pod-ip")
    number = {node.name: node.pod_cidrs[0].split(".")[2] for node in L2BRIDGE.nodes}
    address = {node.name: node.addresses[0] for node in L2BRIDGE.nodes}
    for role, slot in (("client", case.client), ("server", case.server)):
        assert values[f"{role}.ip"] == f"10.244.{number[slot.node]}.2"
        assert values[f"{role}.identity"] == f"{slot.node}-a"
        assert values[f"{role}.node.ip"] == address[slot.node]
        assert values[f"{role}.node.pod_network"] == f"10.244.{number[slot.node]}.0/24"
    assert values["server.port"] == 8080
    assert values["target.ip"] == values["server.ip"]
    assert values["server.identities"] == (values["server.identity"],)


def test_the_build_of_a_windows_node_is_known_and_that_of_a_linux_node_is_not():
    _, values = bound(via="pod-ip")
    assert values["server.node.build"] == L2BRIDGE.usable("windows")[0].build
    assert "client.node.build" not in values


def test_an_address_is_a_pods_own_unless_another_pod_has_it_too():
    (case,) = cases(L2BRIDGE, **{**LINUX, "via": "pod-ip"})
    deployment = a_deployment(L2BRIDGE, needs_of([case], L2BRIDGE))
    target = target_of(case, deployment, L2BRIDGE)
    assert bindings_of(case, target, deployment, L2BRIDGE, {})["client.has_own_address"] is True
    own = deployment.on(case.client.node, case.client.probe)
    twice = tuple(
        replace(probe, addresses=own.addresses) if probe.node == own.node and probe.slot == "b" else probe
        for probe in deployment.probes
    )
    shared = replace(deployment, probes=twice)
    assert bindings_of(case, target, shared, L2BRIDGE, {})["client.has_own_address"] is False
    taken = replace(deployment, addresses_of_others=frozenset(own.addresses.values()))
    assert bindings_of(case, target, taken, L2BRIDGE, {})["client.has_own_address"] is False


def of_the_vpc(facts, **noted):
    """The bindings of a flow of Linux to Windows, with what the controller noted on pods, by operating system."""
    (case,) = cases(L2BRIDGE, **{**LINUX, "via": "pod-ip"})
    made = a_deployment(L2BRIDGE, needs_of([case], L2BRIDGE))
    probes = tuple(replace(one, vpc_address=noted.get(one.os, "")) for one in made.probes)
    deployment = replace(made, probes=probes)
    return bindings_of(case, target_of(case, deployment, facts), deployment, facts, {})


def test_on_eks_a_windows_pod_without_a_note_and_a_node_that_offers_nothing_have_that_value():
    values = of_the_vpc(replace(L2BRIDGE, cni="vpc-cni"))
    assert values["server.vpc_address"] == ""
    assert values["server.node.vpc_addresses"] == 0
    assert not {"client.vpc_address", "client.node.vpc_addresses"} & values.keys(), "Linux pods have no such note"


def test_elsewhere_nothing_is_known_of_a_vpc():
    assert not {"server.vpc_address", "server.node.vpc_addresses"} & of_the_vpc(L2BRIDGE).keys()


def test_what_is_noted_and_offered_is_known():
    nodes = tuple(replace(node, vpc_addresses=9 if node.os == "windows" else None) for node in L2BRIDGE.nodes)
    values = of_the_vpc(replace(L2BRIDGE, cni="vpc-cni", nodes=nodes), windows="10.244.1.2")
    assert (values["server.vpc_address"], values["server.node.vpc_addresses"]) == ("10.244.1.2", 9)


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        (None, {}),
        (Rest(problem="no pod waited"), {"rest_of_an_address.unknown": "no pod waited"}),
        (
            Rest(returned="10.244.1.9", usual=1.2, seconds=30.9),
            {"returned_address": "10.244.1.9", "wait_for_a_free_address": 2, "rest_of_an_address": 30},
        ),
        (
            Rest(returned="10.244.1.9", usual=20.0, problem="pods are slow"),
            {
                "returned_address": "10.244.1.9",
                "wait_for_a_free_address": 20,
                "rest_of_an_address.unknown": "pods are slow",
            },
        ),
    ],
)
def test_of_a_node_that_was_filled_is_known_what_came_of_it(rest, told):
    (case,) = cases(L2BRIDGE, **{**LINUX, "via": "pod-ip"})
    deployment = a_deployment(L2BRIDGE, needs_of([case], L2BRIDGE))
    deployment.filled[case.server.node] = Filled(addresses=61, waiting=0, rest=rest)
    values = bindings_of(case, target_of(case, deployment, L2BRIDGE), deployment, L2BRIDGE, {})
    before = bound(via="pod-ip")[1].keys()
    expected = {"addresses_in_use": 61, "pods_without_address": 0, **told}
    assert {name: values[name] for name in values.keys() - before} == {
        f"server.node.{name}": value for name, value in expected.items()
    }


def test_the_first_addresses_of_a_nodes_part_are_not_for_pods():
    case, values = bound(via="pod-ip")
    part = next(node.pod_cidrs[0] for node in L2BRIDGE.nodes if node.name == case.client.node).removesuffix("0/24")
    assert set(values["client.node.reserved"]) >= {f"{part}0", f"{part}1", f"{part}2"}
    assert f"{part}3" not in values["client.node.reserved"]


def test_macs_are_those_that_the_agents_tell():
    case, bare = bound(via="pod-ip")
    assert not any(name.endswith(".mac") for name in bare)
    interface = {"name": "eth0", "addresses": [bare["client.ip"]], "mac": "02:AA:00:00:00:01"}
    nic = {"name": "eth0", "addresses": [bare["server.node.ip"]], "mac": "02:bb:00:00:00:01"}
    hellos = {
        bare["client.identity"]: {"interfaces": [{"name": "lo", "addresses": ["127.0.0.1"]}, interface]},
        f"{case.server.node}-host": {"interfaces": [nic]},
    }
    _, values = bound(hellos=hellos, via="pod-ip")
    assert values["client.mac"] == "02:aa:00:00:00:01"
    assert values["server.node.mac"] == "02:bb:00:00:00:01"
    assert "server.mac" not in values


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({"via": "cluster-ip"}, {"service.cluster_ip": "10.96.1.1", "service.port": 80, "service.target_port": 8080}),
        (
            {"via": "cluster-ip", "family": "ipv6"},
            {"service.cluster_ip": "fd10:96::1:1", "service.port": 80, "service.target_port": 8080},
        ),
        (
            {"via": "cluster-ip", "service": "two-ports", "port": "second", "server_pod": "two-ports"},
            {"service.port": 81, "service.target_port": 8081},
        ),
        (
            {"via": "node-port", "service": "node-port", "enters": "server-node", "protocol": "udp"},
            {"service.node_port": 30011, "service.port": 80},
        ),
    ],
)
def test_a_service_has_its_address_and_its_ports(axes, expected):
    _, values = bound(**axes)
    assert {name: values.get(name) for name in expected} == expected
    assert values["service.backends"] == (values["server.ip"],)


def test_a_port_by_name_has_no_number_of_its_own():
    _, values = bound(server_kind="backends", via="cluster-ip", service="mixed-ports")
    assert values["service.port"] == 80
    assert "service.target_port" not in values


@pytest.mark.parametrize(
    ("service", "slots"), [("spread", ("a",)), ("mixed-ports", ("port-first", "port-second")), ("empty", ())]
)
def test_the_backends_of_a_service_are_those_that_its_kind_chooses(service, slots):
    case, values = bound(server_kind="backends", via="cluster-ip", service=service)
    deployment = a_deployment(L2BRIDGE, needs_of([case], L2BRIDGE))
    behind = [probe for probe in deployment.probes if probe.slot in slots]
    assert values["server.identities"] == tuple(probe.identity for probe in behind)
    assert values["service.backends"] == tuple(probe.addresses["ipv4"] for probe in behind)


def test_a_crowd_is_answered_by_linux_pods_and_holds_addresses_of_nobody():
    _, values = bound(server_kind="backends", via="cluster-ip", service="crowd-64")
    assert values["server.identities"] == ("linux-1-a", "linux-1-b", "linux-2-a", "linux-2-b")
    assert len(set(values["service.backends"])) == 64
    assert sum(ip.startswith("198.18.") for ip in values["service.backends"]) == 60


def test_a_pod_that_never_became_ready_is_no_backend_and_one_without_an_agent_is():
    (case,) = cases(**LINUX, server_kind="backends", via="cluster-ip", service="spread")
    problems = {"linux-1-a": "the agent does not answer: timeout", "linux-2-a": "no image"}
    deployment = a_deployment(L2BRIDGE, needs_of([case], L2BRIDGE), problems=problems)
    probes = tuple(replace(one, addresses={}) if one.pod == "linux-2-a" else one for one in deployment.probes)
    deployment = replace(deployment, probes=probes)
    values = bindings_of(case, target_of(case, deployment, L2BRIDGE), deployment, L2BRIDGE, {})
    assert values["server.identities"] == ("linux-1-a", "windows-1-a", "windows-2-a")


@pytest.mark.parametrize(("via", "assumed"), [("short-name", "cluster.local"), ("external-name", None)])
def test_a_name_under_a_domain_that_nobody_told_is_marked(via, assumed):
    kind = {"server_kind": "outside"} if via == "external-name" else {}
    _, values = bound(replace(L2BRIDGE, domain_told=False), via=via, **kind)
    assert values.get("cluster.assumed_domain") == assumed
    _, values = bound(L2BRIDGE, via="short-name")
    assert "cluster.assumed_domain" not in values


def test_the_entered_node_has_an_address_of_its_own():
    case, values = bound(via="node-port", service="node-port", enters="other-node", entry_os="windows")
    node = next(node for node in L2BRIDGE.nodes if node.name == case.entry)
    assert values["entry.node.ip"] == node.addresses[0]
    assert values["entry.node.build"] == node.build
    assert values["target.ip"] == values["entry.node.ip"]
    assert len({values[f"{role}.node.ip"] for role in ("client", "server", "entry")}) == 3


def test_a_client_outside_is_known_by_its_address_only():
    _, values = bound(client_kind="outside", via="node-port", service="node-port", enters="server-node")
    assert (values["client.ip"], values["client.identity"]) == ("203.0.113.10", OUTSIDE_IDENTITY)
    assert not any(name.startswith("client.node") for name in values)


def test_a_server_outside_is_known_by_its_address_only():
    _, values = bound(server_kind="outside", via="external-ip", protocol="http")
    assert (values["server.ip"], values["server.port"]) == ("203.0.113.10", 80)
    assert values["server.identity"] == OUTSIDE_IDENTITY
    assert not any(name.startswith("server.node") for name in values)


def test_a_name_has_the_suffixes_of_its_client_in_their_order():
    case, values = bound(via="short-name")
    name = f"echo-{case.server.node}-a"
    assert values["target.name"] == name
    assert values["target.fqdn"] == f"{name}.{ZONE}"
    assert [values[f"target.suffix.{at}"] for at in (1, 2, 3)] == [
        f"{name}.{ZONE}",
        f"{name}.svc.cluster.local",
        f"{name}.cluster.local",
    ]
    assert values["dns.ip"] == L2BRIDGE.dns.addresses


def test_a_pod_with_a_resolver_of_its_own_asks_its_own_server_with_its_own_suffixes():
    _, values = bound(client_pod="custom-dns", via="unknown-name", protocol="dns")
    name = values["target.name"]
    assert values["dns.ip"] == ("10.96.1.1",)
    assert [values[f"target.suffix.{at}"] for at in (1, 2)] == [
        f"{name}.first.podwire.example",
        f"{name}.second.podwire.example",
    ]
    assert "target.suffix.3" not in values


def test_another_domain_of_the_cluster_is_followed():
    _, values = bound(replace(L2BRIDGE, cluster_domain="k8s.example"), via="short-name")
    assert values["target.fqdn"].endswith(".podwire-r1.svc.k8s.example")
    assert values["target.suffix.3"].endswith("-a.k8s.example")


def test_the_dns_server_has_the_addresses_of_its_service():
    _, values = bound(server_kind="dns", via="unknown-name", protocol="dns")
    assert values["server.ip"] == L2BRIDGE.dns.addresses
    assert "server.identity" not in values


@pytest.mark.parametrize(
    ("zones", "near"),
    [
        (("a", "a", "b", "b"), {"a"}),
        (("a", "a", "b", ""), set()),  # then no endpoint has a hint
        (("", "", "", ""), set()),
    ],
)
def test_near_backends_are_those_in_the_zone_of_the_clients_node(zones, near):
    nodes = tuple(
        replace(node, machine=replace(node.machine, zone=zone))
        for node, zone in zip(L2BRIDGE.nodes, zones, strict=True)
    )
    facts = replace(L2BRIDGE, nodes=nodes)
    axes = {"client": "windows", "server_kind": "backends", "service": "near", "via": "cluster-ip"}
    case = cases(facts, **axes)[0]
    deployment = a_deployment(facts, needs_of([case], facts))
    values = bindings_of(case, target_of(case, deployment, facts), deployment, facts, {})
    zone = {node.name: node.machine.zone for node in nodes}
    own = zone[case.client.node]
    expected = {f"{name}-a" for name in zone if zone[name] == own} if near else set()
    assert set(values["server.near_identities"]) == expected
    assert expected < set(values["server.identities"])
