"""`python -m podwire_lab.network.held_frames SECONDS MTU MACHINE:SWITCH ...`: hold frames, then hand them on.

Each pair names two interfaces of this process's network namespace: frames that come in at MACHINE go out of SWITCH when
they are SECONDS old. They keep their order, of all machines together. A process that a busy machine delays holds frames
longer and loses none, as long as fewer than `FRAMES` of one machine wait. It writes "ready" and a newline when it
holds frames, and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator

from podwire_lab.kernel.priority import FIRST, be_served

ALL_KINDS = 0x0003
"""ETH_P_ALL (linux/if_ether.h)."""
SOL_PACKET, RX_RING, STATISTICS, VERSION, IGNORE_OUTGOING, V2 = 263, 5, 6, 10, 23, 1
FOR_KERNEL, FOR_US = 0, 1
HEADER = struct.Struct("=IIIHHII")
"""The begin of `tpacket2_hdr`: status, length, captured length, offsets of frame and packet, seconds, nanoseconds
(linux/if_packet.h)."""
STATUS, COUNTS = struct.Struct("=I"), struct.Struct("=II")
ROOM = 128
"""Bytes of a slot that a frame's header, its Ethernet header and the kernel's own header may take."""
FRAMES = 8192
TOGETHER = 0.0005
"""Frames whose time comes within so many seconds go out together."""

Held = deque[tuple[float, bytes, socket.socket]]


class Ring:
    """The frames that come in at an interface, in memory that the kernel fills: a burst costs no call for each frame,
    and needs no right to a larger receive buffer."""

    def __init__(self, interface: str, mtu: int) -> None:
        self.interface = interface
        slot = 2048
        while slot < mtu + ROOM:
            slot *= 2
        block = max(slot, mmap.PAGESIZE)
        count = FRAMES * slot // block
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(SOL_PACKET, VERSION, V2)
        self.socket.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
        self.socket.setsockopt(SOL_PACKET, RX_RING, struct.pack("=IIII", block, count, slot, FRAMES))
        self._memory = mmap.mmap(self.socket.fileno(), block * count)
        self._slot, self._next = slot, 0
        self.socket.bind((interface, ALL_KINDS))

    def frames(self) -> Iterator[tuple[float, bytes]]:
        """The frames that came since the last call, each with the time at which it came, in seconds of time.time()."""
        memory, slot = self._memory, self._slot
        while True:
            at = self._next * slot
            status, length, captured, start, _, seconds, nanoseconds = HEADER.unpack_from(memory, at)
            if not status & FOR_US:
                return
            frame = memory[at + start : at + start + captured]
            STATUS.pack_into(memory, at, FOR_KERNEL)
            self._next = (self._next + 1) % FRAMES
            if captured < length:
                _say(f"a frame of {length} bytes from {self.interface} is too long to hold: it is lost")
                continue
            yield seconds + nanoseconds / 1e9, frame

    def lost(self) -> int:
        """The number of frames since the last call for which the ring had no room."""
        _, lost = COUNTS.unpack(self.socket.getsockopt(SOL_PACKET, STATISTICS, COUNTS.size))
        return int(lost)


def _say(message: str) -> None:
    sys.stderr.write(f"held frames: {message}\n")


def _sender(interface: str) -> socket.socket:
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sender.bind((interface, 0))
    return sender


def hold(seconds: float, ways: list[tuple[Ring, socket.socket]], end: int) -> None:
    """Hold frames until there is something to read at the descriptor `end`, or it is closed."""
    held: Held = deque()
    rings = [ring.socket.fileno() for ring, _ in ways]
    while True:
        if held:  # What comes meanwhile stays in the rings, with its time: the process wakes once for many frames.
            pause = min(seconds, max(0.0, held[0][0] - time.time()))
            ready, _, _ = select.select([end], [], [], pause)
        else:
            ready, _, _ = select.select([end, *rings], [], [])
        if end in ready:
            return
        now = time.time()
        came = [(at, frame, out) for ring, out in ways for at, frame in ring.frames()]
        came.sort(key=lambda held_frame: held_frame[0])
        # A clock that is set back or forth holds no frame longer.
        held.extend((min(at, now) + seconds, frame, out) for at, frame, out in came)
        while held and not now < held[0][0] - TOGETHER <= now + seconds:
            _, frame, out = held.popleft()
            with contextlib.suppress(OSError):  # The machine is gone: a cable without an end loses the frame.
                out.send(frame)


def main(arguments: list[str]) -> int:
    seconds, mtu, pairs = float(arguments[0]), int(arguments[1]), arguments[2:]
    ways = []
    for pair in pairs:
        machine, _, switch = pair.partition(":")
        ways.append((Ring(machine, mtu), _sender(switch)))
    gc.disable()  # Nothing here has a circle.
    be_served(FIRST)  # All packets wait for this process, and what one costs at its receiver counts as its time.
    os.write(1, b"ready\n")
    hold(seconds, ways, 0)
    for ring, _ in ways:
        if lost := ring.lost():
            _say(f"{lost} frames from {ring.interface} found the ring full, and are lost")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
