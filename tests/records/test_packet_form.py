"""A packet on disk: whatever layers it has, it comes back, and rows are what the first releases wrote."""

import pytest
from changed import replace
from flat_packets import a_packet_with
from observed import a_packet, a_tunnel

from podwire.model.packets import Fragment, Ip, TcpOptions
from podwire.records.packet_form import COLUMNS, packet_of, row_of

FRAGMENT = {"protocol": "udp", "fragment": True, "ident": 7}
ERROR = {"protocol": "icmp", "icmp_type": 3, "icmp_code": 4, "mtu": 1400, "sport": None, "dport": None}
PACKETS = {
    "empty": a_packet_with(),
    "arp": a_packet_with(protocol="arp", src="172.31.0.1", dst="172.31.0.11", payload=bytes(range(256))),
    "tcp": a_packet(flags="SA", seq=0, ack=0, interface="eth0", length=74).packet,
    "options": a_packet(flags="S", seq=0, window=64240, options=TcpOptions(1460, True, ((1, 2), (3, 4)))).packet,
    "header": replace(a_packet(tos=0x03, df=True).packet, ident=0xBEEF),
    "part": replace(a_packet().packet, ip=Ip("10.0.0.1", "10.0.0.2", "udp", 9, Fragment(7, 1480, True), 0, False)),
    "vxlan": a_packet(
        outer=a_tunnel(
            ip=Ip("172.31.0.11", "172.31.0.12", "udp", 0, None, 0, False),
            header=bytes(range(200, 208)),
            checksum="wrong",
        )
    ).packet,
    "fragment": a_packet(**{**FRAGMENT, "sport": None, "dport": None}).packet,
    "older-fragment": a_packet(protocol="udp", fragment=True).packet,
    "tunnel": a_packet(outer=a_tunnel(kind="geneve", flags=0), **FRAGMENT).packet,
    "echo": a_packet(protocol="icmp", icmp_type=0, icmp_code=0, icmp_id=0, icmp_seq=0).packet,
    "error": a_packet("error", quoted=a_packet(seq=7, outer=a_tunnel()).packet, **ERROR).packet,
}


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS)
def test_a_packet_comes_back(packet):
    assert packet_of(row_of("request", packet)) == packet


def test_a_row_is_flat_and_in_the_order_of_the_first_releases():
    row = row_of("reply", a_packet("reply", flags="SA", seq=5, ack=6, outer=a_tunnel(), **{"ttl": 64}).packet)
    found = {name: getattr(row, name) for name in COLUMNS}
    assert list(found)[:8] == ["direction", "at", "eth_src", "eth_dst", "src", "dst", "protocol", "sport"]
    assert (found["src"], found["dport"], found["ttl"], found["flags"], found["ack"]) == (
        "10.244.12.2", 50000, 64, "SA", 6
    )  # fmt: skip
    assert (found["outer"].eth_src, found["outer"].src, found["outer"].vni) == (
        "02:10:00:00:00:0b",
        "172.31.0.11",
        4096,
    )


def test_packets_of_one_flow_share_their_layers():
    rows = [row_of("request", a_packet(at=at, flags="A", seq=9, outer=a_tunnel()).packet) for at in (1.0, 2.0)]
    one, other = map(packet_of, rows)
    for layer in ("link", "outer", "ip", "ports", "icmp"):
        assert getattr(one, layer) is getattr(other, layer)
