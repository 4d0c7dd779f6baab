"""An exchange of packets that the runner made. Their source port is held meanwhile, so that the kernel leaves it alone.

They leave by a raw IP socket, which takes the IP header from the runner (raw(7)) and needs CAP_NET_RAW. The kernel
chooses the route, asks for the neighbour's MAC as for its own packets, and completes the checksum of IPv4.
"""

from __future__ import annotations

import base64
import binascii
import errno
import socket

from podwire.agent.crafted.conversation import Step, destination
from podwire.agent.crafted.held_port import RST, closed_port
from podwire.agent.datagrams import datagrams, send_datagram
from podwire.agent.errors import Failure
from podwire.agent.loop import now, readable
from podwire.agent.messages import question, wish
from podwire.agent.parameters import wanted
from podwire.agent.sockets import tell_icmp_errors
from podwire.agent.trial import Trial

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.crafted.held_port import Segment
    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters

AGAIN = 1.0
"""Seconds after which packets without an answer are sent a second time, as datagrams of sockets are."""


async def crafted(loop: Loop, params: Parameters) -> Parameters:
    """Send IP packets as they are, and wait for an answer to their source port. `sent` counts how often they were sent.

    `size` and `answer` describe the question in a datagram, for the check of its answer.
    """
    proto = wanted(params, "proto")
    if proto not in WAYS:
        raise ValueError(f"parameter 'proto': {proto!r} is not tcp or udp")
    return await Trial(loop, params).run(wanted(params, "port", int), WAYS[proto])


class Packets:
    """The packets of a request, and the raw socket that sends them.

    There is a list of them for each time that they are sent: fragments of a second time have another identification, so
    that they complete no packet of the first. Those that answer a segment stand at the end of a list.
    """

    def __init__(self, trial: Trial) -> None:
        try:
            times = wanted(trial.params, "packets", list)
            self.times = [[Step(base64.b64decode(entry["packet"], validate=True), entry) for entry in t] for t in times]
        except (binascii.Error, KeyError, TypeError):
            raise ValueError("parameter 'packets': they are no lists of packets in base64") from None
        self.steps = [step for step in self.times[0] if step.when]
        self.most, self._sent = len(self.times), 0
        self._sock = raw_socket(trial.family)

    def __enter__(self) -> Packets:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def send(self) -> None:
        """Send the packets of the next time that answer nothing, in order. `Failure` if the system refuses."""
        steps = self.times[self._sent]
        self._sent += 1
        for step in steps:
            if not step.when:
                self.send_one(step.packet)

    def send_one(self, packet: bytes) -> None:
        """Send a packet to the address in its header. `Failure` if the system refuses."""
        send_datagram(self._sock, packet, (destination(packet), 0))


def raw_socket(family: int) -> socket.socket:
    """A socket that sends whole IP packets. `Failure` where the pod lacks CAP_NET_RAW, or the system has none."""
    try:
        sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except PermissionError:
        text = "the pod may not send packets of its own; it needs CAP_NET_RAW"
        raise Failure("bind", "unsupported", errno.EPERM, text) from None
    except (AttributeError, OSError) as error:
        raise Failure("bind", "unsupported", getattr(error, "errno", None), f"no raw IP sockets: {error}") from None
    sock.setblocking(False)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, 36, 1)  # IPV6_HDRINCL
        sock.setsockopt(socket.IPPROTO_IPV6, 23, 3)  # IPV6_MTU_DISCOVER: IPV6_PMTUDISC_PROBE, so nothing is fragmented
    else:
        sock.setsockopt(socket.IPPROTO_IP, 22, 1)  # IP_NODEFRAG: connection tracking leaves fragments as they are
        sock.setsockopt(socket.IPPROTO_IP, 10, 3)  # IP_MTU_DISCOVER: IP_PMTUDISC_PROBE
    return sock


async def over_udp(trial: Trial) -> None:
    """Send the packets, and again after a second, until the answer to their question comes to their source port."""
    data = question(trial.token, trial.size, wish(trial.answer)) if trial.size else b""
    with trial.socket(socket.SOCK_DGRAM) as sock, Packets(trial) as packets:
        tell_icmp_errors(sock)
        trial.attempt["local"] = list(sock.getsockname()[:2])
        await datagrams(trial, sock, data, packets.send, packets.most)


async def over_tcp(trial: Trial) -> None:
    """Send the packets, and again after a second, until a segment comes back to their source port; then those that
    answer segments, each when its segment comes. An RST refuses them."""
    port = wanted(trial.params, "source_port", int)
    with closed_port(trial, port) as segments, Packets(trial) as packets:
        trial.attempt["local"] = [str(trial.params.get("bind_address") or ""), port]
        talk, again = Talk(trial, packets), now()
        while not talk.ended:
            if now() >= again:
                packets.send()
                trial.attempt["sent"] += 1
                again = again + AGAIN if trial.attempt["sent"] != packets.most else trial.until + AGAIN
            await readable(segments.sock, min(trial.until, again))
            for segment in segments.arrived():
                again = trial.until + AGAIN
                talk.hear(segment)
            if now() >= trial.until and not talk.ended:
                raise Failure("receive" if talk.heard else "connect", "timeout", None, talk.waits_for)
        trial.answered({"source": trial.attempt["local"][0], "source_port": port})


class Talk:
    """What the agent says when segments come. `ended` once every packet that answers one was sent, or, where there is
    none, once a segment came."""

    def __init__(self, trial: Trial, packets: Packets) -> None:
        self._trial, self._packets, self._done = trial, packets, 0
        self._before: Segment | None = None
        self.heard = 0

    @property
    def ended(self) -> bool:
        return bool(self.heard) and self._done == len(self._packets.steps)

    @property
    def waits_for(self) -> str:
        if not self.heard:
            return f"no segment came back to the packets, sent {self._trial.attempt['sent']} times"
        return f"after {self.heard} segments no {self._packets.steps[self._done].when} came"

    def hear(self, segment: Segment) -> None:
        """Answer a segment. One that comes once more is answered as before, for that answer was lost."""
        trial, steps = self._trial, self._packets.steps
        self.heard += 1
        trial.attempt["received"] += 1
        trial.attempt["peer"] = [trial.target[0], trial.target[1]]
        if segment.flags & RST:
            raise Failure("connect", "refused", errno.ECONNREFUSED, "an RST came back")
        if self._done < len(steps) and steps[self._done].answers(segment, self._before):
            step = steps[self._done]
            self._done += 1
        elif self._before is not None and (segment.seq, segment.data) == (self._before.seq, self._before.data):
            step = steps[self._done - 1]
        else:
            return
        self._before = segment
        self._packets.send_one(step.packet_for(segment, trial.target[0]))


WAYS = {"udp": over_udp, "tcp": over_tcp}
