"""A connection to a server by its name, within one bound: the look-up of its name, TCP, and a proxy's CONNECT.

A resolver has no bound that a caller could set: it asks several servers several times, for each domain of its search
list. So a thread asks it, and nobody waits for that thread longer than the bound.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from typing import Any

MOST_OF_A_HEAD = 16 << 10
"""Bytes of a proxy's answer to CONNECT."""


class ProxyRefused(OSError):
    """A proxy did not let the connection through; the text says why in a few words."""


def dial(host: str, port: int, seconds: float) -> socket.socket:
    """A TCP connection to the first address of the name that takes one; its timeout is set to `seconds`.

    Raises socket.gaierror for a name without an address, also one that nobody told in time; TimeoutError; OSError.
    """
    end = time.monotonic() + seconds
    places = _looked_up(host, port, seconds)
    problem: OSError = TimeoutError("no connection in time")
    for number, (family, kind, protocol, _, address) in enumerate(places):
        # Each of the addresses that are left gets its share of the time that is left.
        share = (end - time.monotonic()) / (len(places) - number)
        if share <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(share)
            sock.connect(address)
        except OSError as error:
            sock.close()
            problem = error
            continue
        sock.settimeout(seconds)
        return sock
    raise problem


def _looked_up(host: str, port: int, seconds: float) -> list[Any]:
    infos: list[Any] = []
    problems: list[OSError] = []

    def ask() -> None:
        try:
            infos.extend(socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:  # The latter for a label that is too long.
            problems.append(error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, str(error)))

    thread = threading.Thread(target=ask, name=f"look up {host}", daemon=True)
    thread.start()
    thread.join(seconds)
    if problems:
        raise problems[0]
    if not infos:
        raise socket.gaierror(socket.EAI_AGAIN, "no answer in time")
    return infos


class Opening:
    """What a `Deadline` shuts while a connection is made: TLS takes the socket away from whoever holds it.

    A second descriptor of the same connection can be shut all the time, until `close`.
    """

    def __init__(self) -> None:
        self.socket: socket.socket | None = None

    def of(self, sock: socket.socket) -> None:
        """Hold the connection of this socket."""
        self.close()
        self.socket = sock.dup()

    def close(self) -> None:
        """Let go of it."""
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.close()
            self.socket = None


def tunnel(sock: socket.socket, host: str, port: int, user: tuple[str, str] | None) -> None:
    """Ask an HTTP proxy for a connection to a server. Raises `ProxyRefused`; OSError when the connection breaks."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if user is not None:
        word = base64.b64encode(":".join(user).encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {word}")
    sock.sendall("\r\n".join([*lines, "", ""]).encode("utf-8"))
    head = bytearray()
    # A byte a time: what follows the head is the server's.
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            raise ProxyRefused("the proxy closed the connection instead of an answer to CONNECT")
        head += byte
        if len(head) > MOST_OF_A_HEAD:
            raise ProxyRefused(f"the proxy's answer to CONNECT is longer than {MOST_OF_A_HEAD >> 10} kB")
    words = bytes(head).split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    if not words[0].startswith("HTTP/") or len(words) < 2 or not words[1].isdigit():
        raise ProxyRefused("the proxy answered CONNECT with something that is not HTTP")
    if not words[1].startswith("2"):
        raise ProxyRefused(f"the proxy refused CONNECT to {target}: {' '.join(words[1:])}")
