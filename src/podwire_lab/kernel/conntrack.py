"""Tracked connections of a namespace: list and forget them (ctnetlink; linux, nfnetlink_conntrack.h)."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Collection, Iterator, Mapping

from podwire_lab.kernel.netns import NetworkNamespace

NETFILTER = 12
GET, DELETE = (1 << 8) | 1, (1 << 8) | 2
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
ERROR, DONE = 2, 3
ORIGINAL, REPLY, MARK, MARK_MASK = 1, 2, 8, 21
TUPLE_IP, TUPLE_PROTOCOL = 1, 2
SOURCES, DESTINATIONS = (1, 3), (2, 4)  # of IPv4 and of IPv6
PROTOCOL_NUMBER, DESTINATION_PORT = 1, 3
TYPE = 0x3FFF

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
    marked = struct.pack("!HHI", 8, MARK, mark) + struct.pack("!HHI", 8, MARK_MASK, mark)
    with namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as channel:
        channel.send(_message(GET, REQUEST | DUMP, socket.AF_UNSPEC, marked))
        for family, body in list(_dumped(channel)):
            attributes = dict(_attributes(body))
            original = attributes.get(ORIGINAL, b"")
            address, port = _service(original)
            backends = {*lost.get((address, port), ()), *lost.get((ANYWHERE, port), ())}
            if _ends(attributes.get(REPLY, b""))[0] in backends:
                _delete_one(channel, family, original)


def forget_untranslated(namespace: NetworkNamespace, services: Collection[tuple[str, int]]) -> None:
    """Forget connections over UDP to these addresses and ports of Services whose addresses nobody has translated."""
    with namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as channel:
        channel.send(_message(GET, REQUEST | DUMP, socket.AF_UNSPEC, b""))
        for family, body in list(_dumped(channel)):
            attributes = dict(_attributes(body))
            original = attributes.get(ORIGINAL, b"")
            address, port = _service(original)
            source, destination = _ends(original)
            untranslated = _ends(attributes.get(REPLY, b"")) == (destination, source)
            if (
                untranslated
                and _protocol(original) == socket.IPPROTO_UDP
                and {(address, port), (ANYWHERE, port)} & set(services)
            ):
                _delete_one(channel, family, original)


def _service(original: bytes) -> tuple[str, int]:
    """The destination of a connection as its client knows it."""
    parts = dict(_attributes(original))
    ports = dict(_attributes(parts.get(TUPLE_PROTOCOL, b"")))
    return _address(parts, DESTINATIONS), int.from_bytes(ports.get(DESTINATION_PORT, b"\0\0"), "big")


def _ends(connection: bytes) -> tuple[str, str]:
    """The source and the destination of one direction."""
    parts = dict(_attributes(connection))
    return _address(parts, SOURCES), _address(parts, DESTINATIONS)


def _protocol(original: bytes) -> int:
    fields = dict(_attributes(dict(_attributes(original)).get(TUPLE_PROTOCOL, b"")))
    return int.from_bytes(fields.get(PROTOCOL_NUMBER, b"\0"), "big")


def _address(parts: Mapping[int, bytes], kinds: tuple[int, int]) -> str:
    addresses = dict(_attributes(parts.get(TUPLE_IP, b"")))
    address = next((addresses[kind] for kind in kinds if kind in addresses), b"")
    return str(ipaddress.ip_address(address)) if address else ""


def _delete_one(channel: socket.socket, family: int, original: bytes) -> None:
    _delete(channel, family, struct.pack("=HH", 4 + len(original), ORIGINAL | 0x8000) + original)


def _delete(channel: socket.socket, family: int, body: bytes) -> None:
    channel.send(_message(DELETE, REQUEST | ACK, family, body))
    for kind, answer in _messages(channel.recv(1 << 16)):
        number = -struct.unpack_from("=i", answer)[0] if kind == ERROR else 0
        if number not in (0, errno.ENOENT):  # The connection may have ended by itself.
            raise OSError(number, "the kernel refuses to forget a connection")


def _message(kind: int, flags: int, family: int, body: bytes) -> bytes:
    payload = struct.pack("BBH", family, 0, 0) + body
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, 0, 0) + payload


def _dumped(channel: socket.socket) -> Iterator[tuple[int, bytes]]:
    """The family and the attributes of every connection in a dump."""
    while True:
        for kind, payload in _messages(channel.recv(1 << 16)):
            if kind == DONE:
                return
            if kind == ERROR:
                raise OSError(-struct.unpack_from("=i", payload)[0], "the kernel refuses to list connections")
            yield payload[0], payload[4:]


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        yield kind, data[at + 16 : at + length]
        at += (length + 3) & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind & TYPE, data[at + 4 : at + length]
        at += (length + 3) & ~3
