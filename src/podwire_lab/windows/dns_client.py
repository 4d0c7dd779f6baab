"""The DNS Client service of an emulated Windows pod: a resolver on the pod's loopback, spelling names as Windows does.

Source of both rules: kubernetes.io, "DNS for Services and Pods", DNS resolution on Windows nodes; and "Networking on
Windows", supported flows: a name without a dot gets the one suffix of the pod's namespace, and any name with a dot
counts as fully qualified and is asked as it is. A pod that brings suffixes of its own (dnsPolicy None) has them tried
in their order, the next one after a no (Dns.Search of an HNS endpoint is a list; its order is an inference).

A C library does not tell its resolver whether a name had a final dot: a single label with one (`web.`), which Windows
would ask as it is, gets the suffix here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from podwire_lab.dns.listener import DnsListener
from podwire_lab.dns.server import PLAIN_UDP, converse, exchange, parsed
from podwire_lab.model.interfaces import Namespace

ADDRESS = "127.0.0.53"
OPTIONS = ("timeout:4", "attempts:1", "ndots:15")
"""For the resolv.conf(5) of the pod, beside `search .`: the client asks again by itself, so the C library must not; and
with few dots every name goes through the search list, which is the root alone, and then not once more as it is."""
PATIENCE = 1.0
TRIES = 3
REMEMBERED = 64
SEARCH_LIST, SILENT_ON_DOTS, NO_SUFFIX, BACKWARDS = "search list", "silent on dots", "no suffix", "backwards"


def windows_spellings(name: str, suffixes: Sequence[str]) -> Sequence[str]:
    """What Windows asks for, in this order. `name` without its final dot has none for a single label."""
    return [name] if "." in name or not suffixes else [f"{name}.{suffix}" for suffix in suffixes]


class WindowsDnsClient(DnsListener):
    """Takes the questions of one pod's programs, and asks the pod's DNS servers by packets from the pod's own address.

    `quirks` is what faults make it do, looked at with every question: `search list` (it appends suffixes as Linux
    does), `silent on dots` (it never answers for a name with a dot), `no suffix` (it appends none) and `backwards` (it
    tries several from the last to the first).
    """

    def __init__(self, suffixes: Sequence[str], servers: Sequence[str], quirks: Set[str] = frozenset()) -> None:
        super().__init__()
        self._suffixes, self._servers, self._quirks = tuple(suffixes), tuple(servers), quirks
        self._told: dict[bytes, bytes] = {}

    async def serve(self, namespace: Namespace) -> None:
        """Listen on the pod's loopback address 127.0.0.53, by UDP and TCP."""
        await self._listen(namespace, ADDRESS, 53)

    async def _by_datagram(self, data: bytes, client: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        answer = await self._answer(data, udp=True)
        if answer is not None and not transport.is_closing():
            transport.sendto(answer, client)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await converse(reader, writer, lambda question: self._answer(question, udp=False))

    async def _answer(self, data: bytes, *, udp: bool) -> bytes | None:
        """What the program is told; None when there is nothing to say, and it runs into its own time-out.

        A C library that got a cut answer asks the same by TCP; Windows, whose programs call its client and never ask by
        packets, goes to the network once. So what was told by UDP is kept for the same question by TCP.
        """
        if not udp and data in self._told:
            return self._told.pop(data)
        query = parsed(data)
        if query is None:
            return None
        name = query.question[0].name.to_text(omit_final_dot=True)
        if SILENT_ON_DOTS in self._quirks and "." in name:
            return None
        spellings = self._spellings(name)
        if list(spellings) == [name]:
            # Nothing to spell: the question goes on as it is, and an answer that fits comes back as it is.
            plain = await self._send(data)
            if plain is None or not udp or len(plain) <= max(query.payload, PLAIN_UDP):
                return plain
            return self._cut(data, query, dns.message.from_wire(plain))
        reply: dns.message.Message | None = None
        for spelled in spellings:
            reply = await self._ask(spelled, query)
            if reply is None or reply.answer or reply.rcode() not in (dns.rcode.NXDOMAIN, dns.rcode.NOERROR):
                break
        if reply is None:
            return None
        answer = _as_asked(query, reply)
        return self._cut(data, query, answer) if udp else answer.to_wire(max_size=65535)

    def _cut(self, data: bytes, query: dns.message.Message, answer: dns.message.Message) -> bytes:
        """As much of an answer as a datagram of the program takes; the whole of it is kept for its second try."""
        if len(self._told) >= REMEMBERED:
            self._told.clear()
        self._told[data] = answer.to_wire(max_size=65535)
        return answer.to_wire(max_size=max(query.payload, PLAIN_UDP), prefer_truncation=True)

    def _spellings(self, name: str) -> Sequence[str]:
        if NO_SUFFIX in self._quirks:
            return [name]
        if BACKWARDS in self._quirks:
            return list(reversed(windows_spellings(name, self._suffixes)))
        if SEARCH_LIST in self._quirks and self._suffixes:
            own = self._suffixes[0]
            return [f"{name}.{own}", f"{name}.{own.partition('.')[2]}", name]
        return windows_spellings(name, self._suffixes)

    async def _ask(self, name: str, query: dns.message.Message) -> dns.message.Message | None:
        try:
            question = dns.message.make_query(name, query.question[0].rdtype)
        except dns.exception.DNSException:  # With the suffix it is no name any more: too long (RFC 1035).
            return None
        reply = await self._send(question.to_wire())
        return dns.message.from_wire(reply) if reply is not None else None

    async def _send(self, wire: bytes) -> bytes | None:
        """The answer of one of the pod's servers to this message, asked as often as Windows asks; None without any.

        An answer that comes after the question was asked again is an answer all the same.
        """
        assert self._namespace is not None
        exchanges: set[asyncio.Task[bytes]] = set()
        try:
            for attempt in range(TRIES if self._servers else 0):
                server = self._servers[attempt % len(self._servers)]
                exchanges.add(asyncio.create_task(exchange(self._namespace, wire, (server, 53))))
                done, exchanges = await asyncio.wait(exchanges, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
                for finished in done:
                    if finished.exception() is None and _is_message(finished.result()):
                        return finished.result()
            return None
        finally:
            for finished in exchanges:
                finished.cancel()


def _is_message(wire: bytes) -> bool:
    try:
        dns.message.from_wire(wire, question_only=True)
    except dns.exception.DNSException:
        return False
    return True


def _as_asked(query: dns.message.Message, wire_answer: dns.message.Message) -> dns.message.Message:
    """The answer to what the program asked: the name that was asked on the wire becomes an alias of it."""
    answer = dns.message.make_response(query, recursion_available=True)
    answer.set_rcode(wire_answer.rcode())
    own, spelled = query.question[0].name, wire_answer.question[0].name
    if own != spelled and wire_answer.answer:
        answer.answer.append(dns.rrset.from_text(own, 5, "IN", "CNAME", spelled.to_text()))
    answer.answer += wire_answer.answer
    answer.authority += wire_answer.authority
    return answer
