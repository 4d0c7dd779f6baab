"""ICMP echo, by sockets; `ping_windows` has Windows' own way."""

from __future__ import annotations

import errno
import os
import socket
import struct

from podwire.agent.checksum import checksum
from podwire.agent.errors import Failure
from podwire.agent.loop import now, readable
from podwire.agent.sockets import local_address, tell_icmp_errors
from podwire.agent.system import WINDOWS
from podwire.agent.trial import Trial

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any

    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters


async def ping(loop: Loop, params: Parameters) -> Parameters:
    """ICMP echo, up to `count` requests until one is answered. `sent` and `received` count packets."""
    return await Trial(loop, params).run(0, over_icmp)


async def over_icmp(trial: Trial) -> None:
    """Send echo requests and wait for an answer, as a trial's way to its target."""
    address, attempt = local_address(trial.family, trial.target), trial.attempt
    attempt["local"] = [address, 0] if address else None
    word = trial.token.encode() + b" "
    size, count = max(trial.size, len(word)), max(1, int(trial.params.get("count") or 3))
    payload, step = (word * (size // len(word) + 1))[:size], min(1.0, (trial.until - now()) / count)
    with echoes_of(trial, payload) as echoes:
        for sequence in range(count):
            attempt["sent"] += 1
            until = trial.until if sequence == count - 1 else min(trial.until, now() + step)
            if await echoes.answered(sequence, until):
                attempt["received"] += 1
                attempt["peer"] = [trial.target[0], 0]
                trial.answered({"source": address or "", "destination": trial.target[0]})
                return
    raise Failure("receive", "timeout", None, f"no answer to {attempt['sent']} echo requests")


def echoes_of(trial: Trial, payload: bytes) -> Any:
    """What sends echo requests on this system."""
    if WINDOWS:
        from podwire.agent.ping_windows import WindowsEchoes

        return WindowsEchoes(trial, payload)
    return SocketEchoes(trial, payload)


class SocketEchoes:
    """Echo requests by a raw socket (CAP_NET_RAW), else a datagram one (net.ipv4.ping_group_range). It is connected: it
    gets only what comes from the target, and ICMP errors about what it sent become errors of the socket."""

    def __init__(self, trial: Trial, payload: bytes) -> None:
        self._loop, self._payload = trial.loop, payload
        self._v6, self._identity = trial.family == socket.AF_INET6, int.from_bytes(os.urandom(2), "big")
        self._sock, self._raw = self._open(trial.family)
        try:
            self._sock.setblocking(False)
            tell_icmp_errors(self._sock)
            self._sock.connect(trial.target)
        except OSError as error:
            self._sock.close()
            raise Failure.of("connect", error) from None

    def _open(self, family: int) -> tuple[socket.socket, bool]:
        protocol = socket.IPPROTO_ICMPV6 if self._v6 else socket.IPPROTO_ICMP
        try:
            sock = socket.socket(family, socket.SOCK_RAW, protocol)
        except PermissionError:
            try:
                return socket.socket(family, socket.SOCK_DGRAM, protocol), False
            except PermissionError:
                raise Failure("bind", "other", errno.EPERM, "ICMP sockets are not permitted here") from None
        # Types to keep out, as bits: all but echo reply, which is 129 of ICMPv6 and 0 of ICMP.
        if self._v6:
            blocked = [0xFFFFFFFF] * 8
            blocked[129 // 32] &= ~(1 << 129 % 32)
            sock.setsockopt(socket.IPPROTO_ICMPV6, 1, struct.pack("=8I", *blocked))  # ICMPV6_FILTER
        else:
            sock.setsockopt(255, 1, struct.pack("=I", 0xFFFFFFFE))  # SOL_RAW, ICMP_FILTER
        return sock, True

    def __enter__(self) -> SocketEchoes:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    async def answered(self, sequence: int, until: float) -> bool:
        """Send one echo request; whether a reply, to it or to one before, came in time."""
        try:
            self._sock.send(echo_request(self._v6, self._identity, sequence, self._payload))
        except BlockingIOError:
            pass  # No room to send: the next one will have it.
        except OSError as error:
            raise Failure.of("send", error) from None
        while await readable(self._sock, until):
            try:
                packet = bytes(self._loop.scratch[: self._sock.recv_into(self._loop.scratch)])
            except BlockingIOError:
                continue
            except OSError as error:
                raise Failure.of("receive", error) from None
            if self._is_reply(packet):
                return True
        return False

    def _is_reply(self, packet: bytes) -> bool:
        if self._raw and not self._v6:
            packet = packet[(packet[0] & 15) * 4 :]  # A raw IPv4 socket gives the IP header too.
        ours = not self._raw or packet[4:6] == self._identity.to_bytes(2, "big")  # The kernel sets a datagram one's.
        return ours and packet[:1] == (b"\x81" if self._v6 else b"\0") and packet[8:] == self._payload


def echo_request(v6: bool, identity: int, sequence: int, payload: bytes) -> bytes:
    """RFC 792, RFC 4443; the kernel fills in the checksum of ICMPv6, which covers addresses."""
    head = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, identity, sequence)
    if v6:
        return head + payload
    return head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:] + payload
