"""Services as the nodes' proxies make them: Linux as kube-proxy with nftables, Windows as HNS load balancers."""

import pytest
from netlab import NetLab

WIN, WIN_B, WIN_2, LIN, LIN_B, LIN_2 = (
    "windows-1/a",
    "windows-1/b",
    "windows-2/a",
    "linux-1/a",
    "linux-1/b",
    "linux-2/a",
)
OVERLAY, L2BRIDGE = "overlay-win-overlay", "l2bridge-win-bridge"
VIP, OTHER_VIP, VIP6 = "10.96.0.50", "10.96.0.51", "fd10:96::50"
PROTOCOLS = pytest.mark.parametrize("proto", ["tcp", "udp"])


@pytest.fixture(scope="module", name="lab", params=[OVERLAY, L2BRIDGE])
def _lab(request):
    with NetLab(request.param) as running:
        yield running


@pytest.fixture(scope="module", name="without_dsr", params=[OVERLAY, L2BRIDGE])
def _without_dsr(request):
    with NetLab(request.param, dsr=False) as running:
        yield request.param, running


@PROTOCOLS
@pytest.mark.parametrize("client", [WIN, LIN])
@pytest.mark.parametrize("backend", [WIN_B, WIN_2, LIN_B, LIN_2])
def test_the_backend_sees_the_pod_and_the_client_the_service(lab, client, backend, proto):
    lab.service(VIP, backend)
    result = lab.exchange(client, VIP, port=80, proto=proto, record=[client, client.partition("/")[0], backend])
    assert (result.identity, result.seen, result.seen_port) == (
        backend,
        lab.facts()["addresses"][client][0],
        result.sport,
    )
    assert {p.ip.src for p in result.packets[client]} == {result.seen, VIP}
    assert {p.ports.dport for p in result.packets[backend] if p.ports.sport == result.sport} == {8080}
    assert not any(VIP in (p.ip.src, p.ip.dst) for p in result.packets[client.partition("/")[0]])


@PROTOCOLS
@pytest.mark.parametrize(("pod", "seen"), [(WIN, "172.31.0.11"), (LIN, "10.244.1.1")])
def test_a_pod_reaches_itself_and_sees_its_node(lab, pod, seen, proto):
    lab.service(VIP, pod)
    result = lab.exchange(pod, VIP, port=80, proto=proto, record=[pod.partition("/")[0]])
    assert (result.identity, result.seen) == (pod, seen)
    assert result.packets[pod.partition("/")[0]] == []


@PROTOCOLS
def test_ipv6_services_of_linux_pods(lab, proto):
    lab.service(VIP6, LIN_2)
    assert lab.exchange(LIN, VIP6, port=80, proto=proto, family="ipv6").seen == "fd10:244:0:1::a"


def test_ipv6_services_of_windows_pods_on_l2bridge():
    with NetLab(L2BRIDGE) as lab:
        lab.service(VIP6, LIN, WIN_2)
        answers = {lab.exchange(WIN, VIP6, port=80, proto="tcp", family="ipv6").identity for _ in range(16)}
    assert answers == {LIN, WIN_2}


@PROTOCOLS
def test_without_dsr_the_backend_sees_the_source_vip(without_dsr, proto):
    profile, lab = without_dsr
    seen = "10.244.11.2" if profile == OVERLAY else "172.31.0.11"
    for backend in (WIN_B, WIN_2, LIN):
        lab.service(VIP, backend)
        result = lab.exchange(WIN, VIP, port=80, proto=proto)
        assert (result.identity, result.seen) == (backend, seen)
        assert 49152 <= result.seen_port <= 65535


def test_all_backends_of_both_systems_are_used(lab):
    lab.service(VIP, WIN_2, LIN_2)
    for client in (WIN, LIN):
        assert {lab.exchange(client, VIP, port=80).identity for _ in range(20)} == {WIN_2, LIN_2}


def test_session_affinity_keeps_a_client_at_one_backend(lab):
    lab.service(VIP, WIN_2, LIN_2, LIN_B, affinity_seconds=10800)
    for client in (WIN, LIN):
        assert len({lab.exchange(client, VIP, port=80, proto="tcp").identity for _ in range(12)}) == 1


@PROTOCOLS
def test_without_endpoints_linux_refuses_and_windows_is_silent(lab, proto):
    lab.service(VIP)
    assert lab.exchange(LIN, VIP, port=80, proto=proto).error == "ConnectionRefusedError"
    assert not lab.exchange("linux-1", VIP, port=80, proto=proto).ok
    assert lab.exchange(WIN, VIP, port=80, proto=proto).error == "TimeoutError"


def test_a_linux_node_reaches_a_service_and_a_windows_node_does_not(lab):
    lab.service(VIP, LIN_2)
    assert lab.exchange("linux-1", VIP, port=80).identity == LIN_2
    assert not lab.exchange("windows-1", VIP, port=80).ok


def test_a_udp_flow_leaves_a_backend_that_has_gone(lab):
    lab.service(VIP, WIN_2)
    lab.exchange(WIN, VIP, port=80, source_port=50999)
    lab.service(VIP, LIN_2)
    assert lab.exchange(WIN, VIP, port=80, source_port=50999).identity == LIN_2


def test_a_udp_flow_is_not_disturbed_by_a_backend_that_another_service_loses(lab):
    """The answer to a question that is under way must still find its translation."""
    lab.service(VIP, WIN_2)
    lab.service(OTHER_VIP, WIN_2, LIN_2)
    lab.exchange(WIN, VIP, port=80, source_port=50997)
    lab.exchange(WIN, OTHER_VIP, port=80, source_port=50998)
    lab.service(OTHER_VIP)
    known = lab.command("windows-1", "cat", "/proc/net/nf_conntrack")
    assert "sport=50997" in known
    assert "sport=50998" not in known


def test_a_udp_flow_by_a_node_port_leaves_a_backend_that_has_gone(lab):
    lab.service(VIP, WIN_2, node_port=30080)
    assert lab.exchange("outside", "172.31.0.1", port=30080, source_port=50996).identity == WIN_2
    lab.service(VIP, LIN_2, node_port=30080)
    assert lab.exchange("outside", "172.31.0.1", port=30080, source_port=50996).identity == LIN_2


@pytest.mark.parametrize("address", ["172.31.0.1", "172.31.0.11"])
def test_a_udp_flow_that_began_before_its_service_had_a_backend_reaches_it(lab, address):
    """The node has tracked the first datagram without a translation, and kube-proxy makes it forget that."""
    lab.service(VIP)
    assert not lab.exchange("outside", address, port=30081, source_port=50995).ok
    lab.service(VIP, WIN_B, node_port=30081)
    assert lab.exchange("outside", address, port=30081, source_port=50995).identity == WIN_B


def test_a_udp_flow_to_a_cluster_ip_that_began_without_a_backend_reaches_it(lab):
    lab.service(VIP)
    assert not lab.exchange(WIN, VIP, port=80, source_port=50994).ok
    lab.service(VIP, WIN_2)
    assert lab.exchange(WIN, VIP, port=80, source_port=50994).identity == WIN_2


@PROTOCOLS
def test_node_ports_are_reached_from_the_outside_but_not_from_a_windows_node_itself(lab, proto):
    lab.service(VIP, WIN_2, node_port=30080)
    for node in ("linux-1", "windows-1", "windows-2"):
        address = lab.facts()["addresses"][node][0]
        assert lab.exchange("outside", address, port=30080, proto=proto).identity == WIN_2
    assert lab.exchange("linux-1", "172.31.0.1", port=30080, proto=proto).ok
    assert not lab.exchange("windows-1", "172.31.0.11", port=30080, proto=proto).ok


@PROTOCOLS
def test_local_traffic_policy_keeps_the_client_and_serves_only_where_a_backend_is(lab, proto):
    lab.service(VIP, WIN, LIN, node_port=30080, external_local=True)
    for node in ("172.31.0.11", "172.31.0.1"):
        assert lab.exchange("outside", node, port=30080, proto=proto).seen == "203.0.113.10"
    for node in ("172.31.0.12", "172.31.0.2"):
        assert not lab.exchange("outside", node, port=30080, proto=proto, timeout=0.2).ok
