"""Sockets and addresses: what the jobs of the agent need of them alike."""

from __future__ import annotations

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
    """The family and socket address of an address in figures; nothing is asked for it."""
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        which = "" if family == socket.AF_UNSPEC else "v6" if family == socket.AF_INET6 else "v4"
        raise Failure(stage, "other", None, f"{host} is not an IP{which} address") from None
    return found[0][0], found[0][4]


def places(addresses: Sequence[str]) -> list[tuple[int, str]]:
    """Family and address of each place to listen at: the given ones, or anywhere when none is given.

    A node may be known by an address that none of its interfaces has (one that a cloud translates): then anywhere too.
    """
    found: list[tuple[int, str]] = []
    for host in addresses:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((host, 0))
        except OSError as error:
            complain(f"{host} is no address of this machine ({error}); listening at all that it has")
            return places(())
        found.append((family, host))
    return found or [(family, ANYWHERE[family]) for family in _families()]


def _families() -> list[int]:
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:
        return [socket.AF_INET]
    return [socket.AF_INET, socket.AF_INET6]


def local_address(family: int, target: Any) -> str | None:
    """The address that the system sends from to reach a target; nothing is sent for it."""
    probe = socket.socket(family, socket.SOCK_DGRAM)
    try:
        probe.connect((target[0], target[1] or 9, *target[2:]))
        return str(probe.getsockname()[0])
    except OSError:
        return None  # No route: the attempt itself will say so.
    finally:
        probe.close()


def tell_icmp_errors(sock: socket.socket) -> None:
    """Linux: ICMP errors of an unconnected socket become errors of its next call (IP_RECVERR 11, IPV6_RECVERR 25)."""
    if sys.platform == "linux":
        level, option = (socket.IPPROTO_IPV6, 25) if sock.family == socket.AF_INET6 else (socket.IPPROTO_IP, 11)
        sock.setsockopt(level, option, 1)


def name_of(sock: socket.socket) -> list[Any] | None:
    """A socket's own address and port, if it has one yet."""
    try:
        name = sock.getsockname()
    except OSError:
        return None
    return [name[0], name[1]] if name[1] else None


def send_at_once(sock: socket.socket) -> None:
    """TCP_NODELAY; SCTP bundles only what waits for an acknowledgement anyway."""
    if sock.proto != SCTP:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def send_all(sock: socket.socket, data: bytes, until: float) -> None:
    """Send all of the data. `Failure` when the other end does not take it in time."""
    view = memoryview(data)
    while view:
        try:
            view = view[sock.send(view) :]
        except BlockingIOError:
            if not await writable(sock, until):
                raise Failure("send", "timeout", None, f"{len(view)} bytes were not taken") from None
        except OSError as error:
            raise Failure.of("send", error) from None
