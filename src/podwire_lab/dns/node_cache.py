"""The DNS cache of a Linux node: it answers the pods of its node, and asks the cluster's DNS by TCP for what is new.

Source: kubernetes.io, "Using NodeLocal DNSCache in Kubernetes Clusters": it listens on a link-local address of the
node, and its way on to the cluster's DNS is TCP, which no lost datagram can keep waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Set

import dns.exception
import dns.message
import dns.rcode

from podwire_lab.dns.listener import DnsListener
from podwire_lab.dns.records import TTL
from podwire_lab.dns.server import PLAIN_UDP, converse, exchange, exchange_by_tcp, parsed
from podwire_lab.model.interfaces import Namespace

PATIENCE = 2.0
MOST_KEPT = 4096
BY_UDP, ASKS_THE_NODE = "by UDP", "asks the node's server"


class NodeCache(DnsListener):
    """One cache. `upstream` is the Service of the cluster's DNS that is made for caches.

    `quirks` is what faults make it do, looked at with every question: `by UDP` (it asks on by datagrams) and `asks the
    node's server` (it asks `node_server` in the place of the cluster's DNS).
    """

    def __init__(self, upstream: tuple[str, int], node_server: tuple[str, int], quirks: Set[str] = frozenset()) -> None:
        super().__init__()
        self._upstream, self._node_server, self._quirks = upstream, node_server, quirks
        self._kept: dict[bytes, tuple[float, bytes]] = {}

    async def serve(self, namespace: Namespace, address: str, port: int = 53) -> None:
        """Listen inside the node's namespace on this address, which is the node's own."""
        await self._listen(namespace, address, port)

    async def _by_datagram(self, data: bytes, client: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        query = parsed(data)
        answer = await self._answer(data) if query is not None else None
        if query is None or answer is None or transport.is_closing():
            return
        if len(answer) > max(query.payload, PLAIN_UDP):
            message = dns.message.from_wire(answer)
            answer = message.to_wire(max_size=max(query.payload, PLAIN_UDP), prefer_truncation=True)
        transport.sendto(answer, client)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await converse(reader, writer, self._answer)

    async def _answer(self, data: bytes) -> bytes | None:
        """The whole answer: what is kept, or what the cluster's DNS says; SERVFAIL when it says nothing in time."""
        query = parsed(data)
        if query is None:
            return None
        until, kept = self._kept.get(data[2:], (0.0, b""))
        if time.monotonic() < until:
            return data[:2] + kept
        assert self._namespace is not None
        server = self._node_server if ASKS_THE_NODE in self._quirks else self._upstream
        ask = exchange if BY_UDP in self._quirks else exchange_by_tcp
        try:
            answer = await asyncio.wait_for(ask(self._namespace, data, server), PATIENCE)
            rcode = dns.message.from_wire(answer, question_only=True).rcode()
        except (TimeoutError, OSError, EOFError, dns.exception.DNSException):
            failed = dns.message.make_response(query, recursion_available=True)
            failed.set_rcode(dns.rcode.SERVFAIL)
            return failed.to_wire()
        if rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[data[2:]] = (time.monotonic() + TTL, answer[2:])
        return answer
