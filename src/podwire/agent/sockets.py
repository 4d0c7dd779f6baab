"""Helpers for sockets and addresses."""

from __future__ import annotations

import contextlib
import socket
import sys

from podwire.agent.errors import Failure
from podwire.agent.loop import writable
from podwire.agent.system import complain

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Sequence

SCTP = 132  # IPPROTO_SCTP
ANYWHERE: dict[int, str] = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}


def numeric(host: str, port: int, family: int, stage: str) -> tuple[int, Any]:
    """The family and socket address of a numeric address, without a look-up. `Failure` for any other text."""
    try:
        infos = socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        version = "" if family == socket.AF_UNSPEC else "v6" if family == socket.AF_INET6 else "v4"
        raise Failure(stage, "other", None, f"{host} is not an IP{version} address") from None
    return infos[0][0], infos[0][4]


def places(addresses: Sequence[str]) -> list[tuple[int, str]]:
    """The family and address of each socket to listen on: the given addresses, or all addresses of the machine.

    A cloud may give a node an address that none of its interfaces has; then it listens on all addresses too.
    """
    listening: list[tuple[int, str]] = []
    for host in addresses:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((host, 0))
        except OSError as error:
            complain(f"{host} is not an address of this machine ({error}); listening on all its addresses")
            return places(())
        listening.append((family, host))
    return listening or [(family, ANYWHERE[family]) for family in _families()]


def _families() -> list[int]:
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:
        return [socket.AF_INET]
    return [socket.AF_INET, socket.AF_INET6]


def local_address(family: int, target: Any) -> str | None:
    """The source address that the system chooses for a target, or None without a route. Sends nothing."""
    probe = socket.socket(family, socket.SOCK_DGRAM)
    try:
        probe.connect((target[0], target[1] or 9, *target[2:]))
        return str(probe.getsockname()[0])
    except OSError:
        return None  # No route: the attempt itself reports it.
    finally:
        probe.close()


def tell_icmp_errors(sock: socket.socket) -> None:
    """On Linux, report ICMP errors at the socket's next call, even unconnected (IP_RECVERR 11, IPV6_RECVERR 25)."""
    if sys.platform == "linux":
        level, option = (socket.IPPROTO_IPV6, 25) if sock.family == socket.AF_INET6 else (socket.IPPROTO_IP, 11)
        sock.setsockopt(level, option, 1)


def take_icmp_error(sock: socket.socket) -> None:
    """Take the oldest ICMP error from a socket that `tell_icmp_errors` prepared; nothing happens without one.

    A call reports an error, but the kernel keeps it in the socket's error queue, and as long as that has one the socket
    counts as ready: who goes on after an error would wait in vain, and turn without end. The next error of the queue is
    reported by the next call.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            sock.recv(1, 0x2000)  # MSG_ERRQUEUE


def name_of(sock: socket.socket) -> list[Any] | None:
    """The socket's own address and port, or None before it is bound."""
    try:
        name = sock.getsockname()
    except OSError:
        return None
    return [name[0], name[1]] if name[1] else None


def send_at_once(sock: socket.socket) -> None:
    """Set TCP_NODELAY. SCTP does not need it."""
    if sock.proto != SCTP:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def send_all(sock: socket.socket, data: bytes, until: float) -> None:
    """Send all data. `Failure` if the other end does not take it before `until`."""
    view = memoryview(data)
    while view:
        try:
            view = view[sock.send(view) :]
        except BlockingIOError:
            if not await writable(sock, until):
                raise Failure("send", "timeout", None, f"the other end did not take {len(view)} bytes") from None
        except OSError as error:
            raise Failure.of("send", error) from None
