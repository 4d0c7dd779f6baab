"""The frames of all interfaces in memory that the kernel fills (packet_mmap, TPACKET_V2).

The kernel copies a frame into it before the frame goes on. A packet socket's queue only refers to the frame: where a
bridge with connection tracking puts fragments together and apart again, what is read from the queue is not what passed.
"""

import fcntl
import mmap
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, TPACKET_V2, TP_STATUS_USER = 263, 5, 6, 10, 1, 1
ETH_P_ALL, PACKET_OUTGOING = 3, 4
BLOCK, BLOCKS = 1 << 16, 1 << 10  # bytes of a block, and how many there are
USUAL, JUMBO = 1 << 11, 1 << 14  # bytes for a frame and its heads: of 32768 frames, or of 4096 jumbo frames
USUAL_MTU, SIOCGIFMTU, LOOPBACK = 1500, 0x8921, "lo"
HEAD = struct.Struct("=IIIHHII")  # status, length on the wire, bytes that are there, link header, network, time
WHERE, WHERE_AT = struct.Struct("=iHB"), 32 + 4  # in the sockaddr_ll behind the head: interface, its kind, direction


class Frame(NamedTuple):
    """A frame as it passed an interface: nanoseconds since 1970, index of the interface, whether it was sent there,
    bytes on the wire, and the bytes that are there."""

    at: int
    interface: int
    sent: bool
    length: int
    data: bytes


class Ring:
    """A packet socket for all interfaces, later ones included. OSError where the system has no such sockets."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        self._place = JUMBO if largest_mtu(self._sock) > USUAL_MTU else USUAL
        request = struct.pack("=4I", BLOCK, BLOCKS, self._place, BLOCK // self._place * BLOCKS)
        self._sock.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
        self._memory, self._next = mmap.mmap(self._sock.fileno(), BLOCK * BLOCKS), 0

    def fileno(self) -> int:
        """The descriptor that is readable when a frame waits."""
        return self._sock.fileno()

    def frames(self) -> Iterator[Frame]:
        """All frames that wait."""
        memory = self._memory
        while True:
            status, length, captured, link, _, seconds, nanoseconds = HEAD.unpack_from(memory, self._next)
            if not status & TP_STATUS_USER:
                return
            interface, _, direction = WHERE.unpack_from(memory, self._next + WHERE_AT)
            data = memory[self._next + link : self._next + link + captured]
            struct.pack_into("=I", memory, self._next, 0)  # the kernel may fill the place again
            self._next = (self._next + self._place) % len(memory)
            yield Frame(seconds * 1_000_000_000 + nanoseconds, interface, direction == PACKET_OUTGOING, length, data)

    def lost(self) -> int:
        """How many frames had no room since the last call."""
        return int(struct.unpack("=II", self._sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1])


def largest_mtu(sock: socket.socket) -> int:
    """The largest MTU in bytes of the interfaces beside the loopback."""
    found = [0]
    for _, name in socket.if_nameindex():
        if name != LOOPBACK:
            answer = fcntl.ioctl(sock.fileno(), SIOCGIFMTU, struct.pack("=16si20x", name.encode(), 0))
            found.append(struct.unpack_from("=i", answer, 16)[0])
    return max(found)
