"""Scapy as a second, independent dissector: both must see the same in packets that hypothesis makes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

from podwire.model.packets import Packet
from podwire.packets.dissect import decode

mac = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))
ip4 = st.ip_addresses(v=4).map(str)
# Addresses with IPv4 inside are written in two ways; the pod network has none of them.
ip6 = st.ip_addresses(v=6, network="fd00::/8").map(str)
port = st.integers(1, 65535).filter(lambda number: number not in (4789, 8472, 6081, 53, 5353))
payload = st.binary(max_size=60)
word = st.integers(0, 2**32 - 1)
tcp = st.builds(TCP, sport=port, dport=port, seq=word, ack=word, flags=st.integers(0, 63))
udp = st.builds(UDP, sport=port, dport=port)
echo4 = st.builds(ICMP, type=st.just(8), id=st.integers(0, 65535), seq=st.integers(0, 65535))
echo6 = st.builds(ICMPv6EchoRequest, id=st.integers(0, 65535), seq=st.integers(0, 65535))
ether = st.builds(Ether, src=mac, dst=mac)
ttl = st.integers(1, 255)
# With both MACs given scapy has nothing to ask the network for.
SHELL = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}


@st.composite
def frames(draw: st.DrawFn) -> Any:
    """An Ethernet frame with IPv4 or IPv6 in it, sometimes tagged, sometimes with an extension header."""
    made = draw(ether)
    if draw(st.booleans()):
        made = made / Dot1Q(vlan=draw(st.integers(1, 4094)))
    if draw(st.booleans()):
        made = made / IP(src=draw(ip4), dst=draw(ip4), ttl=draw(ttl)) / draw(st.one_of(tcp, udp, echo4))
    else:
        made = made / IPv6(src=draw(ip6), dst=draw(ip6), hlim=draw(ttl))
        made = made / IPv6ExtHdrDestOpt() if draw(st.booleans()) else made
        made = made / draw(st.one_of(tcp, udp, echo6))
    return made / draw(payload)


def check(packet: Packet, other: Any) -> None:
    """Every field that both know, of a frame that scapy took apart again."""
    network = other[IP] if IP in other else other[IPv6]
    assert (packet.link.src, packet.link.dst) == (other[Ether].src, other[Ether].dst)
    assert (packet.ip.src, packet.ip.dst) == (network.src, network.dst)
    assert packet.ip.ttl == (network.ttl if IP in other else network.hlim)
    if TCP in other:
        assert packet.ip.protocol == "tcp"
        assert (packet.ports.sport, packet.ports.dport) == (other[TCP].sport, other[TCP].dport)
        assert (packet.tcp.seq, packet.tcp.ack) == (other[TCP].seq, other[TCP].ack)
        assert set(packet.tcp.flags) == set(str(other[TCP].flags)) & set("SAFRPU")
        assert packet.payload == bytes(other[TCP].payload)
    elif UDP in other:
        assert packet.ip.protocol == "udp"
        assert (packet.ports.sport, packet.ports.dport) == (other[UDP].sport, other[UDP].dport)
        assert packet.payload == bytes(other[UDP].payload)
    else:
        layer = other[ICMP] if ICMP in other else other[ICMPv6EchoRequest]
        assert packet.ip.protocol == ("icmp" if ICMP in other else "icmpv6")
        assert (packet.icmp.type, packet.icmp.id, packet.icmp.seq) == (layer.type, layer.id, layer.seq)
        assert packet.payload == (bytes(layer.payload) if ICMP in other else layer.data)


@settings(max_examples=150, deadline=None)
@given(frames())
def test_both_read_the_same(made: Any) -> None:
    data = bytes(made)
    check(decode(data), Ether(data))


@settings(max_examples=60, deadline=None)
@given(frames(), mac, ip4, ip4, st.integers(0, 2**24 - 1), st.sampled_from([4789, 8472]))
def test_both_read_the_same_inside_vxlan(inner: Any, outer_mac: str, src: str, dst: str, vni: int, dport: int) -> None:
    shell = Ether(src=outer_mac, dst=outer_mac) / IP(src=src, dst=dst) / UDP(sport=50000, dport=dport)
    data = bytes(shell / VXLAN(vni=vni, flags=0x08) / inner)
    packet = decode(data)
    check(packet, Ether(bytes(inner)))
    assert packet.outer is not None
    assert (packet.outer.ip.src, packet.outer.ip.dst, packet.outer.dport) == (src, dst, dport)
    assert (packet.outer.vni, packet.outer.flags, packet.frame.src, packet.length) == (vni, 8, outer_mac, len(data))


@settings(max_examples=60, deadline=None)
@given(frames())
def test_a_quoted_packet_is_read_like_any_other(made: Any) -> None:
    error = ICMP(type=11) / made[IP] if IP in made else ICMPv6TimeExceeded() / made[IPv6]
    network = IP(src="192.0.2.1", dst="192.0.2.2") if IP in made else IPv6(src="fd00::1", dst="fd00::2")
    packet = decode(bytes(Ether(**SHELL) / network / error))
    plain = decode(bytes(made))
    assert packet.icmp.quoted is not None
    assert (packet.icmp.quoted.tuple, packet.icmp.quoted.tcp.seq, packet.icmp.quoted.ip.ttl) == (
        plain.tuple,
        plain.tcp.seq,
        plain.ip.ttl,
    )


@settings(max_examples=30, deadline=None)
@given(ip4, ip4, mac)
def test_arp(sender: str, target: str, hardware: str) -> None:
    packet = decode(bytes(Ether(src=hardware, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=hardware, psrc=sender, pdst=target)))
    assert (packet.ip.protocol, packet.ip.src, packet.ip.dst, packet.link.src) == ("arp", sender, target, hardware)


@settings(max_examples=200, deadline=None)
@given(st.one_of(frames().map(bytes), st.binary(max_size=120)), st.data())
def test_damaged_bytes_never_raise(good: bytes, data: st.DataObject) -> None:
    cut = good[: data.draw(st.integers(0, len(good)))]
    at = data.draw(st.integers(0, max(len(good) - 1, 0)))
    for damaged in (cut, good[:at] + b"\xff" + good[at + 1 :], good[:at] + b"\0" + good[at + 1 :]):
        packet = decode(damaged)
        assert packet.length == len(damaged)


@settings(max_examples=60, deadline=None)
@given(frames(), st.data())
def test_damage_inside_a_tunnel_never_raises(inner: Any, data: st.DataObject) -> None:
    shell = bytes(Ether(**SHELL) / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(dport=4789) / VXLAN(vni=1) / inner)
    decode(shell[: data.draw(st.integers(0, len(shell)))])
