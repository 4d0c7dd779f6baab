"""Tunnels between nodes: the kernel's VXLAN device, and Geneve made from it.

Geneve without options (RFC 8926, section 3.4) and VXLAN (RFC 7348, section 5) have the VNI at the same place of a
header of eight bytes; the word before it differs. So a Geneve tunnel is a VXLAN device on Geneve's port, and rules at
the NIC change the first word of the header: the wire shows Geneve, and kernels without Geneve can carry it too.
"""

from __future__ import annotations

from podwire.model.facts import Encapsulation
from podwire_lab.kernel import nft

GENEVE_PORT = 6081
DEVICES = {"vxlan": "vxlan0", "geneve": "geneve0"}

# Geneve: version 0 without options or flags, inside an Ethernet frame (0x6558). VXLAN: the flag "VNI is valid".
_FIRST_WORD, _GENEVE, _VXLAN = "@th,64,32", "0x00006558", "0x08000000"

# The VNI and the byte after it, in both headers.
VNI = "@th,96,32"
# A tunnel may omit the checksum (RFC 7348, section 5; RFC 8926, section 3.3); rules that change a header do.
UNCHECKED = "udp checksum set 0"


def device(tunnel: Encapsulation) -> str:
    """The name of a node's device for a tunnel."""
    return DEVICES[tunnel.kind]


def rules(nic: str) -> str:
    """Rules at the NIC that turn a Geneve device's packets into Geneve, and back. Captures see Geneve."""
    body = f"""
  chain egress {{
    type filter hook egress device "{nic}" priority 10;
    udp dport {GENEVE_PORT} {_FIRST_WORD} set {_GENEVE}
  }}
  chain ingress {{
    type filter hook ingress device "{nic}" priority -10;
    udp dport {GENEVE_PORT} {_FIRST_WORD} {_GENEVE} {_FIRST_WORD} set {_VXLAN} {UNCHECKED}
  }}"""
    return nft.table("netdev", "geneve", body)
