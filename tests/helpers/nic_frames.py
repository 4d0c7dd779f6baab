"""Frames on a node's NIC, made with scapy: some can belong to a run, others cannot; plain and in tunnels."""

from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN

from podwire.model.facts import Encapsulation
from podwire.probing.filters import Interest

POD, POD6, VIP, OUTSIDE = "10.244.1.10", "fd00:10:244:1::10", "10.96.3.7", "203.0.113.10"
NODE, OTHER_NODE, NODE6 = "172.31.0.11", "172.31.0.12", "fd00:172:31::11"
FOREIGN, STRANGER, FOREIGN6 = "10.244.1.77", "10.244.2.88", "fd00:10:244:1::77"
INTEREST = Interest(
    addresses=frozenset({POD, POD6, OUTSIDE, "10.244.2.10", "2001:db8::10"}),
    services=frozenset({VIP, "fd00:10:96::7"}),
    nodes=frozenset({NODE, OTHER_NODE, NODE6}),
    tunnel=Encapsulation(port=4799),
)


def framed(packet, **fields):
    # Both MACs are given: scapy would ask the network for what is left out.
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", **fields) / packet


def plain(packet):
    return packet


def vxlan(packet, port=4789, **fields):
    return IP(src=NODE, dst=OTHER_NODE, **fields) / UDP(sport=50000, dport=port) / VXLAN(vni=4096) / framed(packet)


def geneve(packet, **fields):
    return IP(src=NODE, dst=OTHER_NODE) / UDP(sport=50000, dport=6081) / GENEVE(vni=7, **fields) / framed(packet)


def with_options(packet):
    option = GeneveOptions(classid=0x0102, type=0x80, data=b"\x01\x02\x03\x04\x05\x06\x07\x08")
    return geneve(packet, options=[option])


def long_header(packet):
    return vxlan(packet, options=b"\x01" * 8)


def over_ipv6(packet):
    return IPv6(src=NODE6, dst="fd00:172:31::12") / UDP(sport=1, dport=4789) / VXLAN() / framed(packet)


WAYS = [
    plain,
    vxlan,
    geneve,
    with_options,
    long_header,
    over_ipv6,
    lambda packet: vxlan(packet, 8472),
    lambda packet: vxlan(packet, 4799),
]

OURS = {
    "from a pod": IP(src=POD, dst=STRANGER) / TCP(sport=1, dport=2),
    "to a pod": IP(src=STRANGER, dst=POD) / UDP(sport=1, dport=2),
    "to a Service": IP(src=STRANGER, dst=VIP) / TCP(dport=80),
    "to the outside": IP(src=NODE, dst=OUTSIDE) / TCP(dport=80),
    "a pod's own protocol": IP(src=POD, dst=STRANGER, proto=50) / b"esp",
    "with options": IP(src=POD, dst=STRANGER, options=b"\x01" * 8) / TCP(),
    "host echo": IP(src=NODE, dst=OTHER_NODE) / TCP(dport=18080),
    "host echo, answered": IP(src=NODE, dst=OTHER_NODE, options=b"\x01" * 4) / UDP(sport=18080, dport=40000),
    "beacon": IP(src=NODE, dst=OTHER_NODE) / UDP(sport=40000, dport=9),
    "closed port": IP(src=FOREIGN, dst=STRANGER) / TCP(sport=18999),
    "translated, to a wrong place": IP(src=NODE, dst="198.51.100.9") / TCP(dport=8080),
    "echo request": IP(src=FOREIGN, dst=STRANGER) / ICMP(type=8),
    "error": IP(src=FOREIGN, dst=STRANGER) / ICMP(type=3) / IP(src=POD, dst=OUTSIDE) / UDP(),
    "later fragment of a pod": IP(src=POD, dst=STRANGER, frag=100, proto=17) / b"rest",
    "later fragment of a node": IP(src=NODE, dst=STRANGER, frag=100, proto=17) / b"rest",
    "a pod by IPv6": IPv6(src=FOREIGN6, dst=POD6) / TCP(dport=443),
    "host echo by IPv6": IPv6(src=NODE6, dst=FOREIGN6) / UDP(dport=18080),
    "echo request by IPv6": IPv6(src=FOREIGN6, dst=FOREIGN6) / ICMPv6EchoRequest(),
    "error by IPv6": IPv6(src=FOREIGN6, dst=FOREIGN6) / ICMPv6DestUnreach() / IPv6(src=POD6, dst=POD6) / UDP(),
    "extension header": IPv6(src=FOREIGN6, dst=FOREIGN6) / IPv6ExtHdrHopByHop() / TCP(),
    "fragment by IPv6": IPv6(src=FOREIGN6, dst=FOREIGN6) / IPv6ExtHdrFragment(offset=10, nh=17) / b"rest",
    "ARP": ARP(psrc=NODE, pdst=FOREIGN),
}
FOREIGN_ONES = {
    "between other pods": IP(src=FOREIGN, dst=STRANGER) / TCP(sport=40000, dport=443),
    "the echo port of other pods": IP(src=FOREIGN, dst=STRANGER) / TCP(sport=40000, dport=8080),
    "of nodes": IP(src=NODE, dst=OTHER_NODE) / TCP(sport=40000, dport=10250),
    "a node's web": IP(src=NODE, dst="198.51.100.9") / TCP(sport=40000, dport=80),
    "a later fragment": IP(src=FOREIGN, dst=STRANGER, frag=100, proto=17) / b"\x00\x09\x46\xa0",
    "another protocol": IP(src=FOREIGN, dst=STRANGER, proto=132) / b"\x46\xa0\x46\xa0",
    "a timestamp request": IP(src=FOREIGN, dst=STRANGER) / ICMP(type=13),
    "by IPv6": IPv6(src=FOREIGN6, dst=FOREIGN6) / TCP(sport=40000, dport=8080),
    "neighbour discovery": IPv6(src=FOREIGN6, dst=FOREIGN6) / ICMPv6ND_NS(),
}
