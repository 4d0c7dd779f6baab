"""The longest datagram that a path carries in one packet: Don't Fragment is set, so nobody on the way divides it."""

from __future__ import annotations

import errno
import socket

from podwire.agent.datagrams import send_datagram
from podwire.agent.errors import Failure
from podwire.agent.loop import now, readable
from podwire.agent.messages import parsed, question
from podwire.agent.parameters import wanted
from podwire.agent.sockets import local_address
from podwire.agent.system import WINDOWS
from podwire.agent.trial import Trial

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters

EVERY, TRIES = 0.2, 3
"""Seconds between the datagrams of one length, and how many of them go unanswered before a shorter one is tried."""


async def carried(loop: Loop, params: Parameters) -> Parameters:
    """Send a datagram of `size` bytes of data. If nobody answers, find by bisection the longest that is answered, down
    to `least` bytes. `sent` and `received` count datagrams."""
    return await Trial(loop, params).run(wanted(params, "port", int), by_bisection)


async def by_bisection(trial: Trial) -> None:
    """The trial is answered if the longest datagram is; its failure names the longest one that was."""
    least, most = wanted(trial.params, "least", int), trial.size
    own = local_address(trial.family, trial.target)
    with trial.socket(socket.SOCK_DGRAM) as sock:
        dont_fragment(sock)
        lengths = Lengths(trial, sock)
        # The first datagram gives the socket its port.
        answered = await lengths.answered(most)
        trial.attempt["local"] = [own or sock.getsockname()[0], sock.getsockname()[1]]
        if answered:
            return
        if not await lengths.answered(least):
            raise Failure("receive", "timeout", None, f"no datagram of {least} bytes is answered either")
        low, high = least, most
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if await lengths.answered(middle) else (low, middle)
            if trial.attempt["reply"]:
                return  # The answer to the longest was only late.
        text = f"datagrams of {low} bytes are answered, longer ones are not; {most} were to be"
        raise Failure("receive", "timeout", None, text)


class Lengths:
    """Datagrams of several lengths from one socket, each told from the others by the length that the server got."""

    def __init__(self, trial: Trial, sock: socket.socket) -> None:
        self._trial, self._sock = trial, sock

    async def answered(self, size: int) -> bool:
        """Whether one of a few datagrams with so many bytes of data is answered."""
        trial, data = self._trial, question(self._trial.token, size)
        for _ in range(TRIES):
            until = now() + EVERY
            try:
                send_datagram(self._sock, data, trial.target)
            except Failure as failure:
                if failure.facts["number"] in (errno.EMSGSIZE, 10040):  # WSAEMSGSIZE
                    return False  # The system itself knows a smaller MTU.
                raise
            trial.attempt["sent"] += 1
            while await readable(self._sock, until):
                if self._is_answer(size):
                    return True
        return False

    def _is_answer(self, size: int) -> bool:
        trial = self._trial
        try:
            length, peer = self._sock.recvfrom_into(trial.loop.scratch)
        except OSError:
            return False  # An ICMP error about an earlier datagram, which the captures show.
        answer = parsed(bytes(trial.loop.scratch[:length]))
        if peer[:2] != trial.target[:2] or answer.get("token") != trial.token:
            return False
        trial.attempt["received"] += 1
        trial.attempt["peer"] = [peer[0], peer[1]]
        if answer.get("received") == trial.size:
            trial.answered(answer)
        return bool(answer.get("received") == size)


def dont_fragment(sock: socket.socket) -> None:
    """Set Don't Fragment, and send packets longer than the path's known MTU too. `Failure` if the system cannot."""
    v6 = sock.family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP
    # Windows: IP_DONTFRAGMENT, IPV6_DONTFRAG. Linux: IP_MTU_DISCOVER or IPV6_MTU_DISCOVER, with ..._PMTUDISC_PROBE.
    option, value = (14, 1) if WINDOWS else (23 if v6 else 10, 3)
    try:
        sock.setsockopt(level, option, value)
    except OSError as error:
        raise Failure.of("bind", error) from None
