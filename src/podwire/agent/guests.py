"""Who may be connected to an echo server: so many of one peer, so many in all; who was silent longest makes place.

Anybody in the pod network can connect, so what a connection costs must be bounded whoever it is. A peer is an address;
of IPv6 a network of 64 bits, because one machine has all of its addresses (RFC 4291, section 2.5.1).
"""

from __future__ import annotations

import socket

from podwire.agent.system import raise_descriptor_limit

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.loop import Loop, Task

MOST_IN_ALL = 4096
MOST_OF_A_PEER = 1024
OTHER_DESCRIPTORS = 64
"""Descriptors that the agent needs for itself."""


class Guests:
    """The connections of an echo server, in the order in which they were last heard."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._most = min(MOST_IN_ALL, raise_descriptor_limit() - OTHER_DESCRIPTORS)
        self._peers: dict[Task, bytes] = {}
        self._counts: dict[bytes, int] = {}

    def admit(self, address: str) -> bytes:
        """Make place for one more connection from this address, and return whose it is."""
        peer = peer_of(address)
        if self._counts.get(peer, 0) >= MOST_OF_A_PEER:
            self._send_away(next(task for task, other in self._peers.items() if other == peer))
        elif len(self._peers) >= self._most:
            self.drop_one()
        return peer

    def enter(self, task: Task, peer: bytes) -> None:
        """A connection that was admitted, by the task that serves it."""
        self._peers[task] = peer
        self._counts[peer] = self._counts.get(peer, 0) + 1

    def heard(self, task: Task | None) -> None:
        """Something came from that connection: it is the last to make place now."""
        if task in self._peers:
            self._peers[task] = self._peers.pop(task)

    def leave(self, task: Task | None) -> None:
        """It has ended; a second time it does not matter."""
        peer = self._peers.pop(task, None) if task is not None else None
        if peer is not None:
            self._counts[peer] -= 1
            if not self._counts[peer]:
                del self._counts[peer]

    def drop_one(self) -> None:
        """End the connection that was silent longest, if there is any."""
        for task in self._peers:
            self._send_away(task)
            return

    def _send_away(self, task: Task) -> None:
        self.leave(task)  # A task that has not begun runs no `finally`.
        self._loop.cancel(task)


def peer_of(address: str) -> bytes:
    """What counts as one peer."""
    if ":" not in address:
        return address.encode()
    return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])[:8]
