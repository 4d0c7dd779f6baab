"""Links, addresses, routes and neighbours by direct netlink messages.

The lab chooses interface indices itself, so it reads nothing back and sends hundreds of messages in one `send`. Only
the last one asks for an acknowledgement; each error comes back with the kernel's own words.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

from podwire_lab.kernel.netns import NetworkNamespace

SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_ACK_TLVS = 0x1, 0x4, 0x300, 0x200
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NEW, REPLACE = NLM_F_CREATE | NLM_F_EXCL, NLM_F_CREATE | NLM_F_REPLACE

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNEIGH = 20, 21, 24, 25, 28

AF_BRIDGE = 7
IFF_UP = 1
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_PROTINFO = 1, 3, 4, 10, 12
IFLA_OPERSTATE, IFLA_LINKINFO, IFLA_NET_NS_FD = 16, 18, 28
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3FFF
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_DATA = 1, 2, 5
IFLA_BR_FORWARD_DELAY, IFLA_BR_STP_STATE, IFLA_BR_MCAST_SNOOPING = 1, 5, 23
IFLA_BRPORT_STATE, IFLA_BRPORT_MODE = 1, 4
IFLA_VXLAN_ID, IFLA_VXLAN_LINK, IFLA_VXLAN_LOCAL = 1, 3, 4
IFLA_VXLAN_LEARNING, IFLA_VXLAN_PORT, IFLA_VXLAN_UDP_CSUM = 7, 15, 18
OPERSTATE_UNKNOWN, OPERSTATE_UP, PORT_FORWARDING = 0, 6, 3

IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_F_NODAD = 1, 2, 4, 2
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_METRICS, RTA_MULTIPATH, RTAX_MTU = 1, 4, 5, 8, 9, 2
RT_TABLE_MAIN, RTPROT_STATIC, RTN_UNICAST, RTNH_F_ONLINK = 254, 4, 1, 4
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK = 0, 253
NDA_DST, NDA_LLADDR, NDA_IFINDEX, NUD_NOARP, NUD_PERMANENT, NTF_SELF, NTF_MASTER = 1, 2, 8, 0x40, 0x80, 2, 4

FIRST_INDEX = 100  # above the fallback tunnel devices that some kernels put into every new namespace
MESSAGES_PER_SEND = 400


class RtnetlinkError(OSError):
    """The kernel refused a request; the text says which one, in which namespace, and why."""


class NotReady(Exception):
    """A link did not come up in time."""


@dataclass(frozen=True)
class LinkState:
    """The state of a link; `port_state` is None for a link outside a bridge."""

    name: str
    operational: int
    port_state: int | None

    @property
    def ready(self) -> bool:
        """Whether frames pass. A bridge port silently drops everything until it is forwarding."""
        return self.operational in (OPERSTATE_UP, OPERSTATE_UNKNOWN) and self.port_state in (None, PORT_FORWARDING)


def attribute(kind: int, payload: bytes) -> bytes:
    """One netlink attribute, padded to four bytes."""
    length = 4 + len(payload)
    return struct.pack("HH", length, kind) + payload + b"\0" * (-length % 4)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in a range of bytes: `(kind, payload)`."""
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("HH", data, offset)
        if length < 4:
            return
        yield kind & NLA_TYPE_MASK, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def _number(value: int) -> bytes:
    return struct.pack("I", value)


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def _mac(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


def _family(version: int) -> int:
    return socket.AF_INET6 if version == 6 else socket.AF_INET


def _link(index: int, *, flags: int = 0, change: int = 0, family: int = 0) -> bytes:
    return struct.pack("BxHiII", family, 0, index, flags, change)


class Rtnetlink:
    """Requests for one namespace: methods queue, `commit` sends. `index` maps the names of interfaces made here."""

    def __init__(self, namespace: NetworkNamespace) -> None:
        self.namespace = namespace
        self.index: dict[str, int] = {"lo": 1}
        self._next_index = FIRST_INDEX
        self._sequence = 0
        self._queue: list[bytes] = []
        self._words: dict[int, str] = {}
        self._socket = namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((0, 0))

    # Links

    def veth(self, name: str, mac: str, peer: Rtnetlink, peer_name: str, peer_mac: str, *, mtu: int) -> None:
        """A cable to another namespace. It is made at once, because both ends are used right after."""
        far = _link(peer._allocate(peer_name)) + attribute(IFLA_IFNAME, _text(peer_name))
        far += attribute(IFLA_ADDRESS, _mac(peer_mac)) + attribute(IFLA_MTU, _number(mtu))
        far += attribute(IFLA_NET_NS_FD, _number(peer.namespace.fd))
        self._new_link(name, "veth", attribute(1, far), mac=mac, mtu=mtu)
        self.commit()

    def bridge(self, name: str, mac: str, *, mtu: int = 1500) -> None:
        """A learning switch without spanning tree and multicast snooping. A MAC that is set by hand stays."""
        data = attribute(IFLA_BR_FORWARD_DELAY, _number(0)) + attribute(IFLA_BR_STP_STATE, _number(0))
        data += attribute(IFLA_BR_MCAST_SNOOPING, b"\0")
        self._new_link(name, "bridge", data, mac=mac, mtu=mtu)

    def vxlan(self, name: str, mac: str, *, vni: int, local: str, device: str, port: int, mtu: int) -> None:
        """A VXLAN tunnel endpoint (RFC 7348) that does not learn; `tunnel_peer` adds its peers."""
        data = attribute(IFLA_VXLAN_ID, _number(vni)) + attribute(IFLA_VXLAN_LINK, _number(self.index[device]))
        data += attribute(IFLA_VXLAN_LOCAL, ipaddress.ip_address(local).packed)
        data += attribute(IFLA_VXLAN_PORT, struct.pack("!H", port))
        data += attribute(IFLA_VXLAN_LEARNING, b"\0") + attribute(IFLA_VXLAN_UDP_CSUM, b"\0")
        self._new_link(name, "vxlan", data, mac=mac, mtu=mtu)

    def up(self, *names: str) -> None:
        for name in names:
            self._add(RTM_NEWLINK, 0, _link(self.index[name], flags=IFF_UP, change=IFF_UP), f"set {name} up")

    def down(self, name: str) -> None:
        """Set a link down. The kernel then forgets its routes, its neighbours and its IPv6 addresses."""
        self._add(RTM_NEWLINK, 0, _link(self.index[name], change=IFF_UP), f"set {name} down")

    def mac(self, name: str, mac: str) -> None:
        """Change the MAC of a link. The kernel then forgets its neighbours, permanent ones too."""
        self._add(RTM_NEWLINK, 0, _link(self.index[name]) + attribute(IFLA_ADDRESS, _mac(mac)), f"MAC of {name}")

    def bridge_port(self, name: str, bridge: str, *, hairpin: bool = False) -> None:
        """Put a link into a bridge. `hairpin` lets a frame leave by the port that it arrived on."""
        index = self.index[name]
        master = attribute(IFLA_MASTER, _number(self.index[bridge]))
        self._add(RTM_NEWLINK, 0, _link(index) + master, f"put {name} into {bridge}")
        if hairpin:
            options = attribute(IFLA_PROTINFO | NLA_F_NESTED, attribute(IFLA_BRPORT_MODE, b"\1"))
            self._add(RTM_SETLINK, 0, _link(index, family=AF_BRIDGE) + options, f"hairpin mode of {name}")

    def delete_link(self, name: str) -> None:
        self._add(RTM_DELLINK, 0, _link(self.index.pop(name)), f"delete {name}")

    # Addresses, routes, neighbours

    def address(self, name: str, address: str, *, delete: bool = False) -> None:
        """Give an interface an address with its prefix length, `10.0.0.1/24`; IPv6 without duplicate detection."""
        interface = ipaddress.ip_interface(address)
        flags = IFA_F_NODAD if interface.version == 6 else 0
        header = (_family(interface.version), interface.network.prefixlen, flags, RT_SCOPE_UNIVERSE, self.index[name])
        body = struct.pack("BBBBI", *header)
        body += attribute(IFA_LOCAL, interface.packed) + attribute(IFA_ADDRESS, interface.packed)
        if interface.version == 4 and interface.network.prefixlen < 31:
            body += attribute(IFA_BROADCAST, interface.network.broadcast_address.packed)
        verb = "remove" if delete else "add"
        self._add(RTM_DELADDR if delete else RTM_NEWADDR, 0 if delete else NEW, body, f"{verb} {address} on {name}")

    def route(self, destination: str, device: str, *via: str, mtu: int = 0, delete: bool = False) -> None:
        """A static route; `destination` is a network or `0.0.0.0/0`. Next hops may be outside the connected networks.

        Of several next hops the kernel chooses one for each flow. `mtu`, in bytes, is that of the way; 0: the device's.
        """
        network = ipaddress.ip_network(destination)
        scope = RT_SCOPE_UNIVERSE if via or network.version == 6 else RT_SCOPE_LINK
        flags = RTNH_F_ONLINK if via else 0
        header = (_family(network.version), network.prefixlen, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, scope, RTN_UNICAST)
        body = struct.pack("BBBBBBBBI", *header, flags) + attribute(RTA_DST, network.network_address.packed)
        hops = [attribute(RTA_GATEWAY, ipaddress.ip_address(hop).packed) for hop in via]
        if len(hops) > 1:
            lists = [struct.pack("HBBi", 8 + len(hop), flags, 0, self.index[device]) + hop for hop in hops]
            body += attribute(RTA_MULTIPATH, b"".join(lists))
        else:
            body += attribute(RTA_OIF, _number(self.index[device])) + b"".join(hops)
        if mtu:
            body += attribute(RTA_METRICS, attribute(RTAX_MTU, _number(mtu)))
        verb = "delete" if delete else "set"
        words = f"{verb} route {destination} by {' and '.join(via) or device}"
        self._add(RTM_DELROUTE if delete else RTM_NEWROUTE, 0 if delete else REPLACE, body, words)

    def neighbour(self, device: str, address: str, mac: str) -> None:
        """A permanent neighbour entry: the kernel sends no ARP or ND request for it."""
        target = ipaddress.ip_address(address)
        body = self._neighbour(_family(target.version), device, NUD_PERMANENT, 0)
        body += attribute(NDA_DST, target.packed) + attribute(NDA_LLADDR, _mac(mac))
        self._add(RTM_NEWNEIGH, REPLACE, body, f"neighbour {address} on {device}")

    def station(self, port: str, mac: str) -> None:
        """Tell a bridge the port of a MAC, so that it never floods a frame for it."""
        body = self._neighbour(AF_BRIDGE, port, NUD_NOARP, NTF_MASTER) + attribute(NDA_LLADDR, _mac(mac))
        self._add(RTM_NEWNEIGH, REPLACE, body, f"station {mac} on {port}")

    def tunnel_peer(self, vxlan: str, mac: str, endpoint: str, device: str = "") -> None:
        """Tell a VXLAN device the tunnel endpoint for a MAC, and the device to send from if routes do not say."""
        body = self._neighbour(AF_BRIDGE, vxlan, NUD_PERMANENT, NTF_SELF)
        body += attribute(NDA_LLADDR, _mac(mac)) + attribute(NDA_DST, ipaddress.ip_address(endpoint).packed)
        body += attribute(NDA_IFINDEX, _number(self.index[device])) if device else b""
        self._add(RTM_NEWNEIGH, REPLACE, body, f"tunnel peer {endpoint} on {vxlan}")

    def _neighbour(self, family: int, device: str, state: int, flags: int) -> bytes:
        return struct.pack("BxxxiHBB", family, self.index[device], state, flags, 0)

    def _allocate(self, name: str) -> int:
        self.index[name] = self._next_index
        self._next_index += 1
        return self.index[name]

    def _new_link(self, name: str, kind: str, data: bytes, *, mac: str, mtu: int) -> None:
        info = attribute(IFLA_INFO_KIND, _text(kind)) + attribute(IFLA_INFO_DATA, data)
        body = _link(self._allocate(name)) + attribute(IFLA_IFNAME, _text(name)) + attribute(IFLA_ADDRESS, _mac(mac))
        body += attribute(IFLA_MTU, _number(mtu)) + attribute(IFLA_LINKINFO, info)
        self._add(RTM_NEWLINK, NEW, body, f"add {kind} {name}")

    # The conversation

    def _add(self, kind: int, flags: int, body: bytes, words: str) -> None:
        self._sequence += 1
        self._words[self._sequence] = words
        self._queue.append(struct.pack("IHHII", 16 + len(body), kind, flags | NLM_F_REQUEST, self._sequence, 0) + body)

    def commit(self) -> None:
        """Send the queued requests and wait for the kernel's answer.

        Raises:
            RtnetlinkError: the first few refusals, in words; the other requests took effect.
        """
        queue, self._queue = self._queue, []
        for start in range(0, len(queue), MESSAGES_PER_SEND):
            batch = queue[start : start + MESSAGES_PER_SEND]
            last = bytearray(batch[-1])
            struct.pack_into("H", last, 6, struct.unpack_from("H", last, 6)[0] | NLM_F_ACK)
            self._socket.send(b"".join(batch[:-1]) + last)
            self._await_acknowledgement(struct.unpack_from("I", last, 8)[0])
        self._words.clear()

    def _await_acknowledgement(self, last: int) -> None:
        refusals: list[tuple[int, str]] = []
        done = False
        while not done:
            for kind, flags, sequence, body in self._receive():
                if kind != NLMSG_ERROR:
                    continue
                number = -struct.unpack_from("i", body)[0]
                if number:
                    reason = (
                        next((v for k, v in attributes(body[20:]) if k == 1), b"") if flags & NLM_F_ACK_TLVS else b""
                    )
                    words = reason.rstrip(b"\0").decode(errors="replace") or os.strerror(number)
                    refusals.append((number, f"{self._words.get(sequence, 'request')}: {words}"))
                done = done or sequence >= last
        if refusals:
            texts = "; ".join(text for _, text in refusals[:5])
            raise RtnetlinkError(refusals[0][0], f"namespace {self.namespace.name}: {texts}")

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        data = self._socket.recv(1 << 17)
        offset = 0
        while offset + 16 <= len(data):
            length, kind, flags, sequence, _ = struct.unpack_from("IHHII", data, offset)
            yield kind, flags, sequence, data[offset + 16 : offset + length]
            offset += (length + 3) & ~3

    def link_states(self) -> list[LinkState]:
        """Every link of the namespace but the loopback."""
        self._sequence += 1
        self._socket.send(
            struct.pack("IHHII", 32, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, self._sequence, 0) + _link(0)
        )
        states: list[LinkState] = []
        while True:
            for kind, _, _, body in self._receive():
                if kind == NLMSG_DONE:
                    return states
                if kind == RTM_NEWLINK and struct.unpack_from("i", body, 4)[0] >= FIRST_INDEX:
                    states.append(_link_state(body))

    def close(self) -> None:
        self._socket.close()


def _link_state(body: bytes) -> LinkState:
    fields = dict(attributes(body[16:]))
    port = dict(attributes(dict(attributes(fields.get(IFLA_LINKINFO, b""))).get(IFLA_INFO_SLAVE_DATA, b"")))
    state = port.get(IFLA_BRPORT_STATE)
    name = fields[IFLA_IFNAME].rstrip(b"\0").decode()
    return LinkState(name, fields[IFLA_OPERSTATE][0], state[0] if state else None)


def wait_ready(
    *namespaces: Rtnetlink,
    only: frozenset[str] | None = None,
    without: frozenset[str] = frozenset(),
    timeout: float = 5.0,
) -> None:
    """Return when the links pass frames; the kernel brings bridge ports up in the background.

    Waits for every link, or for those in `only`, and never for those in `without`.

    Raises:
        NotReady: no further link came up for `timeout` seconds; the text names one that is down.
    """
    for links in namespaces:
        deadline, least = time.monotonic() + timeout, 0
        while True:
            waiting = [s for s in links.link_states() if not s.ready and s.name not in without]
            if only is not None:
                waiting = [s for s in waiting if s.name in only]
            if not waiting:
                break
            if not least or len(waiting) < least:
                deadline, least = time.monotonic() + timeout, len(waiting)
            if time.monotonic() > deadline:
                raise NotReady(f"{waiting[0].name} in namespace {links.namespace.name} is still down after {timeout} s")
            time.sleep(0.0005)
