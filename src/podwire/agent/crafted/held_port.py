"""A TCP port that the kernel leaves alone while an agent speaks TCP itself, without any right over the network's rules.

A kernel without a socket for a segment answers it with an RST. Here it has one: a listening socket that takes segments
with a TTL of 255 only (IP_MINTTL, ip(7)), so the kernel drops those for the port and says nothing: no common system
starts with more than 128. A raw socket, which needs CAP_NET_RAW, gets a copy of each segment before that (raw(7)). A
filter that takes no byte (SO_ATTACH_FILTER) would do the same, but Linux 6.18 wants CAP_NET_ADMIN for one on TCP.
"""

from __future__ import annotations

import contextlib
import socket
import struct

from podwire.agent.errors import Failure
from podwire.agent.sockets import numeric

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Iterator

    from podwire.agent.trial import Trial

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
MOST_TTL = 255


class Segment:
    """A TCP segment: its numbers, its flags, its data, and the whole packet from its IP header on (IPv6: from TCP)."""

    def __init__(self, packet: bytes, start: int) -> None:
        self.packet = packet
        self.sport, self.dport, self.seq, self.ack, offset, self.flags = struct.unpack_from("!HHIIBB", packet, start)
        self.data = packet[start + (offset >> 4) * 4 :]


class Segments:
    """The segments from the target of a trial to one port, in the order in which they come."""

    def __init__(self, trial: Trial, port: int, sock: socket.socket) -> None:
        self._target, self._port, self._scratch, self.sock = trial.target, port, trial.loop.scratch, sock

    def arrived(self) -> Iterator[Segment]:
        """Those that wait in the socket's queue."""
        with contextlib.suppress(BlockingIOError):
            while True:
                length, peer = self.sock.recvfrom_into(self._scratch)
                packet = bytes(self._scratch[:length])
                start = (packet[0] & 15) * 4 if self.sock.family == socket.AF_INET else 0
                if len(packet) < start + 20 or peer[0] != self._target[0]:
                    continue
                segment = Segment(packet, start)
                if (segment.sport, segment.dport) == (self._target[1], self._port):
                    yield segment


@contextlib.contextmanager
def closed_port(trial: Trial, port: int) -> Iterator[Segments]:
    """Keep a port of the trial's own address from the kernel, and read its segments. `Failure` if it is in use."""
    own = numeric(str(trial.params.get("bind_address") or ""), port, trial.family, "bind")[1]
    try:
        with socket.socket(trial.family, socket.SOCK_STREAM) as holder:
            v6 = trial.family == socket.AF_INET6
            level, option = (socket.IPPROTO_IPV6, 73) if v6 else (socket.IPPROTO_IP, 21)  # IPV6_MINHOPCOUNT, IP_MINTTL
            holder.setsockopt(level, option, MOST_TTL)
            holder.bind(own)
            holder.listen(1)
            with socket.socket(trial.family, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
                raw.setblocking(False)
                yield Segments(trial, port, raw)
    except PermissionError as error:
        text = "the pod may not read raw TCP; it needs CAP_NET_RAW"
        raise Failure("bind", "unsupported", error.errno, text) from None
    except OSError as error:
        raise Failure.of("bind", error) from None
