"""A capture with AF_PACKET."""

from __future__ import annotations

import array
import errno
import socket
import struct

from podwire.agent.capture.sources import Queue, Ring, shut
from podwire.agent.loop import readable
from podwire.agent.node.interfaces import interfaces

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Callable

    from podwire.agent.loop import Loop, Task
    from podwire.agent.parameters import Parameters

MOST_CAPTURED = 32 << 20
PCAP_HEAD = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)  # nanoseconds, LINKTYPE_ETHERNET
PCAP_RECORD = struct.Struct("<IIII")
ETHERNET_TYPES = (1, 772)  # ARPHRD_ETHER, ARPHRD_LOOPBACK: their frames start with an Ethernet header


class PacketCapture:
    """A capture of every frame on some interfaces, with the kernel's timestamps.

    Without names, one socket captures on all interfaces except the loopback, later ones included. Frames stay in memory
    as libpcap files. Frames that do not fit, and those that the kernel dropped, count as dropped. A classic BPF program
    of (code, jt, jf, k) selects frames; if the kernel has no room for it, the capture has all frames.
    """

    BLOCKS_OF_A_POD, BLOCKS_OF_A_NODE = 64, 192
    BLOCKS_AT_ONCE = (
        16  # More than all connections of this agent fill in one turn of the loop: or it would fall behind.
    )

    def __init__(
        self, loop: Loop, names: list[str], snaplen: int, most: int, program: list[list[int]] | None = None
    ) -> None:
        self._loop, self._snaplen, self._most = loop, snaplen or 1 << 18, most
        self._names, self._asked = frozenset(names), names
        self._program = array.array("B", b"".join(struct.pack("=HBBI", *instruction) for instruction in program or ()))
        self._known: dict[int, str] = {}
        self._empty()
        self._sources: list[tuple[str, socket.socket, Any]] = []
        self._tasks: list[Task] = []
        self._looks: list[Callable[[], None]] = []
        try:
            for name in names or [""]:
                self._open(name)
        except OSError as error:
            self.close()
            if isinstance(error, PermissionError):
                raise ValueError("the pod may not capture packets; it needs CAP_NET_RAW") from None
            raise ValueError(f"interface {name}: {error.strerror}") from None

    def _empty(self) -> None:
        self._size, self._overflow, self._count = 0, 0, 0
        self._files: dict[str, bytearray] = {name: bytearray(PCAP_HEAD) for name in self._asked}
        self._directions: dict[str, bytearray] = {name: bytearray() for name in self._asked}

    def _open(self, name: str) -> None:
        # A named socket has protocol 0, not ETH_P_ALL, before bind: otherwise it gets frames of other interfaces.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0 if name else socket.htons(3))
        try:
            sock.setblocking(False)
            if self._program:
                where, size = self._program.buffer_info()
                try:
                    sock.setsockopt(socket.SOL_SOCKET, 26, struct.pack("@HP", size // 8, where))  # SO_ATTACH_FILTER
                except OSError as error:
                    if error.errno != errno.ENOMEM:  # net.core.optmem_max
                        raise
            source: Any
            try:
                source = Ring(self._loop, sock, self.BLOCKS_OF_A_NODE if self._program else self.BLOCKS_OF_A_POD)
            except (OSError, ValueError):
                source = Queue(sock, self._loop.scratch)
            if name:
                sock.bind((name, 3))
                if sock.getsockname()[3] not in ETHERNET_TYPES:
                    raise OSError(errno.EINVAL, "its frames have no Ethernet header")
        except OSError:
            sock.close()
            raise
        self._sources.append((name, sock, source))
        # A turn of the loop with thousands of connections is longer than the kernel has room for.
        self._looks.append(lambda: self._drain(source))
        self._loop.hurried.append(self._looks[-1])
        self._tasks.append(self._loop.spawn(self._read(sock, source)))

    async def _read(self, sock: socket.socket, source: Any) -> None:
        while True:
            await readable(sock)
            self._drain(source)

    def _drain(self, source: Any) -> None:
        for seconds, nanoseconds, length, data, number, hardware, kind in source.frames(self.BLOCKS_AT_ONCE):
            name = self._known.get(number) or self._name_of(number)
            if not self._names and (name == "lo" or hardware not in ETHERNET_TYPES):
                continue
            captured = min(len(data), self._snaplen)
            if not self._has_room(captured + PCAP_RECORD.size):
                self._overflow += 1
                continue
            if name not in self._files:
                self._files[name], self._directions[name] = bytearray(PCAP_HEAD), bytearray()
            file = self._files[name]
            file += PCAP_RECORD.pack(seconds, nanoseconds, captured, length)
            file += data[:captured]
            self._directions[name].append(kind)
            self._size += captured + PCAP_RECORD.size
            self._count += 1

    def _has_room(self, size: int) -> bool:
        """Whether a frame with its head fits."""
        return self._size + size <= self._most

    def _name_of(self, number: int) -> str:
        try:
            self._known[number] = socket.if_indextoname(number)
        except OSError:
            return str(number)  # The interface is gone.
        return self._known[number]

    def describe(self) -> list[Parameters]:
        """The name, MAC and addresses of each captured interface."""
        known = interfaces()
        return [
            interface
            for interface in known
            if interface["name"] in self._names or (not self._names and interface["name"] != "lo")
        ]

    async def stop(self) -> Parameters:
        """Read the rest from the kernel, and end the capture.

        No frame comes in meanwhile, so that the kernel's count of frames (`accepted`) is that of what was read, in all
        reads together. Without that there is no such count.
        """
        exact = [shut(sock) for _, sock, _ in self._sources]
        taken = await self.read()
        self.close()
        return taken if all(exact) else {**taken, "accepted": None}

    async def read(self) -> Parameters:
        """Return the frames so far. The capture goes on."""
        dropped, accepted = await self._arrived()
        parts = [(name, "pcap", file) for name, file in self._files.items()]
        parts += [(name, "directions", kinds) for name, kinds in self._directions.items()]
        taken = {"dropped": dropped + self._overflow, "count": self._count, "accepted": accepted, "parts": parts}
        self._empty()
        return taken

    async def _arrived(self) -> tuple[int, dict[str, int]]:
        """Take what the kernel has. How many frames it dropped, and how many it took at each named interface."""
        dropped, accepted = 0, {}
        for name, _, source in self._sources:
            came, without_room = await source.arrived(lambda source=source: self._drain(source))
            dropped += without_room
            if name:
                accepted[name] = came - without_room
        return dropped, accepted

    def close(self) -> None:
        """End the capture. Unread frames are lost."""
        for task in self._tasks:
            self._loop.cancel(task)
        for look in self._looks:
            self._loop.hurried.remove(look)
        for _, sock, source in self._sources:
            source.close()
            sock.close()
        self._sources, self._tasks, self._looks = [], [], []
