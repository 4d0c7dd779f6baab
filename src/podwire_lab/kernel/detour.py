"""Packets that leave their path for a moment and come back: a TUN device that a rule leads them to.

The kernel of a lab need not have a qdisc that delays (netem), but it has TUN devices
(linux/Documentation/networking/tuntap.rst). A packet that is written to the device again arrives as if from outside.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import struct
import threading
import time

from podwire_lab.kernel.netns import NetworkNamespace

TUNSETIFF, SIOCSIFFLAGS = 0x400454CA, 0x8914
IFF_TUN, IFF_NO_PI, IFF_UP = 0x0001, 0x1000, 0x1
MOST = 1 << 16


class Detour:
    """A TUN device of this name in a namespace. Each packet that is sent to it comes back after about `seconds`, until
    the device is closed. OSError where the machine has no TUN devices."""

    def __init__(self, namespace: NetworkNamespace, name: str, seconds: float) -> None:
        self._seconds = seconds
        with namespace.entered():
            self._fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                fcntl.ioctl(self._fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
                    fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), IFF_UP))
            except OSError:
                os.close(self._fd)
                raise
        self._bell, self._ring = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name=f"detour {name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._bell not in select.select([self._fd, self._bell], [], [])[0]:
            time.sleep(self._seconds)
            packets = []
            with contextlib.suppress(BlockingIOError):  # That were all.
                while True:
                    packets.append(os.read(self._fd, MOST))
            for packet in packets:
                with contextlib.suppress(OSError):  # A packet that the kernel refuses is lost.
                    os.write(self._fd, packet)

    def close(self) -> None:
        """Remove the device."""
        os.write(self._ring, b"!")
        self._thread.join()
        for fd in (self._fd, self._bell, self._ring):
            os.close(fd)
