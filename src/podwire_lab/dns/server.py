"""The lab's DNS servers: real messages over UDP and TCP in a namespace; questions for others go on over the network."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from podwire_lab.dns.records import TTL, Answer, Record, Records, Zone, cluster_zone
from podwire_lab.model.interfaces import Namespace, Object

_LOG = logging.getLogger(__name__)
PLAIN_UDP = 512
FORWARD_SECONDS = 2.0
KNOWN_ANSWERS = 4096
EDNS_UDP = 1232
RECEIVE_BUFFER = 4 << 20  # Bytes: some thousand questions, where the kernel's own choice is about 250.
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; the module socket has no name for it.


@dataclass(frozen=True, kw_only=True)
class Damage:
    """What a fault makes of an answer: nothing at all, an error code, other addresses, other records, UDP that is cut
    off, no such name for one that is asked with capitals, the question in lower case, or no OPT record."""

    kind: Literal["drop", "rcode", "address", "records", "truncate", "capitals-unknown", "lower-case", "no-edns"]
    rcode: str = "SERVFAIL"
    address: str = ""
    records: Callable[[Sequence[Record]], Sequence[Record]] = tuple
    """What is said in the place of the records that there are."""


Fault = Callable[[str, str, str], Damage | None]


class _Knowledge:
    """Records, and the answers put together from them: name, type and message without its id, by the question."""

    def __init__(self, make: Callable[[], Records]) -> None:
        self._make = make
        self.answers: dict[tuple[bytes, bool], tuple[str, str, bytes]] = {}

    @functools.cached_property
    def records(self) -> Records:
        return self._make()


class DnsServer:
    """One server. `records` may be replaced at any time; `fault` is asked `(name, type, client)` for every question.

    An answer is put together once and kept, with the bytes of its question (but the id) as the key: building messages
    is what costs time here.

    With `hosts` it reaches no other server, as in a cluster without a way to the outside: names of other zones are
    those of this file (CoreDNS' plugin hosts), and all others are a failure (its plugin forward).

    It may serve on another thread's loop than the one that replaces its records: records and the answers known from
    them are one value, so that an answer from old records is never kept among those of the new ones.
    """

    def __init__(
        self, records: Records | None = None, forward_to: tuple[str, int] | None = None, hosts: Zone | None = None
    ) -> None:
        known = records or Zone(zone="cluster.local")
        self._now = _Knowledge(lambda: known)
        self.fault: Fault = lambda name, kind, client: None
        self._forward_to, self._hosts = forward_to, hosts
        self._namespace: Namespace | None = None
        self._transports: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def records(self) -> Records:
        return self._now.records

    @records.setter
    def records(self, records: Records) -> None:
        self._now = _Knowledge(lambda: records)

    def set_records(self, services: Sequence[Object], slices: Sequence[Object]) -> None:
        """Know the names of these API objects from now on. The first question puts the zone together, for most
        changes come in rows that nobody asks between."""
        self._now = _Knowledge(lambda: cluster_zone(services, slices))

    async def serve(self, namespace: Namespace, addresses: Sequence[str], port: int = 53) -> None:
        """Listen inside the namespace on these addresses."""
        self._namespace = namespace
        loop = asyncio.get_running_loop()
        for address in addresses:
            datagrams = bound(namespace, address, port, socket.SOCK_DGRAM)
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=datagrams)
            self._transports.append(transport)
            stream = bound(namespace, address, port, socket.SOCK_STREAM)
            self._servers.append(await asyncio.start_server(self._connection, sock=stream))

    def close(self) -> None:
        for transport in self._transports:
            transport.close()
        for server in self._servers:
            server.close()

    def received(self, data: bytes, client: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        """One question by UDP; an answer that is known goes back at once."""
        known_answer = self._known_answer(data, client[0], udp=True)
        if known_answer is not None:
            transport.sendto(known_answer, client)
            return
        task = asyncio.get_running_loop().create_task(self._by_datagram(data, client, transport))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _by_datagram(self, data: bytes, client: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        answer = await self._answer(data, client[0], udp=True)
        if answer is not None and not transport.is_closing():
            transport.sendto(answer, client)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = writer.get_extra_info("peername")[0]
        await converse(reader, writer, lambda question: self._answer(question, client, udp=False))

    async def _answer(self, data: bytes, client: str, *, udp: bool) -> bytes | None:
        known_answer = self._known_answer(data, client, udp=udp)
        if known_answer is not None:
            return known_answer
        now = self._now
        query = parsed(data)
        if query is None:
            return None
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        damage = self.fault(name, kind, client)
        if damage is not None and damage.kind == "drop":
            return None
        response = dns.message.make_response(query, recursion_available=True)
        answer = now.records.answer(name, kind)
        if damage is not None:
            answer = _damaged(answer, damage, response)
        if damage is not None and damage.kind == "rcode":
            response.set_rcode(dns.rcode.from_text(damage.rcode))
            return response.to_wire()
        if answer.elsewhere is not None:
            await self._ask_elsewhere(answer.elsewhere, kind, response)
        else:
            response.flags |= dns.flags.AA
            if not answer.exists:
                response.set_rcode(dns.rcode.NXDOMAIN)
            if not answer.records:
                response.authority.append(_soa(now.records.zone))
        response.answer[:0] = _rrsets(answer.records)
        size = max(query.payload, PLAIN_UDP) if udp else 65535
        cut = damage is not None and damage.kind == "truncate" and udp
        wire = response.to_wire(max_size=65535)
        if cut or len(wire) > size:
            short = dns.message.make_response(query, recursion_available=True)
            short.flags |= dns.flags.TC | response.flags & dns.flags.AA
            return short.to_wire()
        # CoreDNS as kubeadm configures it has the plugin cache: what another server said is asked of it once.
        if damage is None and (answer.elsewhere is None or response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)):
            if len(now.answers) >= KNOWN_ANSWERS:
                now.answers.clear()
            now.answers[data[2:], udp] = (name, kind, wire[2:])
        return wire

    def _known_answer(self, data: bytes, client: str, *, udp: bool) -> bytes | None:
        stored = self._now.answers.get((data[2:], udp))
        if stored is None or self.fault(stored[0], stored[1], client) is not None:
            return None
        return data[:2] + stored[2]

    async def _ask_elsewhere(self, name: str, kind: str, response: dns.message.Message) -> None:
        """Add what the hosts file or the upstream server says; without a word of either this is a server failure."""
        if self._hosts is not None:
            answer = self._hosts.answer(name, kind)
            if not answer.exists:
                response.set_rcode(dns.rcode.SERVFAIL)
            response.answer += _rrsets(answer.records)
            return
        if self._forward_to is None or self._namespace is None:
            response.set_rcode(dns.rcode.REFUSED)
            return
        query = dns.message.make_query(name, kind, use_edns=0, payload=EDNS_UDP)
        try:
            upstream = await asyncio.wait_for(
                exchange(self._namespace, query.to_wire(), self._forward_to), FORWARD_SECONDS
            )
            heard = dns.message.from_wire(upstream)
        except (TimeoutError, OSError, dns.exception.DNSException):
            response.set_rcode(dns.rcode.SERVFAIL)
            return
        response.set_rcode(heard.rcode())
        response.answer += heard.answer
        response.authority += heard.authority


def _damaged(answer: Answer, damage: Damage, response: dns.message.Message) -> Answer:
    """What is said instead; an answer that is damaged in another way than by what it says is changed itself."""
    question = response.question[0]
    name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
    if damage.kind == "address" and kind == ("AAAA" if ":" in damage.address else "A"):
        return Answer(records=((name.lower(), kind, damage.address),))
    if damage.kind == "records":
        return replace(answer, records=tuple(damage.records(answer.records)))
    if damage.kind == "capitals-unknown" and name != name.lower():
        return Answer(exists=False)
    if damage.kind == "lower-case":
        lower = dns.name.from_text(name.lower())
        response.question = [dns.rrset.RRset(lower, question.rdclass, question.rdtype)]
    elif damage.kind == "no-edns":
        response.use_edns(-1)
    return answer


@functools.cache
def _soa(zone: str) -> dns.rrset.RRset:
    """What the answer "no" carries, and how long it may be remembered (RFC 2308)."""
    below = f".{zone}." if zone else "."
    data = f"ns.dns{below} hostmaster{below} 1 7200 1800 86400 {TTL}"
    return dns.rrset.from_text(f"{zone}.", TTL, "IN", "SOA", data)


def _rrsets(records: Iterable[Record]) -> list[dns.rrset.RRset]:
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


def bound(namespace: Namespace, address: str, port: int, kind: int) -> socket.socket:
    """A socket of the namespace that is bound and does not block."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with namespace.entered():
        sock = socket.socket(family, kind)
    if kind == socket.SOCK_DGRAM:
        _make_room(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    sock.bind((address, port))
    return sock


def _make_room(sock: socket.socket) -> None:
    """A full buffer loses questions, and a C library asks again only after five seconds (resolv.conf(5))."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except PermissionError:  # Without root only up to net.core.rmem_max (socket(7)).
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def parsed(data: bytes) -> dns.message.Message | None:
    """A question that can be answered; None for what is no message, asks nothing, or is an answer itself."""
    try:
        query = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError):
        return None
    return query if query.question and not query.flags & dns.flags.QR else None


async def converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Callable[[bytes], Awaitable[bytes | None]]
) -> None:
    """Serve one TCP connection (RFC 7766): question after question, until the client ends it or one has no answer."""
    try:
        while True:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            reply = await answer(await reader.readexactly(length))
            if reply is None:
                break
            writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # The client is done.
    finally:
        writer.close()


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
    return await exchange_by_tcp(namespace, query, server)


async def exchange_by_tcp(namespace: Namespace, query: bytes, server: tuple[str, int]) -> bytes:
    """Send a DNS message from inside the namespace over TCP, in a connection of its own."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with namespace.entered():
        stream = socket.socket(family, socket.SOCK_STREAM)
    try:
        stream.setblocking(False)
        await loop.sock_connect(stream, server)
        reader, writer = await asyncio.open_connection(sock=stream)
    except BaseException:
        stream.close()
        raise
    try:
        writer.write(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        return await reader.readexactly(length)
    finally:
        writer.close()
