"""Healthy networks of the other modes and CNIs, packet by packet: what each of them does that no other does."""

import pytest
from faulty import Labs

LIN, LIN_2, WIN, WIN_B, WIN_2 = "linux-1/a", "linux-2/a", "windows-1/a", "windows-1/b", "windows-2/a"
FABRIC = "12:34:56:78:9a:bc"
VIP = "10.96.0.88"


def tunnels(packets):
    return {(p.outer.kind, p.outer.dport, p.outer.vni) for p in packets if p.outer}


@pytest.mark.parametrize(
    ("client", "server", "tunnel"),
    [
        (WIN, LIN, ("vxlan", 4789, 4097)),
        (LIN, WIN, ("vxlan", 4789, 4097)),
        (WIN, WIN_2, ("vxlan", 4789, 4097)),
        (LIN, LIN_2, ("geneve", 6081, 1)),
    ],
)
def test_a_hybrid_overlay_has_vxlan_to_windows_and_geneve_between_linux(running: Labs, client, server, tunnel):
    place = client.partition("/")[0]
    result = running.of("overlay-ovn-hybrid").exchange(client, server, proto="tcp", record=[place])
    assert result.ok
    assert tunnels(result.packets[place]) == {tunnel}
    assert all(p.encapsulated for p in result.packets[place])


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize(("client", "server"), [(WIN, LIN), (LIN, WIN), (WIN, WIN_2), (LIN, LIN_2)])
def test_a_transparent_network_is_geneve_for_both_families(running: Labs, client, server, family):
    place = client.partition("/")[0]
    result = running.of("transparent-ovn").exchange(client, server, family=family, record=[place])
    assert result.ok
    assert tunnels(result.packets[place]) == {("geneve", 6081, 1)}
    assert [p.outer.flags for p in result.packets[place]] == [0, 0]


def test_a_transparent_network_translates_icmp_to_the_outside(running: Labs):
    result = running.of("transparent-ovn").exchange(WIN, "outside", proto="icmp", record=["windows-1"])
    assert result.ok
    assert {p.ip.src for p in result.packets["windows-1"]} == {"172.31.0.11", "203.0.113.10"}


@pytest.mark.parametrize("profile", ["l2bridge-azure-cni", "l2tunnel-azure-cni"])
def test_azures_hosts_have_one_mac_for_all_and_rewrite_it(running: Labs, profile):
    lab = running.of(profile)
    macs = lab.facts()["macs"]
    result = lab.exchange(WIN, LIN, record=[WIN, "windows-1", "linux-1"])
    assert result.ok
    assert {p.frame.dst for p in result.packets[WIN] if p.ports.dport == 8080} == {FABRIC}
    assert {(p.frame.src, p.frame.dst) for p in result.packets["windows-1"]} == {
        (macs["windows-1"], FABRIC),
        (FABRIC, macs["windows-1"]),
    }
    assert {p.frame.src for p in result.packets["linux-1"] if p.ports.dport == 8080} == {FABRIC}


@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
def test_l2tunnel_sends_what_pods_of_one_node_say_by_way_of_the_host(running: Labs, proto):
    lab = running.of("l2tunnel-azure-cni")
    mac = lab.facts()["macs"]["windows-1"]
    result = lab.exchange(WIN, WIN_B, proto=proto, record=["windows-1"])
    assert result.ok
    assert {(p.frame.src, p.frame.dst) for p in result.packets["windows-1"]} == {(mac, FABRIC), (FABRIC, mac)}
    assert lab.exchange(LIN, "linux-1/b", proto=proto, record=["linux-1"]).packets["linux-1"] == []


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_a_service_of_one_node_goes_by_the_host_both_ways_and_keeps_its_source(running: Labs, proto):
    lab = running.of("l2tunnel-azure-cni")
    lab.service(VIP, WIN_B)
    result = lab.exchange(WIN, VIP, port=80, proto=proto, record=["windows-1"])
    client, server = (lab.facts()["addresses"][pod][0] for pod in (WIN, WIN_B))
    assert (result.seen, result.peer) == (client, VIP)
    assert {(p.ip.src, p.ip.dst) for p in result.packets["windows-1"]} == {(client, server), (server, client)}


def test_it_goes_by_the_host_also_if_another_flow_has_its_port(running: Labs):
    lab = running.of("l2tunnel-azure-cni")
    lab.service(VIP, WIN_B)
    lab.exchange(WIN, WIN_B, source_port=50001)
    result = lab.exchange(WIN, VIP, port=80, source_port=50001, record=["windows-1"])
    assert result.seen_port not in (0, 50001)
    assert len(result.packets["windows-1"]) == 4


@pytest.mark.parametrize("profile", ["l2bridge-azure-cni", "awsvpc", "awsvpc-prefix"])
def test_pods_have_addresses_of_the_nodes_network_and_keep_them_there(running: Labs, profile):
    lab = running.of(profile)
    address = lab.facts()["addresses"][WIN][0]
    assert address.startswith("172.31.75.")
    assert lab.exchange(WIN, "linux-1", proto="tcp").seen == address
    assert lab.exchange(WIN, "outside", proto="tcp").seen == "172.31.0.11"
    assert lab.exchange("windows-1", WIN).seen == "172.31.0.11"


def test_a_card_has_so_many_addresses_and_no_more(running: Labs):
    lab = running.of("awsvpc")
    made = [lab.attach("windows-2", f"more-{number}") for number in range(7)]  # beside the two that there are
    assert len({addresses[0] for addresses in made}) == 7
    with pytest.raises(RuntimeError, match="node windows-2 has no free pod address"):
        lab.attach("windows-2", "one-too-many")
    for number in range(7):
        lab.detach("windows-2", f"more-{number}")


def test_calicos_blocks_are_of_64_addresses(running: Labs):
    lab = running.of("overlay-calico-vxlan")
    facts = lab.facts()
    assert facts["addresses"][WIN][0] == "10.244.11.3"
    result = lab.exchange(WIN, WIN_2, record=["windows-1"])
    assert tunnels(result.packets["windows-1"]) == {("vxlan", 4789, 4096)}


def test_winnat_hides_pods_and_lets_nobody_in(running: Labs):
    lab = running.of("nat")
    assert lab.exchange(WIN, LIN, proto="tcp").seen == "172.31.0.11"
    assert lab.exchange(WIN, "outside").seen == "172.31.0.11"
    assert lab.exchange(WIN, WIN_B).ok
    assert lab.exchange(LIN, WIN, proto="tcp").error == "TimeoutError"
    assert lab.exchange(WIN_2, WIN).error == "TimeoutError"
    assert lab.exchange(WIN, "outside", proto="icmp").error == "TimeoutError"
