"""Capture filters for a node's NIC, so that other traffic of the node does not fill the capture.

Linux takes a classic BPF program (SO_ATTACH_FILTER; linux/Documentation/networking/filter.rst), Windows the arguments
of `pktmon filter add`. Both pass all packets that flows of a run can have on the wire, plain or in a tunnel, and a few
more: a packet too many costs room, a packet too few makes a verdict wrong.
"""

from __future__ import annotations

import functools
import ipaddress
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from podwire.cluster.deployment.workloads import ECHO_PORT, HOST_ECHO_PORT, Deployment
from podwire.model.asking import DNS_PORT
from podwire.model.facts import FAMILIES, ClusterFacts, Encapsulation, Family, family_of
from podwire.packets.dissect import GENEVE_PORT, VXLAN_PORTS
from podwire.probing.targets import CLOSED_PORT, HOST_PORT, node_ports

DISCARD_PORT = 9
Instruction = tuple[int, int, int, int]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True)
class Interest:
    """The packets on a NIC that can belong to a run, plain or inside a tunnel.

    ICMP echoes and ICMP errors always pass.
    """

    addresses: frozenset[str]
    """Probe pods and the host outside: every packet from or to them."""
    services: frozenset[str] = frozenset()
    """Service addresses: every packet from or to them."""
    nodes: frozenset[str] = frozenset()
    """Node addresses, as after SNAT: packets from or to the echo port, and fragments without ports."""
    ports: frozenset[int] = frozenset({HOST_ECHO_PORT, CLOSED_PORT, DISCARD_PORT})
    """TCP and UDP ports: every packet from or to them."""
    windows: frozenset[Family] = frozenset(FAMILIES)
    """The families of pods on Windows nodes."""
    tunnel: Encapsulation = field(default_factory=Encapsulation)
    """The tunnels between the nodes."""


def interest_of(deployment: Deployment, facts: ClusterFacts) -> Interest:
    """The interest of a run with these probes."""
    services = {
        address
        for service in deployment.services.found.values()
        for by_family in (service.cluster_ips, service.ingress, service.external_ips)
        for address in by_family.values()
    }
    addresses = {address for probe in deployment.probes if probe.kind == "pod" for address in probe.addresses.values()}
    if facts.outside.host is not None:
        addresses |= set(facts.outside.host.addresses)
    taking_part = {probe.node for probe in deployment.probes}
    nodes = {address for node in facts.nodes if node.name in taking_part for address in node.addresses}
    return Interest(
        addresses=frozenset(addresses),
        services=frozenset(services),
        nodes=frozenset(nodes),
        # DNS queries of a node, and of its pods after SNAT, are recognised by their port only.
        ports=frozenset({HOST_ECHO_PORT, CLOSED_PORT, DISCARD_PORT, HOST_PORT, DNS_PORT}) | node_ports(deployment),
        windows=frozenset(facts.network.windows_families),
        tunnel=facts.network.encapsulation or Encapsulation(),
    )


# --- classic BPF ------------------------------------------------------------------------------------------------------

_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE = 0x40, 0x48, 0x50  # from the frame, X + k bytes after its start
_LOAD, _LOAD_NUMBER, _STORE, _TO_X, _FROM_X = 0x60, 0x00, 0x02, 0x07, 0x87
_ADD, _ADD_X, _AND, _SHIFT = 0x04, 0x0C, 0x54, 0x64
_EQUAL, _ANY_BIT, _GO, _RETURN = 0x15, 0x45, 0x05, 0x06
_WHOLE = 0xFFFFFFFF
_MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS

# Cells of the program's memory: whether an address of a node was met, and the transport protocol.
_NODE, _PROTOCOL = 0, 1

_IPV4, _ARP, _IPV6, _VLAN_TAGS = 0x0800, 0x0806, 0x86DD, (0x8100, 0x88A8)
_TCP, _UDP, _ICMP, _ICMPV6 = 6, 17, 1, 58
_EXTENSIONS = (0, 43, 44, 51, 60, 135, 139, 140)  # a packet with an extension header passes unread
_ICMP_TYPES, _ICMPV6_TYPES = (0, 3, 4, 5, 8, 11, 12), (1, 2, 3, 4, 128, 129)
_ETHERNET_IN_GENEVE = 0x6558
_PASS: tuple[Instruction, ...] = ((_RETURN, 0, 0, _WHOLE),)


@dataclass
class _Program:
    """Instructions with forward jumps to named places. X is the frame's offset, later plus the IP header's length."""

    instructions: list[Instruction] = field(default_factory=list)
    _waiting: dict[str, list[int]] = field(default_factory=dict)

    def add(self, *instructions: Instruction) -> None:
        self.instructions += instructions

    def go(self, place: str) -> None:
        self._waiting.setdefault(place, []).append(len(self.instructions))
        self.add((_GO, 0, 0, 0))

    def here(self, place: str) -> None:
        for at in self._waiting.pop(place, ()):
            self.instructions[at] = (_GO, 0, 0, len(self.instructions) - at - 1)

    def go_if(self, value: int, place: str) -> None:
        self.add((_EQUAL, 0, 1, value))
        self.go(place)

    def pass_if(self, *values: int) -> None:
        for value in values:
            self.add((_EQUAL, 0, 1, value), *_PASS)

    def pass_nothing(self) -> None:
        self.add((_RETURN, 0, 0, 0))


def bpf(interest: Interest) -> list[Instruction]:
    """The BPF program for an Ethernet capture, as `(code, jt, jf, k)`. ValueError if it is too long for the kernel."""
    program = _Program()
    program.add((_LOAD_NUMBER, 0, 0, 0), (_TO_X, 0, 0, 0))
    _frame(program, interest, tunnels=True)
    program.here("vxlan")
    program.add((_FROM_X, 0, 0, 0), (_ADD, 0, 0, 30), (_TO_X, 0, 0, 0))
    program.go("inner")
    program.here("geneve")
    program.add((_LOAD_HALF, 0, 0, 24), (_EQUAL, 1, 0, _ETHERNET_IN_GENEVE), *_PASS)
    program.add((_LOAD_BYTE, 0, 0, 22), (_AND, 0, 0, 0x3F), (_SHIFT, 0, 0, 2), (_ADD_X, 0, 0, 0))
    program.add((_ADD, 0, 0, 30), (_TO_X, 0, 0, 0))
    program.here("inner")
    _frame(program, interest, tunnels=False)
    if len(program.instructions) > _MOST_INSTRUCTIONS:
        raise ValueError(f"a filter of {len(program.instructions)} instructions is too long")
    return program.instructions


def _frame(program: _Program, interest: Interest, *, tunnels: bool) -> None:
    """Add the decision about the Ethernet frame at X. With `tunnels`, go on with the frame inside a tunnel."""
    program.add((_LOAD_NUMBER, 0, 0, 0), (_STORE, 0, 0, _NODE), (_LOAD_HALF, 0, 0, 12))
    program.go_if(_IPV4, "ipv4")
    program.go_if(_IPV6, "ipv6")
    program.pass_if(_ARP, *_VLAN_TAGS)
    program.pass_nothing()

    program.here("ipv4")
    _addresses(program, interest, 4, (26, 30))
    # A later fragment has no ports. It passes if it has a node's address.
    program.add((_LOAD_HALF, 0, 0, 20), (_ANY_BIT, 0, 4, 0x1FFF))
    program.add((_LOAD, 0, 0, _NODE), (_EQUAL, 0, 1, 0), (_RETURN, 0, 0, 0), *_PASS)
    program.add((_LOAD_BYTE, 0, 0, 23), (_STORE, 0, 0, _PROTOCOL))
    program.add((_LOAD_BYTE, 0, 0, 14), (_AND, 0, 0, 0x0F), (_SHIFT, 0, 0, 2), (_ADD_X, 0, 0, 0), (_TO_X, 0, 0, 0))
    program.add((_LOAD, 0, 0, _PROTOCOL))
    program.go_if(_TCP, "ports")
    program.go_if(_UDP, "ports")
    program.add((_EQUAL, 1, 0, _ICMP), (_RETURN, 0, 0, 0), (_LOAD_BYTE, 0, 0, 14))
    program.pass_if(*_ICMP_TYPES)
    program.pass_nothing()

    program.here("ipv6")
    _addresses(program, interest, 6, (22, 38))
    program.add((_LOAD_BYTE, 0, 0, 20), (_STORE, 0, 0, _PROTOCOL))
    program.add((_FROM_X, 0, 0, 0), (_ADD, 0, 0, 40), (_TO_X, 0, 0, 0), (_LOAD, 0, 0, _PROTOCOL))
    program.go_if(_TCP, "ports")
    program.go_if(_UDP, "ports")
    program.pass_if(*_EXTENSIONS)
    program.add((_EQUAL, 1, 0, _ICMPV6), (_RETURN, 0, 0, 0), (_LOAD_BYTE, 0, 0, 14))
    program.pass_if(*_ICMPV6_TYPES)
    program.pass_nothing()

    program.here("ports")
    for at in (14, 16):
        program.add((_LOAD_HALF, 0, 0, at))
        program.pass_if(*sorted(interest.ports))
    program.add((_LOAD, 0, 0, _NODE))
    program.go_if(0, "no node")
    for at in (14, 16):
        program.add((_LOAD_HALF, 0, 0, at))
        program.pass_if(ECHO_PORT)
    program.here("no node")
    if tunnels:
        program.add((_LOAD, 0, 0, _PROTOCOL), (_EQUAL, 1, 0, _UDP), (_RETURN, 0, 0, 0), (_LOAD_HALF, 0, 0, 16))
        for port in sorted(_vxlan_ports(interest)):
            program.go_if(port, "vxlan")
        program.go_if(GENEVE_PORT, "geneve")
    program.pass_nothing()


def _addresses(program: _Program, interest: Interest, version: int, offsets: Sequence[int]) -> None:
    """Add: pass a packet with an address of the run, and note an address of a node."""
    addresses, nodes = _words(interest.addresses | interest.services, version), _words(interest.nodes, version)
    for at in offsets:
        program.add(*_match(addresses, at, _PASS))
    for at in offsets:
        program.add(*_match(nodes, at, ((_LOAD_NUMBER, 0, 0, 1), (_STORE, 0, 0, _NODE))))


def _vxlan_ports(interest: Interest) -> frozenset[int]:
    return VXLAN_PORTS | ({interest.tunnel.port} if interest.tunnel.kind == "vxlan" else set())


def _words(addresses: Iterable[str], version: int) -> list[tuple[int, ...]]:
    """The addresses of a family, each as the 32-bit words that the program compares."""
    packed = (
        ipaddress.ip_address(address).packed
        for address in addresses
        if ipaddress.ip_address(address).version == version
    )
    return sorted(tuple(int.from_bytes(raw[at : at + 4], "big") for at in range(0, len(raw), 4)) for raw in set(packed))


def _match(addresses: Sequence[tuple[int, ...]], at: int, on_match: Sequence[Instruction]) -> list[Instruction]:
    """Compare the words at an offset with addresses, a common first word once. `on_match` runs for each match."""
    instructions: list[Instruction] = []
    groups: dict[int, list[tuple[int, ...]]] = {}
    for words in addresses:
        groups.setdefault(words[0], []).append(words[1:])
    loaded = False
    for first, rest in groups.items():
        inside = _match(rest, at + 4, on_match) if rest[0] else list(on_match)
        if not loaded:
            instructions.append((_LOAD_WORD, 0, 0, at))
        if len(inside) < 256:
            instructions.append((_EQUAL, 0, len(inside), first))
        else:
            instructions += [(_EQUAL, 1, 0, first), (_GO, 0, 0, len(inside))]
        instructions += inside
        loaded = inside == list(_PASS)  # Anything else may have loaded another word.
    return instructions


# --- pktmon -----------------------------------------------------------------------------------------------------------

# Microsoft, "pktmon filter add": at most 32 filters. Each filter starts a process, so neighbouring addresses share a
# filter: always in networks of up to 2**4 addresses, in larger ones if there are too many. All Services of a family may
# share one, because nodes translate Service addresses and few packets with them reach a NIC.
_MOST_FILTERS, _SMALL, _MOST_ADDRESSES = 32, 4, 12


def pktmon_filters(interest: Interest) -> list[list[str]]:
    """The arguments of `pktmon filter add` for each filter. ValueError for more filters than pktmon takes.

    pktmon reports a packet that meets all conditions of one filter. `-e` applies them inside VXLAN too. pktmon does not
    read Geneve, so all Geneve packets pass if nodes use it, and all VXLAN packets to another port than this cluster's.
    """
    port = interest.tunnel.port if interest.tunnel.kind == "vxlan" else Encapsulation().port
    tunnel = ["-e", str(port)]
    addresses, services, nodes = (
        {address for address in group if family_of(address) in interest.windows}
        for group in (interest.addresses, interest.services, interest.nodes)
    )
    networks = [*_merged(addresses, _MOST_ADDRESSES), *_merged(services, 1)]
    filters = [["-i", str(network), *tunnel] for network in networks]
    filters += [["-i", str(network), "-p", str(ECHO_PORT), *tunnel] for network in _merged(nodes, 1)]
    filters += [["-p", str(port), *tunnel] for port in sorted(interest.ports)]
    filters += [["-t", protocol, *tunnel] for protocol in ("ICMP", "ICMPv6")]
    tunnel_ports = _vxlan_ports(interest) - {port} if interest.tunnel.kind == "vxlan" else {GENEVE_PORT}
    filters += [["-t", "UDP", "-p", str(tunnel_port)] for tunnel_port in sorted(tunnel_ports)]
    if len(filters) > _MOST_FILTERS:
        raise ValueError(f"{len(filters)} filters are too many; pktmon takes {_MOST_FILTERS}")
    return filters


def _merged(addresses: Iterable[str], most: int) -> list[Network]:
    """A few networks that hold all of these addresses. Repeatedly joins the two with the smallest common network."""
    networks: list[Network] = sorted(
        (ipaddress.ip_network(address) for address in set(addresses)),
        key=lambda network: (network.version, int(network.network_address)),
    )
    while True:
        common = [
            (joined.max_prefixlen - joined.prefixlen, at, joined)
            for at, (left, right) in enumerate(itertools.pairwise(networks))
            if left.version == right.version and (joined := _joined(left, right))
        ]
        if not common:
            return networks
        size, at, joined = min(common, key=lambda candidate: candidate[:2])
        if size > _SMALL and len(networks) <= most:
            return networks
        networks[at : at + 2] = [joined]


@functools.cache
def _joined(left: Network, right: Network) -> Network:
    """The smallest network that holds both, of which `left` begins first."""
    first, last = int(left.network_address), int(right.broadcast_address)
    length = min(left.prefixlen, left.max_prefixlen - (first ^ last).bit_length())
    return left.supernet(new_prefix=length)
