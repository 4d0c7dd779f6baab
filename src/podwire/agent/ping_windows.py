"""ICMP echo with the functions of Windows."""

from __future__ import annotations

import ctypes
import socket
import struct

from podwire.agent.errors import Failure
from podwire.agent.loop import now
from podwire.agent.sockets import local_address

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.trial import Trial


class WindowsEchoes:
    """Echo requests with IcmpSendEcho2 and Icmp6SendEcho2 (Microsoft: icmpapi.h). They need no privilege; each call
    blocks a thread."""

    TIMED_OUT = 11010
    UNREACHABLE = (11002, 11003, 11004, 11005)

    def __init__(self, trial: Trial, payload: bytes) -> None:
        self._trial, self._payload = trial, payload

    def __enter__(self) -> WindowsEchoes:
        return self

    def __exit__(self, *_: object) -> None:
        """Each call has its own handle."""

    async def answered(self, sequence: int, until: float) -> bool:
        """Send one echo request. Returns whether its reply came before `until`."""
        wait_ms = max(1, int((until - now()) * 1000))
        try:
            status = await self._trial.loop.in_thread(lambda: self._send(wait_ms), until + 1.0)
        except TimeoutError:
            return False
        except OSError as error:
            raise Failure.of("send", error) from None
        if status not in (0, self.TIMED_OUT):
            kind = "unreachable" if status in self.UNREACHABLE else "other"
            raise Failure("receive", kind, status, f"IP status {status}")
        return bool(status == 0)

    def _send(self, wait_ms: int) -> int:
        """The IP_STATUS of one echo, 0 for success."""
        library = ctypes.WinDLL("iphlpapi", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
        family, target = self._trial.family, self._trial.target
        v6 = family == socket.AF_INET6
        create, close = library.Icmp6CreateFile if v6 else library.IcmpCreateFile, library.IcmpCloseHandle
        create.restype, close.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        handle = create()
        if handle in (None, ctypes.c_void_p(-1).value):
            number = ctypes.get_last_error()  # type: ignore[attr-defined,unused-ignore]
            raise OSError(number, f"ICMP is not available: error {number}")
        data = ctypes.create_string_buffer(self._payload, len(self._payload))
        space = ctypes.create_string_buffer(len(data) + 256)
        tail = (data, ctypes.c_ushort(len(data)), None, space, ctypes.c_ulong(len(space)), ctypes.c_ulong(wait_ms))
        first = (ctypes.c_void_p(handle), None, None, None)
        try:
            if v6:
                ends = [socket.inet_pton(family, a) for a in (local_address(family, target) or "::", target[0])]
                scope = target[3] if len(target) > 3 else 0
                packed = [struct.pack("=HHI16sI", 23, 0, 0, end, scope) for end in ends]
                source, remote = (ctypes.create_string_buffer(sockaddr, 28) for sockaddr in packed)
                replies = library.Icmp6SendEcho2(*first, source, remote, *tail)
                at = 28  # ICMPV6_ECHO_REPLY: a packed address of 26 bytes, then Status
            else:
                number = struct.unpack("=I", socket.inet_aton(target[0]))[0]
                replies = library.IcmpSendEcho2(*first, ctypes.c_ulong(number), *tail)
                at = 4  # ICMP_ECHO_REPLY: Address, then Status
            if not replies:
                return int(ctypes.get_last_error() or self.TIMED_OUT)  # type: ignore[attr-defined,unused-ignore]
            return int(struct.unpack_from("=I", space.raw, at)[0])
        finally:
            close(handle)
