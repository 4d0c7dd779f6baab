"""Network namespaces without names, held by descriptors, and the work that must be done from inside one.

Nothing is written below /run/netns: when the last descriptor and the last process of a namespace are gone, the kernel
removes the namespace and all that is in it, however the lab ended.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator, Mapping

CLONE_NEWNET = 0x40000000
SIOCETHTOOL = 0x8946

ETHTOOL_GLINK = 0x0A
ETHTOOL_STXCSUM = 0x17
ETHTOOL_STSO = 0x1F
ETHTOOL_SGSO = 0x24
ETHTOOL_SGRO = 0x2C
OFFLOADS = (ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO)

_libc = ctypes.CDLL(None, use_errno=True)


class NamespaceError(OSError):
    """The kernel refused to make or enter a network namespace (usually: not root and no user namespace)."""


def _call(function: str, *arguments: int) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise NamespaceError(number, f"{function}: {os.strerror(number)}")


def _current() -> int:
    """A descriptor of the namespace of the calling thread (not of the process)."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class NetworkNamespace:
    """A namespace made by this process. `fd` keeps it alive; `close` releases it."""

    def __init__(self, name: str, sysctls: Mapping[str, str] | None = None) -> None:
        """Make the namespace and write `sysctls` before it has an interface: `conf/default` applies to later interfaces
        only."""
        self.name = name
        home = _current()
        try:
            _call("unshare", CLONE_NEWNET)
            try:
                self.fd = _current()
                for key, value in (sysctls or {}).items():
                    _write_sysctl(key, value)
            finally:
                _call("setns", home, CLONE_NEWNET)
        finally:
            os.close(home)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Run the block with the calling thread in the namespace, then return to the old one. Never await inside."""
        home = _current()
        try:
            _call("setns", self.fd, CLONE_NEWNET)
            try:
                yield
            finally:
                _call("setns", home, CLONE_NEWNET)
        finally:
            os.close(home)

    def sysctl(self, key: str, value: str) -> str:
        """Write a setting; `key` has slashes as below /proc/sys (`net/ipv4/ip_forward`). Returns the old value."""
        with self.entered():
            with open(f"/proc/sys/{key}") as file:
                before = " ".join(file.read().split())
            _write_sysctl(key, value)
        return before

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket that stays in this namespace, whoever uses it."""
        with self.entered():
            return socket.socket(family, kind, protocol)

    def close(self) -> None:
        """Release the namespace; safe to call twice."""
        descriptor, self.fd = (
            self.fd,
            -1,
        )  # In this order: no other thread may enter by a descriptor number that was reused.
        if descriptor >= 0:
            os.close(descriptor)


def _write_sysctl(key: str, value: str) -> None:
    descriptor = os.open(f"/proc/sys/{key}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def ethtool(interface: str, command: int, value: int = 0) -> None:
    """Make one legacy ethtool request on an interface of the current namespace; skip an interface that lacks it."""
    data = array.array("B", struct.pack("II", command, value))
    request = struct.pack("16sP16x", interface.encode(), data.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        try:
            fcntl.ioctl(handle, SIOCETHTOOL, request)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise


def plain_frames(namespace: NetworkNamespace, *interfaces: str) -> None:
    """Switch offloads off, so that a capture shows real checksums and frames no larger than the MTU.

    The request for the link state comes last: it also makes the kernel settle the operational state (Linux 6.8 and
    newer).
    """
    with namespace.entered():
        for interface in interfaces:
            for command in OFFLOADS:
                ethtool(interface, command, 0)
            ethtool(interface, ETHTOOL_GLINK)
