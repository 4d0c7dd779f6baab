"""What differs between releases of Windows Server, as packets show it."""

import pytest
from netlab import NetLab

from podwire_lab.kernel import nft

WIN, WIN_B, WIN_2, LIN, LIN_2 = "windows-1/a", "windows-1/b", "windows-2/a", "linux-1/a", "linux-2/a"
OVERLAY, L2BRIDGE = "overlay-win-overlay", "l2bridge-win-bridge"
VIP, VIP6, PORT = "10.96.0.90", "fd10:96::90", 30090
PROTOCOLS = pytest.mark.parametrize("proto", ["tcp", "udp"])


@pytest.fixture(scope="module", name="build")
def _build():
    """One lab a profile, build and DSR, for the whole module."""
    running = {}

    def lab(profile, build, dsr=None):
        if (profile, build, dsr) not in running:
            running[profile, build, dsr] = NetLab(profile, dsr=dsr, build=build)
        return running[profile, build, dsr]

    yield lab
    for each in running.values():
        each.__exit__()


def answers(lab, client, count=16, **more):
    return {lab.exchange(client, VIP, port=80, **more).identity for _ in range(count)}


@pytest.mark.parametrize("profile", [OVERLAY, L2BRIDGE])
def test_windows_server_2019_spreads_clients_whatever_the_affinity(build, profile):
    lab = build(profile, "17763.5000")
    lab.service(VIP, WIN_2, LIN_2, affinity_seconds=10800)
    assert answers(lab, WIN) == {WIN_2, LIN_2}
    assert len(answers(lab, LIN)) == 1


def test_windows_server_2019_has_no_ipv6_on_l2bridge(build):
    lab = build(L2BRIDGE, "17763.5000")
    assert lab.facts()["addresses"][WIN] == ("10.244.11.10",)
    lab.service(VIP6, LIN_2)
    assert not lab.exchange(WIN, VIP6, port=80, family="ipv6", timeout=0.2).ok
    assert lab.exchange(LIN, VIP6, port=80, family="ipv6").identity == LIN_2
    lab.service(VIP, WIN_2)
    for client in (WIN, LIN):
        assert lab.exchange(client, VIP, port=80).identity == WIN_2


@PROTOCOLS
def test_without_direct_server_return_the_local_policy_is_as_the_other(build, proto):
    lab = build(L2BRIDGE, "17763.1000")
    lab.service(VIP, WIN_2, node_port=PORT, external_local=True)
    result = lab.exchange("outside", "172.31.0.11", port=PORT, proto=proto)
    assert (result.identity, result.seen) == (WIN_2, "172.31.0.11")
    assert lab.exchange(WIN, VIP, port=80, proto=proto).seen == "172.31.0.11"


BACKENDS = [f"10.244.200.{number}" for number in range(1, 255)]


@pytest.mark.parametrize(
    ("number", "count", "there"),
    [("17763.2745", 64, True), ("17763.2745", 65, False), ("17763.2746", 65, True), ("20348.2762", 250, True)],
)
def test_more_destinations_than_the_system_takes_lose_the_whole_service(build, number, count, there):
    lab = build(OVERLAY, number)
    lab.service(VIP, *([WIN_2] * 1), *BACKENDS[: count - 1], states=dict.fromkeys(BACKENDS, ""), node_port=PORT)
    sent = lab.exchange(WIN, VIP, port=80, timeout=0.1, record=["windows-1"]).packets["windows-1"]
    assert (VIP in {p.ip.dst for p in sent}) is not there
    assert "10.244.200." in lab.command("linux-1", nft.program(), "list", "ruleset")


def test_a_thousand_backends_are_written_and_one_more_than_1024_are_not(build):
    lab = build(L2BRIDGE, "20348.2762")
    many = [f"10.244.{150 + number // 250}.{1 + number % 250}" for number in range(1024)]
    lab.service(VIP, *many[1:], LIN_2)
    assert VIP not in {p.ip.dst for p in lab.exchange(WIN, VIP, port=80, timeout=0.1, record=[LIN_2]).packets[LIN_2]}
    sent = lab.exchange(WIN, VIP, port=80, timeout=0.1, record=["windows-1"]).packets["windows-1"]
    assert VIP not in {p.ip.dst for p in sent}
    lab.service(VIP, *many, LIN_2)
    sent = lab.exchange(WIN, VIP, port=80, timeout=0.1, record=["windows-1"]).packets["windows-1"]
    assert {p.ip.dst for p in sent} == {VIP}
    lab.service(VIP)


@PROTOCOLS
@pytest.mark.parametrize(("number", "there"), [("20348.680", False), ("20348.681", True), ("17763.5000", True)])
def test_node_ports_of_an_overlay_on_early_windows_server_2022(build, number, there, proto):
    lab = build(OVERLAY, number)
    lab.service(VIP, WIN, node_port=PORT)
    for client in ("outside", "linux-1", LIN_2, WIN_2):
        result = lab.exchange(client, "172.31.0.11", port=PORT, proto=proto)
        assert result.error == ("" if there else "TimeoutError"), client
    assert lab.exchange("outside", "172.31.0.1", port=PORT, proto=proto).identity == WIN
    assert lab.exchange(WIN_2, VIP, port=80, proto=proto).identity == WIN
    lab.service(VIP, WIN, node_port=PORT, external_local=True)
    assert lab.exchange("outside", "172.31.0.11", port=PORT, proto=proto).seen == "203.0.113.10"


@PROTOCOLS
@pytest.mark.parametrize(
    ("number", "dsr", "there"),
    [
        ("20348.260", True, True),
        ("20348.261", True, False),
        ("20348.680", True, False),
        ("20348.681", True, True),
        ("20348.261", False, True),
    ],
)
def test_pods_of_windows_nodes_on_l2bridge_with_direct_server_return(build, number, dsr, there, proto):
    lab = build(L2BRIDGE, number, dsr)
    lab.service(VIP, WIN_2)
    for server, port in ((WIN_2, 8080), (WIN_B, 8080), (VIP, 80)):
        assert lab.exchange(WIN, server, port=port, proto=proto).error == ("" if there else "TimeoutError")
    for client, server in ((WIN, LIN), (LIN, WIN), (WIN, "outside"), (WIN, "linux-1"), ("windows-1", WIN)):
        assert lab.exchange(client, server, proto=proto).ok


@PROTOCOLS
@pytest.mark.parametrize(("number", "there"), [("17763.378", False), ("17763.379", True)])
def test_tunnels_of_an_overlay_end_at_windows_nodes_before_their_update(build, number, there, proto):
    lab = build(OVERLAY, number)
    for client, server in ((WIN, WIN_2), (WIN, LIN), (LIN, WIN)):
        assert lab.exchange(client, server, proto=proto).error == ("" if there else "TimeoutError"), (client, server)
    seen = lab.exchange(LIN, WIN, proto=proto, record=["fabric:windows-1", WIN]).packets
    assert any(packet.encapsulated for packet in seen["fabric:windows-1"])
    assert bool(seen[WIN]) is there
    for client, server in ((WIN, WIN_B), (LIN, LIN_2), (WIN, "outside"), (LIN, "windows-1")):
        assert lab.exchange(client, server, proto=proto).ok, (client, server)
