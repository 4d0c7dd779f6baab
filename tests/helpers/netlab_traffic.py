"""Traffic in the network under test: TCP, UDP and ping exchanges, and the packets that show at a place."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from typing import Any

from netlab_echo import TOKEN


@dataclasses.dataclass(frozen=True)
class Exchange:
    """The result of one exchange; `error` is the class of the exception, or '' when an answer came."""

    error: str = ""
    identity: str = ""
    seen: str = ""
    seen_port: int = 0
    peer: str = ""
    sport: int = 0
    token_kept: bool = True
    packets: dict[str, list[Any]] = dataclasses.field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.error and self.token_kept


def ask(place: Any, target: str, ports: tuple[int, int], proto: str, size: int, timeout: float) -> Exchange:
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with place.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.bind(("", ports[0]))
        client.connect((target, ports[1]))
        client.sendall(TOKEN.ljust(size, b"."))
        answer = json.loads(client.recv(65536))
        sport, peer = client.getsockname()[1], client.getpeername()[0]
    token_kept = answer["token"] == TOKEN.decode()
    return Exchange("", answer["identity"], answer["seen"], answer["port"], peer, sport, token_kept)


def ping(place: Any, target: str, _ports: object, _proto: str, size: int, timeout: float) -> Exchange:
    v6 = ":" in target
    number = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    message = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, os.getpid() & 0xFFFF, 1) + TOKEN.ljust(size, b".")
    if not v6:
        total = sum(struct.unpack(f"!{len(message) // 2}H", message))
        total = (total & 0xFFFF) + (total >> 16)
        message = message[:2] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + message[4:]
    with place.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, number) as channel:
        channel.sendto(message, (target, 0))
        deadline = time.monotonic() + timeout
        while True:
            channel.settimeout(max(0.001, deadline - time.monotonic()))
            data, peer = channel.recvfrom(65536)
            body = data if v6 else data[(data[0] & 15) * 4 :]
            if body[0] == (129 if v6 else 0) and TOKEN in body:
                return Exchange("", "", peer[0], 0, peer[0])
            if body[0] in ((1, 3) if v6 else (3, 11)) and TOKEN[:8] in body:
                return Exchange(error="IcmpError")


def count_answers(namespace: Any, address: str, port: int, *, count: int, timeout: float) -> int:
    """How many of `count` TCP connections that are open at the same time get an answer within `timeout` seconds."""
    sockets = []
    for _ in range(count):
        connection = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        connection.connect_ex((address, port))
        sockets.append(connection)
    deadline, waiting, answered = time.monotonic() + timeout, set(sockets), 0
    for connection in sockets:
        left = max(0.0, deadline - time.monotonic())
        _, writable, _ = select.select([], [connection], [], left)
        with contextlib.suppress(OSError):
            if writable:
                connection.send(TOKEN)
    while waiting and time.monotonic() < deadline:
        readable, _, _ = select.select(list(waiting), [], [], deadline - time.monotonic())
        for connection in readable:
            waiting.discard(connection)
            with contextlib.suppress(OSError):
                answered += bool(connection.recv(4096))
    for connection in sockets:
        connection.close()
    return answered


class Recorder:
    """AF_PACKET sockets at named places: on eth0 of a place, or on a port of the switch (`fabric:PORT`)."""

    def __init__(self, network: Any, namespaces: Mapping[str, Any], places: Iterable[str]) -> None:
        self.packets: dict[str, list[Any]] = {}
        self._sockets = {}
        for place in places:
            namespace, interface = namespaces.get(place), "eth0"
            if place.startswith("fabric:"):
                namespace, interface = network.fabric.netns, place.partition(":")[2]
            channel = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            channel.bind((interface, 3))
            channel.setblocking(False)
            self._sockets[place] = channel

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        from podwire.packets.dissect import decode

        for place, channel in self._sockets.items():
            frames = []
            while select.select([channel], [], [], 0.03)[0]:
                data, _ = channel.recvfrom(65536)
                frames.append(decode(data))
            self.packets[place] = [
                p for p in frames if p.ip.protocol in ("tcp", "udp", "icmp", "icmpv6") and _is_of_a_flow(p)
            ]
            channel.close()


def _is_of_a_flow(packet: Any) -> bool:
    """Neighbour discovery and multicast reports are not part of any flow."""
    return packet.ip.protocol != "icmpv6" or packet.icmp.type < 130
