"""The echo server: it answers with its identity and the addresses that it saw.

It takes no commands from the network, and a UDP answer is never longer than its request. The server closes a TCP
connection first, so that TIME_WAIT stays here and does not block the client's port for the next attempt.
"""

from __future__ import annotations

import binascii
import contextlib
import errno
import re
import socket

from podwire.agent.dns.no_such_name import no_such_name
from podwire.agent.errors import Failure
from podwire.agent.guests import Guests
from podwire.agent.heads import MOST_HEAD, Head
from podwire.agent.loop import now, readable
from podwire.agent.messages import QUESTION, compact, datagram_answer, echo, wished
from podwire.agent.sockets import ANYWHERE, SCTP, places, send_all, send_at_once
from podwire.agent.system import WINDOWS, complain

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Awaitable, Callable, Sequence

    from podwire.agent.loop import Loop

    Answer = Callable[[bytes, Any, Any], bytes]  # datagram, peer, own address and port
    Talk = Callable[[socket.socket, Any], Awaitable[bytes]]  # connection, peer; what is left to say at its end

MOST_TCP = 64 << 20
MOST_QUERY = 4096
"""The limit in bytes for a DNS query. A name has at most 255 bytes (RFC 1035, section 2.3.4)."""
IDLE = 15.0
"""Seconds that a client may be silent, and that it has for a whole HTTP head or DNS query."""


class EchoServer:
    """Answers with its identity and what it saw; on a DNS port with NXDOMAIN. It answers nothing else."""

    def __init__(self, loop: Loop, identity: str, addresses: Sequence[str] = ()) -> None:
        """`addresses` are the addresses to listen on; empty: all."""
        self._loop, self._identity, self._places = loop, identity, places(addresses)
        self._guests = Guests(loop)

    def listen(self, port: int) -> None:
        """Echo over TCP, UDP, and SCTP if the system has it. ValueError if it cannot listen."""
        self.listen_tcp(port)
        self._listen_udp(port, lambda data, peer, own: datagram_answer(data, self._identity, peer, own))
        try:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, SCTP).close()
        except OSError:
            return
        self.listen_tcp(port, SCTP)

    def listen_dns(self, port: int) -> None:
        """Answer DNS queries over TCP and UDP with NXDOMAIN. ValueError if it cannot listen."""
        self.listen_tcp(port, names=True)
        self._listen_udp(port, lambda query, peer, own: no_such_name(query))

    def listen_tcp(self, port: int, protocol: int = 0, names: bool = False) -> None:
        """Listen on a port for both families. ValueError if it cannot."""
        for family, host in self._places:
            sock = socket.socket(family, socket.SOCK_STREAM, protocol)
            if not WINDOWS:  # On Windows this option would let another program take the port.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._bind(sock, (host, port))
            sock.listen(4096)
            self._loop.spawn(self._accept(sock, self._names if names else self._answer))

    def _listen_udp(self, port: int, answer_to: Answer) -> None:
        """Open a socket that learns the destination address of each datagram. Python on Windows has no recvmsg, so
        there each address gets a socket that answers from it, and later addresses share one more."""
        for family, place in self._places:
            own_addresses = self._own_addresses() if WINDOWS and place in ANYWHERE.values() else []
            for host in [*(a for a in own_addresses if (":" in a) == (family == socket.AF_INET6)), place]:
                sock = socket.socket(family, socket.SOCK_DGRAM)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                try:
                    self._bind(sock, (host, port))
                except ValueError as problem:
                    if not own_addresses:
                        raise
                    complain(f"{problem}; the echo server does not answer there")
                    continue
                way = self._datagrams_by_address if WINDOWS else self._datagrams
                self._loop.spawn(way(sock, answer_to))

    @staticmethod
    def _own_addresses() -> list[str]:
        """The addresses with those of the loopback last: under Wine these may take the port from later ones."""
        from podwire.agent.node.interfaces import is_loopback, own_addresses

        return sorted(own_addresses(), key=is_loopback)

    @staticmethod
    def _bind(sock: socket.socket, address: tuple[str, int]) -> None:
        sock.setblocking(False)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind(address)
        except OSError as error:
            sock.close()
            raise ValueError(f"cannot listen on {address[0]} port {address[1]}: {error}") from None

    async def _datagrams(self, sock: socket.socket, answer_to: Answer) -> None:
        v6 = sock.family == socket.AF_INET6
        level, kind = (socket.IPPROTO_IPV6, 50) if v6 else (socket.IPPROTO_IP, 8)  # IPV6_PKTINFO, IP_PKTINFO
        sock.setsockopt(level, 49 if v6 else 8, 1)  # IPV6_RECVPKTINFO, IP_PKTINFO
        port = sock.getsockname()[1]
        while True:
            await readable(sock)
            for _ in range(64):  # Then other tasks get their turn.
                try:
                    length, control, _, peer = sock.recvmsg_into([self._loop.scratch], 128)
                except OSError:
                    break  # Nothing left, or an ICMP error about an earlier answer.
                info = next((data for at, control_type, data in control if (at, control_type) == (level, kind)), b"")
                own = socket.inet_ntop(sock.family, info[:16] if v6 else info[8:12]) if info else ""
                answer = answer_to(bytes(self._loop.scratch[:length]), peer, (own, port))
                if not answer:
                    continue
                if v6:
                    link = own.startswith("fe80")
                    info = info[:16] + (info[16:20] if link else bytes(4))
                elif info:
                    info = bytes(4) + info[4:8] + bytes(4)  # ipi_spec_dst: send from the address that was reached
                with contextlib.suppress(OSError):  # The way back is closed; the client rightly sees no answer.
                    sock.sendmsg([answer], [(level, kind, info)] if info else [], 0, peer)

    async def _datagrams_by_address(self, sock: socket.socket, answer_to: Answer) -> None:
        own = sock.getsockname()
        own = ("" if own[0] in ("0.0.0.0", "::") else own[0], own[1])
        while True:
            await readable(sock)
            try:
                length, peer = sock.recvfrom_into(self._loop.scratch)
                answer = answer_to(bytes(self._loop.scratch[:length]), peer, own)
                if answer:
                    sock.sendto(answer, peer)
            except OSError:
                pass  # Windows reports the ICMP error of an earlier answer here.

    async def _accept(self, listener: socket.socket, way: Talk) -> None:
        while True:
            await readable(listener)
            for _ in range(64):
                try:
                    sock, peer = listener.accept()
                except BlockingIOError:
                    break
                except OSError as error:
                    if error.errno in (errno.EMFILE, errno.ENFILE, 10024):
                        self._guests.drop_one()
                    break
                peer_key = self._guests.admit(peer[0])
                sock.setblocking(False)
                self._guests.enter(self._loop.spawn(self._connection(sock, peer, way)), peer_key)

    async def _connection(self, sock: socket.socket, peer: Any, way: Talk) -> None:
        task = self._loop.current
        try:
            send_at_once(sock)
            answer = await way(sock, peer)
            if answer:
                await send_all(sock, answer, now() + IDLE)
                sock.shutdown(socket.SHUT_WR)
                until = now() + IDLE
                while await readable(sock, until) and sock.recv_into(self._loop.scratch):
                    pass  # The client's end comes after ours.
        except (OSError, Failure):
            pass  # The client went away; it reports why.
        finally:
            sock.close()
            self._guests.leave(task)

    async def _receive(self, sock: socket.socket, until: float) -> int:
        """Read into the loop's scratch buffer; the server keeps no data of a client. Returns the number of bytes, 0 at
        the end of the stream or after `until`."""
        if not await readable(sock, until):
            return 0
        count = sock.recv_into(self._loop.scratch)
        self._guests.heard(self._loop.current)
        return count

    async def _answer(self, sock: socket.socket, peer: Any) -> bytes:
        head, until = Head(), now() + IDLE
        while not head.has_line:
            count = await self._receive(sock, until)
            if not count:
                break
            head.add(self._loop.scratch, count)
        if not head.received or now() >= until:
            return b""
        if head.line.startswith((b"GET ", b"HEAD ")):
            return await self._http(sock, peer, head, until)
        match = QUESTION.match(head.line)
        size = min(int(match.group(2)), MOST_TCP) if match else 0
        while head.received < size:
            count = await self._receive(sock, now() + IDLE)
            if not count:
                break
            head.add(self._loop.scratch, count)
        size, after_end = wished(head.line)
        if after_end and not await self._ended(sock):
            return b""
        token = match.group(1).decode() if match else ""
        answer = self._answer_line(token, sock, peer, head.received, head.crc)
        if match and head.line.startswith((b"talk=", b"back "), match.end()):
            return await self._long(sock, peer, head, answer)
        return answer.ljust(size - 1) + b"\n"

    def _answer_line(self, token: str, sock: socket.socket, peer: Any, received: int, crc: int) -> bytes:
        return compact(echo(token, self._identity, peer, sock.getsockname(), received=received, crc32=crc))

    async def _long(self, sock: socket.socket, peer: Any, head: Head, answer: bytes) -> bytes:
        """Go on after the first answer: with a talk, or with as many bytes back. Nothing is left to say."""
        from podwire.agent.streams.talk import give_back, talk, talk_wished

        await send_all(sock, answer + b"\n", now() + IDLE)
        token, silence = head.line.split(b" ")[0].decode(), talk_wished(head.line)
        if not silence:
            await give_back(sock, token, head.received)
            return b""

        def answer_to(data: bytes) -> bytes:
            token = data.split(b" ")[0].decode()
            return self._answer_line(token, sock, peer, len(data), binascii.crc32(data)) + b"\n"

        await talk(sock, self._receive, self._loop.scratch, answer_to, float(silence))
        return b""

    async def _ended(self, sock: socket.socket) -> bool:
        """Wait for the client's end; False when it does not come in time. What else it sends is not looked at."""
        until = now() + IDLE
        while await readable(sock, until):
            if not sock.recv_into(self._loop.scratch):
                return True
        return False

    async def _names(self, sock: socket.socket, peer: Any) -> bytes:
        """Answer queries, each after its length (RFC 1035, section 4.2.2), until the client ends or sends no query."""
        data, until = b"", now() + IDLE
        while count := await self._receive(sock, until):
            data += self._loop.scratch[:count]
            while len(data) >= 2:
                end = 2 + int.from_bytes(data[:2], "big")
                if end > MOST_QUERY:
                    return b""
                if len(data) < end:
                    break
                answer, data, until = no_such_name(data[2:end]), data[end:], now() + IDLE
                if not answer:
                    return b""
                await send_all(sock, len(answer).to_bytes(2, "big") + answer, now() + IDLE)
        return b""

    async def _http(self, sock: socket.socket, peer: Any, head: Head, until: float) -> bytes:
        while not head.ended and head.received < MOST_HEAD:
            count = await self._receive(sock, until)
            if not count:
                break
            head.add(self._loop.scratch, count)
        if now() >= until:
            return b""
        path = head.line.split(b" ", 2)[1].split(b"?")[0].rsplit(b"/", 1)[-1]
        token = path.decode() if re.fullmatch(rb"[A-Za-z0-9._-]{1,64}", path) else ""
        body = compact(echo(token, self._identity, peer, sock.getsockname(), received=head.received)) + b"\n"
        lines = (
            "HTTP/1.1 200 OK",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        start = ("\r\n".join(lines) + "\r\n\r\n").encode()
        return start if head.line.startswith(b"HEAD ") else start + body
