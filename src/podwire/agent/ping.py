"""ICMP echo with sockets; `ping_windows` has the functions of Windows."""

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
    """Send up to `count` echo requests until one is answered. `sent` and `received` count packets."""
    return await Trial(loop, params).run(0, over_icmp)


async def over_icmp(trial: Trial) -> None:
    """Send echo requests to the trial's target and wait for a reply."""
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
    """The sender of echo requests for this system."""
    if WINDOWS:
        from podwire.agent.ping_windows import WindowsEchoes

        return WindowsEchoes(trial, payload)
    return SocketEchoes(trial, payload)


class SocketEchoes:
    """Echo requests on a raw socket (CAP_NET_RAW), else on a datagram socket (net.ipv4.ping_group_range). The socket is
    connected, so it gets packets from the target only, and reports ICMP errors about its requests."""

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
                raise Failure("bind", "other", errno.EPERM, "the pod may not open ICMP sockets") from None
        # A filter with a bit for each blocked type: all but echo reply (ICMPv6 129, ICMP 0).
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
        """Send one echo request. Returns whether a reply to it, or to an earlier one, came before `until`."""
        try:
            self._sock.send(echo_request(self._v6, self._identity, sequence, self._payload))
        except BlockingIOError:
            pass  # The socket's buffer is full; the next request follows.
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
            packet = packet[(packet[0] & 15) * 4 :]  # A raw IPv4 socket returns the IP header too.
        ours = not self._raw or packet[4:6] == self._identity.to_bytes(2, "big")  # A datagram socket has the kernel's.
        return ours and packet[:1] == (b"\x81" if self._v6 else b"\0") and packet[8:] == self._payload


def echo_request(v6: bool, identity: int, sequence: int, payload: bytes) -> bytes:
    """An echo request (RFC 792, RFC 4443). The kernel fills in the ICMPv6 checksum, which covers the addresses."""
    head = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, identity, sequence)
    if v6:
        return head + payload
    return head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:] + payload
