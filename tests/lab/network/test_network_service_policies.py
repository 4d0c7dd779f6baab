"""Which backends a node's proxy uses: conditions of endpoints, traffic policies, affinity, and ports."""

import pytest
from netlab import NetLab

from podwire_lab.kernel import nft

WIN, WIN_B, WIN_2, LIN, LIN_B, LIN_2 = (
    "windows-1/a",
    "windows-1/b",
    "windows-2/a",
    "linux-1/a",
    "linux-1/b",
    "linux-2/a",
)
OVERLAY, L2BRIDGE = "overlay-win-overlay", "l2bridge-win-bridge"
VIP, OTHER, ADDRESS = "10.96.0.80", "10.96.0.81", "198.51.100.8"
PORT = 30080
PROTOCOLS = pytest.mark.parametrize("proto", ["tcp", "udp"])


@pytest.fixture(scope="module", name="lab", params=[(OVERLAY, True), (OVERLAY, False), (L2BRIDGE, True)])
def _lab(request):
    with NetLab(request.param[0], dsr=request.param[1]) as running:
        yield running


def answers(lab, client, target=VIP, port=80, count=10, **more):
    return {lab.exchange(client, target, port=port, **more).identity for _ in range(count)}


# Conditions of endpoints


def test_only_ready_endpoints_are_used(lab):
    lab.service(VIP, WIN_2, LIN_2, LIN_B, states={WIN_2: "unready", LIN_2: "terminating"}, node_port=PORT)
    for client in (WIN, LIN):
        assert answers(lab, client) == {LIN_B}
        assert answers(lab, client, "172.31.0.12", PORT) == {LIN_B}


@PROTOCOLS
def test_endpoints_that_terminate_serve_linux_nodes_on_and_windows_nodes_not(lab, proto):
    lab.service(VIP, WIN_2, LIN_2, states={WIN_2: "unready", LIN_2: "terminating"}, node_port=PORT)
    assert lab.exchange(LIN, VIP, port=80, proto=proto).identity == LIN_2
    assert lab.exchange("outside", "172.31.0.1", port=PORT, proto=proto).identity == LIN_2
    assert lab.exchange(WIN, VIP, port=80, proto=proto).error == "TimeoutError"
    assert lab.exchange("outside", "172.31.0.11", port=PORT, proto=proto).error == "TimeoutError"


def test_windows_nodes_are_served_on_by_load_balancers_but_not_at_node_ports(lab):
    lab.service(VIP, LIN_2, states={LIN_2: "terminating"}, node_port=PORT, ingress_ips=(ADDRESS,))
    assert lab.exchange(WIN, VIP, port=80).identity == LIN_2
    assert lab.exchange(WIN, ADDRESS, port=80).identity == LIN_2
    assert lab.exchange("outside", "172.31.0.11", port=PORT).error == "TimeoutError"


@PROTOCOLS
def test_a_load_balancer_without_a_ready_endpoint_leads_windows_nodes_to_those_that_are_not(lab, proto):
    lab.service(VIP, LIN_2, states={LIN_2: "unready"}, node_port=PORT, ingress_ips=(ADDRESS,))
    assert lab.exchange(WIN, VIP, port=80, proto=proto).identity == LIN_2
    assert lab.exchange("outside", "172.31.0.11", port=PORT, proto=proto).error == "TimeoutError"
    assert lab.exchange(LIN, VIP, port=80, proto=proto).error == "ConnectionRefusedError"
    assert lab.exchange(LIN, ADDRESS, port=80, proto=proto).error == "ConnectionRefusedError"


def test_a_udp_flow_leaves_a_backend_that_is_not_ready_any_more(lab):
    for client in (WIN, LIN):
        lab.service(VIP, WIN_2, LIN_2, states={LIN_2: "unready"})
        assert lab.exchange(client, VIP, port=80, source_port=51999).identity == WIN_2
        lab.service(VIP, WIN_2, LIN_2, states={WIN_2: "unready"})
        assert lab.exchange(client, VIP, port=80, source_port=51999).identity == LIN_2


# Traffic policies


@PROTOCOLS
def test_the_internal_policy_keeps_clients_at_their_own_node(lab, proto):
    lab.service(VIP, WIN_B, LIN_2, internal_local=True)
    assert answers(lab, WIN, proto=proto, count=6) == {WIN_B}
    assert answers(lab, LIN_2, proto=proto, count=6) == {LIN_2}
    for client in (WIN_2, LIN):
        assert lab.exchange(client, VIP, port=80, proto=proto).error == "TimeoutError"


@PROTOCOLS
def test_the_external_policy_keeps_the_client_and_forwards_nothing(lab, proto):
    lab.service(VIP, WIN, LIN, node_port=PORT, external_local=True)
    for node, backend in (("172.31.0.11", WIN), ("172.31.0.1", LIN)):
        result = lab.exchange("outside", node, port=PORT, proto=proto)
        assert (result.identity, result.seen, result.seen_port) == (backend, "203.0.113.10", result.sport)
    for node, place in (("172.31.0.12", "windows-2"), ("172.31.0.2", "linux-2")):
        result = lab.exchange("outside", node, port=PORT, proto=proto, record=[place])
        assert result.error == "TimeoutError"
        assert {p.ip.dst for p in result.packets[place]} == {node}


@PROTOCOLS
def test_the_external_policy_is_not_for_the_cluster_ip(lab, proto):
    lab.service(VIP, WIN_2, node_port=PORT, external_local=True)
    for client in (WIN, LIN):
        assert lab.exchange(client, VIP, port=80, proto=proto).identity == WIN_2
    assert lab.exchange(LIN, "172.31.0.1", port=PORT, proto=proto).identity == WIN_2


# Affinity


def test_the_affinity_of_a_client_ends_with_its_time_on_linux_and_never_on_windows(lab):
    backends = (WIN_2, LIN_2, LIN_B)
    lab.service(VIP, *backends, affinity_seconds=3600)
    for client in (WIN, LIN):
        assert len(answers(lab, client, count=16, proto="tcp")) == 1
    lab.service(VIP, *backends, affinity_seconds=1)
    assert len(answers(lab, LIN, count=8, proto="tcp")) == 1
    assert "timeout 1s" in lab.command("linux-1", nft.program(), "list", "ruleset")


def test_a_client_stays_where_it_is_while_other_services_change(lab):
    lab.service(VIP, WIN_2, LIN_2, LIN_B, affinity_seconds=10800)
    before = answers(lab, LIN, proto="udp") | answers(lab, LIN, proto="tcp")
    for backend in (WIN_2, LIN_2):
        lab.service(OTHER, backend)
        assert answers(lab, LIN, proto="udp", count=2) | answers(lab, LIN, proto="tcp", count=2) == before


# Ports


def test_windows_knows_one_port_for_all_endpoints_that_of_the_last_by_its_text(lab):
    # As text, address:port of linux-2's pod (10.244.2.x) comes after windows-2's (10.244.12.x), whatever the list has.
    lab.serve(LIN_2, 9090)
    for order in ((LIN_2, WIN_2), (WIN_2, LIN_2)):
        lab.service(VIP, *order, ports={LIN_2: 9090, WIN_2: 8080})
        assert answers(lab, LIN, count=16, proto="tcp") == {LIN_2, WIN_2}
        seen = [lab.exchange(WIN, VIP, port=80, proto="tcp", record=[WIN_2]) for _ in range(16)]
        assert {(r.error, r.identity) for r in seen} == {("", LIN_2), ("ConnectionRefusedError", "")}
        assert {p.ports.dport for r in seen for p in r.packets[WIN_2] if p.tcp.flags == "S"} == {9090}


def test_services_that_share_endpoints_are_independent(lab):
    lab.service(VIP, WIN_2, LIN_2)
    lab.service(OTHER, WIN_2, LIN_2, port=81)
    lab.service(VIP)
    for client in (WIN, LIN):
        assert answers(lab, client, OTHER, 81) == {WIN_2, LIN_2}
        assert not lab.exchange(client, VIP, port=80, timeout=0.2).ok


def test_an_address_that_several_services_claim_belongs_to_one_of_them(lab):
    claims = [f"10.96.0.{number}" for number in range(100, 109)]  # one more than tables: two of them share one
    for number, vip in enumerate(claims):
        lab.service(vip, (WIN_2, LIN_2)[number % 2], external_ips=(ADDRESS,), ingress_ips=(ADDRESS,))
    for client in (WIN, LIN):
        assert answers(lab, client, ADDRESS, count=4) in ({WIN_2}, {LIN_2})
        assert answers(lab, client, claims[1], count=2) == {LIN_2}
    for vip in claims:
        lab.service(vip)


# What is no connection


@pytest.mark.parametrize(("client", "error"), [(WIN, "TimeoutError"), (LIN, "IcmpError")])
def test_a_cluster_ip_does_not_answer_ping(lab, client, error):
    lab.service(VIP, WIN_2)
    assert lab.exchange(client, VIP, proto="icmp").error == error
    assert lab.exchange(client, VIP, port=80).ok


@PROTOCOLS
def test_a_pod_reaches_itself_through_every_address_of_its_service(lab, proto):
    for pod, node in ((WIN, "172.31.0.11"), (LIN, "172.31.0.1")):
        lab.service(VIP, pod, node_port=PORT, ingress_ips=(ADDRESS,))
        for target, port in ((VIP, 80), (node, PORT), (ADDRESS, 80)):
            assert lab.exchange(pod, target, port=port, proto=proto).identity == pod
