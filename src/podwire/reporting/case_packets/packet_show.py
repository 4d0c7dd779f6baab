"""A captured frame as scapy shows it, layer by layer. Outside of the tests only this module and
`crafting.build` import scapy.

scapy takes longer to import than a run of podwire to plan: import this module only where packets are shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

from scapy.contrib.geneve import GENEVE  # it joins Geneve to UDP
from scapy.layers.dns import DNS  # and this one DNS
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw, bind_layers

from podwire.model.packets import ChecksumState
from podwire.packets.checksums import transport_checksum
from podwire.packets.dissect import VXLAN_PORTS

LAYERS = (GENEVE, DNS)
"""Known by name, so that nobody takes their imports for unused."""
WORDS: Mapping[ChecksumState, str] = {
    "none": "not used (0)",
    "right": "right",
    "offloaded": "offloaded: the sender's network card completes it after the capture",
    "wrong": "WRONG: a receiver drops the packet",
}
_TCP, _UDP = 6, 17
_ETHERNET, _LEAST = 14, 8


def shown(frame: bytes, vxlan_ports: Collection[int] = VXLAN_PORTS) -> Iterator[str]:
    """All fields of a frame, a line each, and what became of its checksums. UDP to one of `vxlan_ports` is VXLAN."""
    for port in vxlan_ports:
        _read_as_vxlan(port)
    packet = Ether(frame) if len(frame) >= _ETHERNET else Raw(frame)
    yield from str(packet.show(dump=True)).rstrip().splitlines()
    for layer in packet.iterpayloads():
        if isinstance(layer, (TCP, UDP)) and (state := _checksum(layer)):
            yield f"checksum of {layer.name} from port {layer.sport}: {WORDS[state]}"


@cache
def _read_as_vxlan(port: int) -> None:
    bind_layers(UDP, VXLAN, dport=port)


def _checksum(layer: Any) -> ChecksumState:
    """What became of the checksum of TCP or UDP; empty for a fragment, and for a packet that is not all there."""
    network = layer.underlayer
    if isinstance(network, IP) and not network.frag and not network.flags.MF:
        length, family = network.len - network.ihl * 4, AF_INET
    elif isinstance(network, IPv6):
        length, family = network.plen, AF_INET6
    else:
        return ""
    segment = layer.original[: max(0, length)]
    if len(segment) < max(length, _LEAST):  # cut, or with a length of 0: a segment before offload
        return ""
    if isinstance(layer, UDP) and not layer.chksum:
        return "none"
    ends = inet_pton(family, network.src) + inet_pton(family, network.dst)
    return transport_checksum(segment, layer.chksum, ends, _TCP if isinstance(layer, TCP) else _UDP)
