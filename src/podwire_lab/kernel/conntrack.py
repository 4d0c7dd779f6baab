"""Tracked connections of a namespace: list and forget them (ctnetlink; linux, nfnetlink_conntrack.h)."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from podwire_lab.kernel.netns import NetworkNamespace

NETFILTER = 12
GET, DELETE = (1 << 8) | 1, (1 << 8) | 2
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
ERROR, DONE = 2, 3
ORIGINAL, REPLY, MARK, MARK_MASK = 1, 2, 8, 21
TYPE = 0x3FFF
_LAYOUTS = {52: struct.Struct("=12x4s4x4s8xB15x2s"), 76: struct.Struct("=12x16s4x16s8xB15x2s")}
"""Source, destination, protocol and destination port of one direction over IPv4 and over IPv6, by its length."""
_NONE: Collection[bytes] = frozenset()

ANYWHERE = ""
Backends = Mapping[tuple[str, int], Collection[str]]
"""The addresses of backends, by the address and port that lead to them; `ANYWHERE` is any address (of a node port)."""


def forget_all(namespace: NetworkNamespace) -> None:
    """Forget every connection."""
    with namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as channel:
        _delete(channel, socket.AF_UNSPEC, b"")


def forget_backends(namespace: NetworkNamespace, lost: Backends, mark: int) -> None:
    """Forget connections to these backends through these Services, if they have the bits of `mark`.

    All others continue: a request under way must not lose the translation of its answer.
    """
    backends = {_packed(address, port): {_bytes(backend) for backend in lost[address, port]} for address, port in lost}
    with namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as channel:
        for connection in _connections(channel, marked(mark)):
            through = backends.get((connection.destination, connection.port), _NONE)
            if connection.answers_from in through or connection.answers_from in backends.get(
                (b"", connection.port), _NONE
            ):
                _delete_one(channel, connection)


def marked(mark: int) -> bytes:
    """The attributes that let the kernel list only connections with these bits. It passes over attributes that it
    cannot read, so a mistake here would list all connections."""
    return b"".join(struct.pack("=HH", 8, kind) + mark.to_bytes(4, "big") for kind in (MARK, MARK_MASK))


def forget_untranslated(namespace: NetworkNamespace, services: Collection[tuple[str, int]]) -> None:
    """Forget connections over UDP to these addresses and ports of Services whose addresses nobody has translated."""
    wanted = {_packed(address, port) for address, port in services}
    with namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as channel:
        for connection in _connections(channel, b""):
            if (
                connection.protocol == socket.IPPROTO_UDP
                and connection.untranslated
                and ((connection.destination, connection.port) in wanted or (b"", connection.port) in wanted)
            ):
                _delete_one(channel, connection)


class _Connection(NamedTuple):
    """A connection with ports, in the bytes of the kernel."""

    source: bytes
    destination: bytes
    protocol: int
    port: bytes
    """The destination port, as the client knows it."""
    answers_from: bytes
    answers_to: bytes
    original: bytes
    """The attribute of the original direction, which names the connection."""

    @property
    def untranslated(self) -> bool:
        return (self.answers_from, self.answers_to) == (self.destination, self.source)


def _connections(channel: socket.socket, filters: bytes) -> list[_Connection]:
    """The connections that pass these filters of the kernel and have ports; those of ICMP go to no Service.

    A node has thousands. So the two directions, which stand first, are read at fixed places (linux,
    nf_conntrack_netlink.c, ctnetlink_dump_tuples: addresses, protocol, ports; each attribute is padded to 4 bytes).
    """
    channel.send(_message(GET, REQUEST | DUMP, socket.AF_UNSPEC, filters))
    connections = []
    for body in _dumped(channel):
        length, kind = struct.unpack_from("=HH", body)
        layout = _LAYOUTS.get(length)
        if layout is None or kind & TYPE != ORIGINAL:
            continue
        source, destination, protocol, port = layout.unpack_from(body)
        length_back, kind_back = struct.unpack_from("=HH", body, length)
        if kind_back & TYPE != REPLY or length_back != length:
            continue
        answers_from, answers_to, _, _ = layout.unpack_from(body, length)
        connections.append(_Connection(source, destination, protocol, port, answers_from, answers_to, body[:length]))
    return connections


def _packed(address: str, port: int) -> tuple[bytes, bytes]:
    """An address, which may be `ANYWHERE`, and a port as the kernel writes them."""
    return _bytes(address), port.to_bytes(2, "big")


def _bytes(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address) if address else b""


def _delete_one(channel: socket.socket, connection: _Connection) -> None:
    family = socket.AF_INET if len(connection.source) == len(_bytes("0.0.0.0")) else socket.AF_INET6
    _delete(channel, family, connection.original)


def _delete(channel: socket.socket, family: int, body: bytes) -> None:
    channel.send(_message(DELETE, REQUEST | ACK, family, body))
    for kind, answer in _messages(channel.recv(1 << 16)):
        number = -struct.unpack_from("=i", answer)[0] if kind == ERROR else 0
        if number not in (0, errno.ENOENT):  # The connection may have ended by itself.
            raise OSError(number, "the kernel refuses to forget a connection")


def _message(kind: int, flags: int, family: int, body: bytes) -> bytes:
    payload = struct.pack("BBH", family, 0, 0) + body
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, 0, 0) + payload


def _dumped(channel: socket.socket) -> Iterator[bytes]:
    """The attributes of every connection in a dump."""
    while True:
        for kind, payload in _messages(channel.recv(1 << 16)):
            if kind == DONE:
                return
            if kind == ERROR:
                raise OSError(-struct.unpack_from("=i", payload)[0], "the kernel refuses to list connections")
            yield payload[4:]


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        yield kind, data[at + 16 : at + length]
        at += (length + 3) & ~3
