"""A healthy l2bridge, packet by packet: pod addresses on the underlay, in frames of the nodes."""

import pytest
from netlab import NetLab

WIN, WIN_B, WIN_2, LIN, LIN_2 = "windows-1/a", "windows-1/b", "windows-2/a", "linux-1/a", "linux-2/a"
PAIRS = [(WIN, LIN), (LIN, WIN), (WIN, WIN_2), (LIN, LIN_2)]


@pytest.fixture(scope="module", name="lab")
def _lab():
    with NetLab("l2bridge-win-bridge") as running:
        yield running


def node(pod):
    return pod.partition("/")[0]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
@pytest.mark.parametrize(("client", "server"), PAIRS)
def test_frames_are_of_the_nodes_and_packets_of_the_pods(lab, client, server, proto, family):
    facts, which = lab.facts(), family == "ipv6"
    source, target = facts["addresses"][client][which], facts["addresses"][server][which]
    result = lab.exchange(client, server, proto=proto, family=family, record=[client, node(client), server])
    assert result.ok
    ours, theirs = facts["macs"][node(client)], facts["macs"][node(server)]
    wire = result.packets[node(client)]
    assert {(p.ip.src, p.ip.dst) for p in wire} == {(source, target), (target, source)}
    assert {(p.frame.src, p.frame.dst) for p in wire} == {(ours, theirs), (theirs, ours)}
    assert not any(p.encapsulated for p in wire)
    assert result.packets[client][0].frame.src == facts["macs"][client]
    assert result.packets[server][0].frame.dst == facts["macs"][server]


def test_the_ttl_class_and_the_source_port_survive_the_way(lab):
    result = lab.exchange(WIN, LIN, proto="tcp", record=["linux-1", LIN])
    assert result.seen_port == result.sport
    assert {p.ip.ttl for p in result.packets[LIN] if p.ports.dport == 8080} == {126}
    assert {p.ip.ttl for p in result.packets[LIN] if p.ports.sport == 8080} == {64}


@pytest.mark.parametrize(("family", "address"), [("ipv4", "172.31.0.11"), ("ipv6", "fd31::b")])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_the_outside_sees_the_node(lab, family, address, proto):
    result = lab.exchange(WIN, "outside", proto=proto, family=family, record=["windows-1"])
    assert result.seen == address
    assert 49152 <= result.seen_port <= 65535
    assert {p.ip.src for p in result.packets["windows-1"]} == {
        address,
        lab.facts()["addresses"]["outside"][":" in address],
    }


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_icmp_of_windows_pods_stays_inside(lab, family):
    result = lab.exchange(WIN, "outside", proto="icmp", family=family, timeout=0.2, record=["windows-1", WIN])
    assert result.error == "TimeoutError"
    assert len(result.packets[WIN]) == 1
    assert result.packets["windows-1"] == []


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_an_icmp_error_about_a_translated_flow_ends_at_the_node(lab, family):
    result = lab.exchange(WIN, "outside", family=family, port=18999, timeout=0.2, record=["windows-1", WIN])
    assert result.error == "TimeoutError"
    assert [p.ip.protocol for p in result.packets["windows-1"]] == ["udp", "icmp" if family == "ipv4" else "icmpv6"]
    assert [p.ip.protocol for p in result.packets[WIN]] == ["udp"]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_icmp_errors_inside_the_network_arrive(lab, family):
    assert lab.exchange(WIN, LIN, family=family, port=18999).error == "ConnectionRefusedError"
    assert lab.exchange(LIN, WIN, family=family, port=18999).error == "ConnectionRefusedError"


def test_a_pod_keeps_its_address_towards_every_node(lab):
    assert {lab.exchange(WIN, name, proto="tcp").seen for name in ("windows-1", "windows-2", "linux-1")} == {
        "10.244.11.10"
    }
    assert lab.exchange(WIN, "linux-1", proto="icmp").ok


def test_nodes_reach_pods_with_their_own_addresses(lab):
    assert lab.exchange("windows-1", WIN).seen == "10.244.11.2"
    assert lab.exchange("windows-1", LIN).seen == "172.31.0.11"
    assert lab.exchange("linux-1", WIN, family="ipv6").seen == "fd31::1"


def test_pods_of_one_node_never_reach_the_nic(lab):
    result = lab.exchange(WIN, WIN_B, proto="tcp", family="ipv6", record=["windows-1"])
    assert result.ok
    assert result.packets["windows-1"] == []
