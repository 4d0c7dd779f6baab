"""The lab's DNS servers: real messages over UDP and TCP in a namespace; questions for others go on over the network."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from podwire.lab.dns_records import TTL, Answer, Records, Zone, cluster_zone
from podwire.lab.interfaces import Namespace, Object

_LOG = logging.getLogger(__name__)
PLAIN_UDP = 512
FORWARD_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Damage:
    """What a fault makes of an answer: nothing at all, an error code, other addresses, or UDP that is cut off."""

    kind: Literal["drop", "rcode", "address", "truncate"]
    rcode: str = "SERVFAIL"
    address: str = ""


Fault = Callable[[str, str, str], Damage | None]


class DnsServer:
    """One server. `records` may be replaced at any time; `fault` is asked `(name, type, client)` for every question."""

    def __init__(self, records: Records | None = None, forward_to: tuple[str, int] | None = None) -> None:
        self.records: Records = records or Zone(zone="cluster.local")
        self.fault: Fault = lambda name, kind, client: None
        self._forward_to = forward_to
        self._namespace: Namespace | None = None
        self._transports: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._cache: dict[tuple[bytes, bool], bytes] = {}

    def set_records(self, services: list[Object], slices: list[Object], pods: list[Object]) -> None:
        """Know the names of these API objects from now on."""
        self.records = cluster_zone(services, slices)
        self._cache.clear()

    async def serve(self, namespace: Namespace, addresses: Sequence[str], port: int = 53) -> None:
        """Listen inside the namespace on these addresses."""
        self._namespace = namespace
        loop = asyncio.get_running_loop()
        for address in addresses:
            datagrams = _bound(namespace, address, port, socket.SOCK_DGRAM)
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=datagrams)
            self._transports.append(transport)
            stream = _bound(namespace, address, port, socket.SOCK_STREAM)
            self._servers.append(await asyncio.start_server(self._connection, sock=stream))

    def close(self) -> None:
        for transport in self._transports:
            transport.close()
        for server in self._servers:
            server.close()

    def received(self, data: bytes, client: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        """One question by UDP."""
        task = asyncio.get_running_loop().create_task(self._by_datagram(data, client, transport))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _by_datagram(self, data: bytes, client: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        answer = await self._answer(data, client[0], udp=True)
        if answer is not None and not transport.is_closing():
            transport.sendto(answer, client)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = writer.get_extra_info("peername")[0]
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                answer = await self._answer(await reader.readexactly(length), client, udp=False)
                if answer is None:
                    break
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client is done.
        finally:
            writer.close()

    async def _answer(self, data: bytes, client: str, *, udp: bool) -> bytes | None:
        try:
            query = dns.message.from_wire(data)
        except (dns.exception.DNSException, ValueError):
            return None
        if not query.question:
            return None
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        damage = self.fault(name, kind, client)
        if damage is not None and damage.kind == "drop":
            return None
        if damage is None and (known := self._cache.get((data[2:], udp))) is not None:
            return data[:2] + known
        response = dns.message.make_response(query, recursion_available=True)
        said = self.records.answer(name, kind)
        if damage is not None and damage.kind == "rcode":
            response.set_rcode(dns.rcode.from_text(damage.rcode))
            return response.to_wire()
        if damage is not None and damage.kind == "address" and kind == ("AAAA" if ":" in damage.address else "A"):
            said = Answer(records=((name, kind, damage.address),))
        if said.elsewhere is not None:
            await self._ask_elsewhere(said.elsewhere, kind, response)
        else:
            response.flags |= dns.flags.AA
            if not said.exists:
                response.set_rcode(dns.rcode.NXDOMAIN)
            if not said.records:
                response.authority.append(self._soa())
        response.answer[:0] = _rrsets(said.records)
        size = max(query.payload, PLAIN_UDP) if udp else 65535
        cut = damage is not None and damage.kind == "truncate" and udp
        wire = response.to_wire(max_size=65535)
        if cut or len(wire) > size:
            short = dns.message.make_response(query, recursion_available=True)
            short.flags |= dns.flags.TC | dns.flags.AA
            return short.to_wire()
        if damage is None and said.elsewhere is None:
            self._cache[data[2:], udp] = wire[2:]
        return wire

    def _soa(self) -> dns.rrset.RRset:
        zone = self.records.zone
        below = f".{zone}." if zone else "."
        data = f"ns.dns{below} hostmaster{below} 1 7200 1800 86400 {TTL}"
        return dns.rrset.from_text(f"{zone}.", TTL, "IN", "SOA", data)

    async def _ask_elsewhere(self, name: str, kind: str, response: dns.message.Message) -> None:
        """Add what the upstream server says; without one, or without its word, this is a server failure."""
        if self._forward_to is None or self._namespace is None:
            response.set_rcode(dns.rcode.REFUSED)
            return
        query = dns.message.make_query(name, kind)
        try:
            upstream = await asyncio.wait_for(
                exchange(self._namespace, query.to_wire(), self._forward_to), FORWARD_SECONDS
            )
            said = dns.message.from_wire(upstream)
        except (TimeoutError, OSError, dns.exception.DNSException):
            response.set_rcode(dns.rcode.SERVFAIL)
            return
        response.set_rcode(said.rcode())
        response.answer += said.answer
        response.authority += said.authority


def _rrsets(records: Iterable[tuple[str, str, str]]) -> list[dns.rrset.RRset]:
    grouped: dict[tuple[str, str], list[str]] = {}
    for owner, kind, data in records:
        grouped.setdefault((owner, kind), []).append(data)
    return [dns.rrset.from_text(f"{owner}.", TTL, "IN", kind, *data) for (owner, kind), data in grouped.items()]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.received(data, addr, self._transport)

    def error_received(self, exc: Exception) -> None:
        _LOG.debug("a client does not take its answer: %s", exc)


def _bound(namespace: Namespace, address: str, port: int, kind: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with namespace.entered():
        sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    sock.bind((address, port))
    return sock


async def exchange(namespace: Namespace, query: bytes, server: tuple[str, int]) -> bytes:
    """Send a DNS message from inside the namespace over UDP, and again over TCP when the answer was cut off."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with namespace.entered():
        sock = socket.socket(family, socket.SOCK_DGRAM)
    with sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, server)
        await loop.sock_sendall(sock, query)
        while True:
            answer = await loop.sock_recv(sock, 65535)
            if answer[:2] == query[:2]:
                break
    if len(answer) < 4 or not answer[2] & 0x02:
        return answer
    with namespace.entered():
        stream = socket.socket(family, socket.SOCK_STREAM)
    stream.setblocking(False)
    await loop.sock_connect(stream, server)
    reader, writer = await asyncio.open_connection(sock=stream)
    try:
        writer.write(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        return await reader.readexactly(length)
    finally:
        writer.close()
