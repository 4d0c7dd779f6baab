"""The sources of frames of a packet socket: a ring that the kernel fills, or the socket's queue."""

from __future__ import annotations

import array
import contextlib
import errno
import mmap
import socket
import struct
import time

from podwire.agent.loop import Promise, now

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Callable, Generator, Tuple

    from podwire.agent.loop import Loop

    # Seconds, nanoseconds, length on the wire, the bytes that are there, number and kind of the interface, direction.
    Frames = Generator[Tuple[int, int, int, Any, int, int, int], None, None]

PACKET = 263  # SOL_PACKET
NOTHING = array.array("B", struct.pack("=HBBI", 6, 0, 0, 0))  # A filter that returns 0: no frame passes.


def shut(sock: socket.socket) -> bool:
    """Let no further frame into a packet socket. Whether the kernel does so: otherwise more frames may come while the
    last ones are read."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, 26, struct.pack("@HP", 1, NOTHING.buffer_info()[0]))  # SO_ATTACH_FILTER
    except OSError:
        return False
    return True


class Ring:
    """The frames of a packet socket in shared memory (packet_mmap, TPACKET_V3). It has room for a burst whatever
    net.core.rmem_max is, and needs no system call for each frame.

    The kernel fills blocks in order. It hands over a full block, or after RETIRE milliseconds a partly filled one. So
    the ring survives a busy machine for RETIRE times the number of blocks. A frame larger than a block is cut.
    """

    BLOCK, RETIRE = 1 << 16, 60
    STATUS, COUNT, FIRST = 8, 12, 16  # Places in the head of a block.
    HEAD = struct.Struct("=IIIIIIHH")  # Of a frame: next, seconds, nanoseconds, kept, length, status, MAC, network.
    WHERE = struct.Struct("=iHB")  # In the sockaddr_ll behind that head: interface, its kind, direction.
    WHERE_AT = 48 + 4

    def __init__(self, loop: Loop, sock: socket.socket, blocks: int) -> None:
        smallest = 1 << 11
        frames = self.BLOCK // smallest * blocks
        request = struct.pack("=7I", self.BLOCK, blocks, smallest, frames, self.RETIRE, 0, 0)
        sock.setsockopt(PACKET, 10, 2)  # PACKET_VERSION, TPACKET_V3
        sock.setsockopt(PACKET, 5, request)  # PACKET_RX_RING
        self._loop, self._blocks, self._next = loop, blocks, None  # type: Loop, int, Promise | None
        self._sock, self._at, self._memory = sock, 0, mmap.mmap(sock.fileno(), self.BLOCK * blocks)

    def frames(self, most: int) -> Frames:
        """The frames of at most `most` blocks that the kernel has handed over. Their bytes stay in the ring."""
        memory, view = self._memory, memoryview(self._memory)
        for _ in range(most):
            start = self._at * self.BLOCK
            status, count, first = struct.unpack_from("=III", memory, start + self.STATUS)
            if not status & 1:  # TP_STATUS_USER
                return
            at = start + first
            for _ in range(count):
                following, seconds, nanoseconds, captured, length, _, mac, _ = self.HEAD.unpack_from(memory, at)
                data = view[at + mac : at + mac + captured]
                yield (seconds, nanoseconds, length, data, *self.WHERE.unpack_from(memory, at + self.WHERE_AT))
                at += following
            if self._next is not None:
                self._next.keep()
                self._next = None
            struct.pack_into("=I", memory, start + self.STATUS, 0)  # TP_STATUS_KERNEL
            self._at = (self._at + 1) % self._blocks

    def _state(self) -> tuple[bool, int]:
        """Whether the kernel has handed over the next block, and how many frames it has."""
        status, count = struct.unpack_from("=II", self._memory, self._at * self.BLOCK + self.STATUS)
        return bool(status & 1), count  # TP_STATUS_USER

    async def arrived(self, drain: Callable[[], None]) -> tuple[int, int]:
        """Take all that there was at the call. How many frames came since the last call, as the kernel counts them,
        and how many of these had no room.

        The block that is being filled tells how many frames it has; it is handed over before long.
        """
        until = now() + 5.0
        while self._state()[0] and now() < until:
            drain()
        if self._state()[1]:
            self._next = Promise(self._loop)  # Who reads the socket takes it; two cannot wait for one descriptor.
            await self._next.wait(until)
        came, dropped, _ = struct.unpack("=III", self._sock.getsockopt(PACKET, 6, 12))  # PACKET_STATISTICS
        return came, dropped

    def close(self) -> None:
        """Release the memory."""
        with contextlib.suppress(BufferError):  # Someone still uses its bytes; it is released after that.
            self._memory.close()


class Queue:
    """The frames of a packet socket one by one, for a system without a ring."""

    def __init__(self, sock: socket.socket, scratch: bytearray) -> None:
        self._sock, self._scratch = sock, scratch
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)  # As much of it as net.core.rmem_max gives.
        sock.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS

    def frames(self, most: int) -> Frames:
        """The waiting frames, at most 128 for each of `most`. The bytes of a frame are overwritten by the next."""
        view = memoryview(self._scratch)
        for _ in range(most * 128):
            try:
                length, control, _, where = self._sock.recvmsg_into([self._scratch], 64, socket.MSG_TRUNC)
            except OSError as error:
                if error.errno == errno.ENETDOWN:
                    continue  # Reported once, when an interface goes down.
                return
            seconds, nanoseconds = struct.unpack("@ll", control[0][2]) if control else divmod(time.time_ns(), 10**9)
            data = view[: min(length, len(view))]
            number = self._number_of(where[0])
            yield seconds & 0xFFFFFFFF, nanoseconds, length, data, number, where[3], where[2]

    def _number_of(self, name: str) -> int:
        try:
            return socket.if_nametoindex(name)
        except OSError:
            return 0  # The interface is gone.

    async def arrived(self, drain: Callable[[], None]) -> tuple[int, int]:
        """Take all that there was at the call. How many frames came since the last call, as the kernel counts them,
        and how many of these had no room."""
        came, dropped = struct.unpack("=II", self._sock.getsockopt(PACKET, 6, 8))
        for _ in range(0, came + 1, 128):
            drain()
        later, dropped_later = struct.unpack("=II", self._sock.getsockopt(PACKET, 6, 8))
        return came + later, dropped + dropped_later

    def close(self) -> None:
        """Nothing to release."""
