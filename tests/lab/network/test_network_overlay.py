"""A healthy overlay, packet by packet: what is on the NICs of both nodes, and at both pods."""

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
NODE_IP = {"linux-1": "172.31.0.1", "linux-2": "172.31.0.2", "windows-1": "172.31.0.11", "windows-2": "172.31.0.12"}


@pytest.fixture(scope="module", name="lab")
def _lab():
    with NetLab("overlay-win-overlay") as running:
        yield running


def node(pod):
    return pod.partition("/")[0]


def ends(packet):
    return packet.ip.src, packet.ip.dst


@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
@pytest.mark.parametrize(("client", "server"), [(WIN, LIN), (LIN, WIN), (WIN, WIN_2), (LIN, LIN_2)])
def test_pods_of_two_nodes_talk_through_the_tunnel(lab, client, server, proto):
    facts = lab.facts()
    source, target = facts["addresses"][client][0], facts["addresses"][server][0]
    there, back = NODE_IP[node(client)], NODE_IP[node(server)]
    result = lab.exchange(client, server, proto=proto, record=[node(client), node(server), server])
    assert result.ok
    assert result.seen == (target if proto == "icmp" else source)
    for place in (node(client), node(server)):
        packets = result.packets[place]
        assert {ends(p) for p in packets} == {(source, target), (target, source)}
        assert {(p.outer.ip.src, p.outer.ip.dst) for p in packets} == {(there, back), (back, there)}
        assert {(p.outer.vni, p.outer.dport, p.outer.flags) for p in packets} == {(4096, 4789, 8)}
    assert not any(p.encapsulated for p in result.packets[server])


def test_the_inner_destination_is_the_remote_tunnel_endpoint_and_the_outer_port_of_the_nodes_range(lab):
    packets = lab.exchange(WIN, LIN, record=["windows-1"]).packets["windows-1"]
    request, reply = packets
    assert (request.link.dst, reply.link.dst) == ("02:50:00:00:00:01", "02:50:00:00:00:0b")
    assert (request.frame.src, request.frame.dst) == ("02:10:00:00:00:0b", "02:10:00:00:00:01")
    assert 49152 <= request.outer.sport <= 65535
    assert 32768 <= reply.outer.sport <= 60999


@pytest.mark.parametrize(("client", "server"), [(WIN, WIN_B), (LIN, LIN_B)])
@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
def test_pods_of_one_node_never_reach_the_nic(lab, client, server, proto):
    result = lab.exchange(client, server, proto=proto, record=[node(client), server])
    facts = lab.facts()
    request = result.packets[server][0]
    assert result.packets[node(client)] == []
    assert (request.link.src, request.link.dst) == (facts["macs"][client], facts["macs"][server])
    assert request.ip.ttl == (128 if "windows" in client else 64)


def test_ipv6_of_linux_pods_runs_in_the_same_tunnel(lab):
    result = lab.exchange(LIN, LIN_2, proto="tcp", family="ipv6", record=["linux-1"])
    assert result.seen == "fd10:244:0:1::a"
    assert {(p.outer.ip.src, p.outer.vni) for p in result.packets["linux-1"]} == {
        ("172.31.0.1", 4096),
        ("172.31.0.2", 4096),
    }


def test_windows_pods_have_no_ipv6_at_all(lab):
    assert lab.command(WIN, "ip", "-6", "-o", "addr", "show", "dev", "eth0") == ""
    assert lab.facts()["addresses"][WIN] == ("10.244.11.10",)
    assert lab.facts()["macs"][WIN] == "0e:2a:0a:f4:0b:0a"


@pytest.mark.parametrize(("client", "low", "high"), [(WIN, 49152, 65535), (LIN, 32768, 60999)])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_the_outside_sees_the_node_without_a_tunnel(lab, client, low, high, proto):
    result = lab.exchange(client, "outside", proto=proto, record=[node(client), client])
    packets, address = result.packets[node(client)], NODE_IP[node(client)]
    assert {ends(p) for p in packets} == {(address, "203.0.113.10"), ("203.0.113.10", address)}
    assert not any(p.encapsulated for p in packets)
    assert low <= packets[0].ports.sport <= high
    assert {ends(p) for p in result.packets[client]} == {
        (lab.facts()["addresses"][client][0], "203.0.113.10"),
        ("203.0.113.10", lab.facts()["addresses"][client][0]),
    }


def test_a_datagram_of_the_mtu_passes_and_one_byte_more_is_cut_before_the_tunnel(lab):
    assert lab.exchange(WIN, LIN, size=1422, record=["windows-1"]).packets["windows-1"][0].length == 1500 + 14
    fragments = lab.exchange(WIN, LIN, size=1423, record=["windows-1"])
    assert fragments.ok
    assert all(p.length <= 1514 for p in fragments.packets["windows-1"])


def test_nodes_reach_remote_pods_from_their_tunnel_endpoint(lab):
    assert lab.exchange("windows-1", LIN, proto="tcp").seen == "10.244.11.0"
    assert lab.exchange("linux-1", LIN_2, proto="tcp", family="ipv6").seen == "fd10:244:0:1::"
    assert lab.exchange("windows-1", WIN, proto="tcp").seen == "10.244.11.1"


@pytest.mark.parametrize(("server", "seen"), [("windows-1", "10.244.11.10"), ("linux-1", "172.31.0.11")])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_a_pod_reaches_nodes_its_own_as_itself_others_as_its_node(lab, server, seen, proto):
    result = lab.exchange(WIN, server, proto=proto, record=["windows-1"])
    assert result.seen == seen
    assert not any(p.encapsulated for p in result.packets["windows-1"])


@pytest.mark.parametrize("place", ["outside", "router"])
def test_a_host_that_is_no_tunnel_endpoint_reaches_no_pod(lab, place):
    result = lab.exchange(place, "10.244.11.10", timeout=0.2, record=["windows-1", WIN])
    assert not result.ok
    assert result.packets == {"windows-1": [], WIN: []}
