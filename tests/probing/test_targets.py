"""Where a case is sent: for each way an address or a name, and a port; and what is said when there is nothing."""

import pytest
from changed import replace
from deployments import a_deployment
from plans_for_tests import L2BRIDGE, cases

from podwire.planning.prerequisites import needs_of
from podwire.probing.targets import NoTarget, server_ports, service_for, target_of

LINUX = {"client": "linux", "server": "windows", "placement": "cross-node"}
ZONE = "podwire-r1.svc.cluster.local"


def a_target(facts=L2BRIDGE, **axes):
    """The case of these axes, its deployment, and its target."""
    (case,) = cases(facts, **{**LINUX, **axes})
    deployment = a_deployment(facts, needs_of([case], facts))
    return case, deployment, target_of(case, deployment, facts)


def addresses_of(case, facts=L2BRIDGE):
    """The node's number in every address range, and its own address."""
    node = next(node for node in facts.nodes if node.name == case.server.node)
    return node.pod_cidrs[0].split(".")[2], node.addresses[0]


@pytest.mark.parametrize(
    ("axes", "address", "port"),
    [
        ({"via": "pod-ip"}, "10.244.{n}.2", 8080),
        ({"via": "pod-ip", "closed_port": True}, "10.244.{n}.2", 18999),
        ({"via": "pod-ip", "denied_port": True}, "10.244.{n}.2", 18998),
        ({"via": "node-ip", "server_kind": "host"}, "{node}", 18080),
        ({"via": "host-port", "server_pod": "host-port"}, "{node}", 18081),
        ({"via": "cluster-ip"}, "10.96.1.1", 80),
        ({"via": "cluster-ip", "service": "two-ports", "port": "second", "protocol": "udp"}, "10.96.1.1", 81),
        ({"via": "cluster-ip", "service": "sctp", "protocol": "sctp"}, "10.96.1.1", 80),
        ({"via": "cluster-ip", "protocol": "icmp"}, "10.96.1.1", 80),
        ({"via": "node-port", "service": "node-port", "enters": "server-node"}, "{node}", 30010),
        ({"via": "node-port", "service": "node-port", "enters": "server-node", "protocol": "udp"}, "{node}", 30011),
        ({"via": "health-port", "service": "load-balancer-local", "enters": "server-node"}, "{node}", 32001),
        ({"via": "load-balancer", "service": "load-balancer"}, "198.51.100.7", 80),
        ({"via": "service-external-ip", "service": "external-ip"}, "192.0.2.11", 80),
        ({"via": "external-ip", "server_kind": "outside"}, "203.0.113.10", 8080),
        ({"via": "external-ip", "server_kind": "outside", "protocol": "http"}, "203.0.113.10", 80),
        ({"via": "external-ip", "server_kind": "outside", "closed_port": True}, "203.0.113.10", 18999),
    ],
)
def test_a_way_without_a_name_leads_to_an_address_and_a_port(axes, address, port):
    case, _, target = a_target(**axes)
    number, node = addresses_of(case) if case.server.is_probe else ("", "")
    assert (target.ip, target.port) == (address.format(n=number, node=node), port)
    assert (target.host, target.resolve) == (target.ip, False)


@pytest.mark.parametrize(
    ("axes", "name", "fqdn", "ip", "port"),
    [
        ({"via": "short-name"}, "echo-{pod}", "echo-{pod}.{zone}", "10.96.1.1", 80),
        ({"via": "dotted-name"}, "echo-{pod}.podwire-r1", "echo-{pod}.{zone}", "10.96.1.1", 80),
        ({"via": "fqdn"}, "echo-{pod}.{zone}", "echo-{pod}.{zone}", "10.96.1.1", 80),
        ({"via": "absolute-name"}, "echo-{pod}.{zone}.", "echo-{pod}.{zone}", "10.96.1.1", 80),
        ({"via": "pod-name"}, "{pod}.pods.{zone}", "{pod}.pods.{zone}", "10.244.{n}.2", 8080),
        ({"via": "external-name", "server_kind": "outside"}, *("echo.outside.example",) * 2, "203.0.113.10", 8080),
        (
            {"via": "external-name", "server_kind": "outside", "protocol": "http"},
            *("echo.outside.example",) * 2,
            "203.0.113.10",
            80,
        ),
        (
            {"via": "short-name", "service": "crowd-headless", "server_kind": "backends"},
            *("crowd-headless", "crowd-headless.{zone}", "", 8080),
        ),
        (
            {"via": "short-name", "service": "alias", "server_kind": "outside"},
            "alias",
            "alias.{zone}",
            "203.0.113.10",
            8080,
        ),
        (
            {"via": "hosts-name", "client_pod": "custom-dns"},
            *("hosts.podwire.example", "hosts.podwire.example", "192.0.2.200", 8080),
        ),
    ],
)
def test_a_name_is_spelled_as_the_way_says_and_stands_for_its_full_name(axes, name, fqdn, ip, port):
    case, _, target = a_target(**axes)
    words = {"pod": f"{case.server.node}-{case.server.probe}", "zone": ZONE}
    words["n"] = addresses_of(case)[0] if case.server.is_probe else ""
    assert (target.name, target.fqdn) == (name.format(**words), fqdn.format(**words))
    assert (target.host, target.ip, target.port) == (target.name, ip.format(**words), port)
    assert target.resolve


def test_a_name_that_nobody_has_is_another_one_each_time():
    (case,) = cases(**LINUX, via="unknown-name", protocol="dns")
    made = [target_of(case, a_deployment(L2BRIDGE), L2BRIDGE) for _ in range(3)]
    assert len({target.name for target in made}) == 3
    assert all(target.fqdn == f"{target.name}.{ZONE}" and target.ip == "" for target in made)


@pytest.mark.parametrize("via", ["cluster-ip", "node-port", "load-balancer", "service-external-ip"])
def test_the_other_family_has_its_own_address(via):
    kinds = {"cluster-ip": "echo", "service-external-ip": "external-ip"}
    case, _, target = a_target(via=via, family="ipv6", service=kinds.get(via, via), enters="server-node")
    assert ":" in target.ip
    assert case.flow.family == "ipv6"


@pytest.mark.parametrize(
    ("axes", "missing"),
    [
        ({"via": "cluster-ip", "service": "ipv4-only", "family": "ipv6"}, "has no IPv6 address"),
        ({"via": "short-name", "service": "ipv4-only", "family": "ipv6"}, "has no IPv6 address"),
        ({"via": "node-port", "enters": "server-node"}, "gave Service .* no node port"),
        ({"via": "health-port", "service": "load-balancer", "enters": "server-node"}, "gave Service .* no health port"),
        ({"via": "load-balancer"}, "has no IPv4 address for load-balancer"),
    ],
)
def test_what_a_service_does_not_have_is_said(axes, missing):
    with pytest.raises(NoTarget, match=missing):
        a_target(**axes)


def test_a_service_that_was_refused_is_said_with_the_servers_words():
    case, deployment, _ = a_target(via="cluster-ip")
    (key,) = deployment.services.found
    deployment.services.problems[key] = "Service x: the API server refuses it: quota"
    with pytest.raises(NoTarget, match="Service x: the API server refuses it: quota"):
        target_of(case, deployment, L2BRIDGE)


def test_a_service_or_a_probe_that_was_never_made_is_said():
    (case,) = cases(**LINUX, via="cluster-ip")
    with pytest.raises(NoTarget, match=r"no Service echo-windows-\d-a"):
        target_of(case, a_deployment(L2BRIDGE), L2BRIDGE)
    (special,) = cases(**LINUX, via="pod-ip", server_pod="leaving")
    with pytest.raises(NoTarget, match=r"node windows-\d has no probe 'leaving'"):
        target_of(special, a_deployment(L2BRIDGE), L2BRIDGE)


def test_a_pod_without_an_address_is_said():
    (case,) = cases(**LINUX, via="pod-ip")
    deployment = a_deployment(L2BRIDGE)
    bare = tuple(replace(one, addresses={}) for one in deployment.probes)
    with pytest.raises(NoTarget, match=r"windows-\d-a has no IPv4 address"):
        target_of(case, replace(deployment, probes=bare), L2BRIDGE)


def test_a_former_address_is_the_one_before_the_change():
    case, deployment, target = a_target(via="former-cluster-ip", service="recreated", after="service-recreated")
    assert target.ip == "10.96.1.1"
    (key,) = deployment.services.found
    deployment.former[key] = deployment.services.found[key]
    deployment.services.found[key] = replace(deployment.former[key], cluster_ips={"ipv4": "10.96.9.9"})
    assert target_of(case, deployment, L2BRIDGE).ip == "10.96.1.1"
    now = replace(case, flow=case.flow.but(via="cluster-ip"))
    assert target_of(now, deployment, L2BRIDGE).ip == "10.96.9.9"
    assert service_for(now, deployment).cluster_ips == {"ipv4": "10.96.9.9"}


def test_all_ports_of_the_run_are_known_as_those_of_servers():
    _, deployment, target = a_target(via="node-port", service="load-balancer-local", enters="server-node")
    known = server_ports(deployment)
    assert {80, 81, 8080, 8081, 18080, 18081, 18999, target.port, 32001} <= known
    assert 53 not in known


@pytest.mark.parametrize("via", ["pod-name", "short-pod-name"])
def test_without_the_headless_service_pods_have_no_names(via):
    (case,) = cases(L2BRIDGE, **{**LINUX, "via": via})
    deployment = a_deployment(L2BRIDGE, needs_of([case], L2BRIDGE))
    deployment.services.problems["pods", ""] = "Service pods: the API server refuses it: quota"
    with pytest.raises(NoTarget, match="Service pods: the API server refuses it: quota"):
        target_of(case, deployment, L2BRIDGE)


def test_a_service_that_says_something_only_beside_another_says_nothing_without_it():
    (case,) = cases(L2BRIDGE, **{**LINUX, "via": "cluster-ip", "service": "twin-second"})
    deployment = a_deployment(L2BRIDGE, needs_of([case], L2BRIDGE))
    pod = f"{case.server.node}-{case.server.probe}"
    target_of(case, deployment, L2BRIDGE)
    deployment.services.problems["twin-first", pod] = "Service twin-first: the API server refuses it: quota"
    with pytest.raises(NoTarget, match="Service twin-first: the API server refuses it: quota"):
        target_of(case, deployment, L2BRIDGE)


FOR_DNS = {"client": "linux", "server": (), "server_kind": "dns", "via": "fqdn", "protocol": "dns"}


@pytest.mark.parametrize(
    ("axes", "questions"),
    [
        (
            {"service": "by-record", "asks": "srv"},
            [("_tcp._tcp.by-record.{zone}", "SRV"), ("_udp._udp.by-record.{zone}", "SRV")],
        ),
        ({"service": "by-record", "asks": "ptr"}, [("1.1.96.10.in-addr.arpa", "PTR")]),
        ({"service": "by-edns", "asks": "edns", "family": "ipv6"}, [("by-edns.{zone}", "AAAA")]),
    ],
)
def test_the_agents_own_client_asks_the_clusters_dns(axes, questions):
    _, _, target = a_target(**{**FOR_DNS, **axes})
    assert [(question.name, question.type) for question in target.questions] == [
        (name.format(zone=ZONE), of) for name, of in questions
    ]
    (asked_of,) = target.asked_of
    assert asked_of in L2BRIDGE.dns.addresses
    assert (":" in asked_of) is (axes.get("family") == "ipv6")


@pytest.mark.parametrize(("family", "pods"), [("ipv4", ("10.244.1.10", "10.244.2.10")), ("ipv6", ("fd10:244:0:1::a",))])
def test_each_pod_of_the_clusters_dns_is_asked_at_its_own_address(family, pods):
    dns = replace(L2BRIDGE.dns, pods=("10.244.1.10", "10.244.2.10", "fd10:244:0:1::a"), pod_port=53)
    of_pods = {**FOR_DNS, "service": "by-each-dns-pod", "asks": "each-pod", "family": family}
    _, _, target = a_target(replace(L2BRIDGE, dns=dns), **of_pods)
    assert target.asked_of == pods


def test_a_name_beside_that_of_the_service_is_nobodys():
    _, _, target = a_target(**FOR_DNS, service="by-ipv4-name", asks="missing-names")
    nobody = target.questions[2].name
    assert nobody.startswith("nobody-")
    assert nobody.endswith(f".{ZONE}")


def test_a_pod_is_asked_for_by_its_address_of_whichever_server_there_is():
    facts = replace(L2BRIDGE, dns=replace(L2BRIDGE.dns, addresses=("10.96.0.10",)))
    _, _, target = a_target(facts, via="pod-name", protocol="dns", asks="ptr", family="ipv6")
    assert target.asked_of == ("10.96.0.10",)
    assert target.questions[0].name.endswith(".ip6.arpa")


def test_what_cannot_be_asked_is_said():
    with pytest.raises(NoTarget, match="stands for no single address"):
        a_target(**FOR_DNS, service="by-headless-record", asks="ptr")
    (case,) = cases(L2BRIDGE, **FOR_DNS, service="by-edns", asks="edns")
    deployment = a_deployment(L2BRIDGE, needs_of([case], L2BRIDGE))
    with pytest.raises(NoTarget, match="nothing tells the address"):
        target_of(case, deployment, replace(L2BRIDGE, dns=replace(L2BRIDGE.dns, addresses=())))
