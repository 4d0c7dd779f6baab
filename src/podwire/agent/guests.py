"""Limits the connections to an echo server, per peer and in all. The longest silent one makes room for a new one.

Every pod of the network can connect, so the cost of connections must be bounded. A peer is an IPv4 address, or an IPv6
network of 64 bits, because one machine may use all addresses of such a network (RFC 4291, section 2.5.1).
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
"""File descriptors that the agent needs for other purposes."""


class Guests:
    """The connections of an echo server, the longest silent one first."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._most = min(MOST_IN_ALL, raise_descriptor_limit() - OTHER_DESCRIPTORS)
        self._peers: dict[Task, bytes] = {}
        self._counts: dict[bytes, int] = {}

    def admit(self, address: str) -> bytes:
        """Make room for a connection from this address, and return its peer."""
        peer = peer_of(address)
        if self._counts.get(peer, 0) >= MOST_OF_A_PEER:
            self._send_away(next(task for task, task_peer in self._peers.items() if task_peer == peer))
        elif len(self._peers) >= self._most:
            self.drop_one()
        return peer

    def enter(self, task: Task, peer: bytes) -> None:
        """Add an admitted connection by the task that serves it."""
        self._peers[task] = peer
        self._counts[peer] = self._counts.get(peer, 0) + 1

    def heard(self, task: Task | None) -> None:
        """Note that data came from this connection, so it is the last to make room."""
        if task in self._peers:
            self._peers[task] = self._peers.pop(task)

    def leave(self, task: Task | None) -> None:
        """Remove a connection that has ended. Safe to call twice."""
        peer = self._peers.pop(task, None) if task is not None else None
        if peer is not None:
            self._counts[peer] -= 1
            if not self._counts[peer]:
                del self._counts[peer]

    def drop_one(self) -> None:
        """End the longest silent connection, if there is one."""
        for task in self._peers:
            self._send_away(task)
            return

    def _send_away(self, task: Task) -> None:
        self.leave(task)  # A task that has not started runs no `finally`.
        self._loop.cancel(task)


def peer_of(address: str) -> bytes:
    """The key of the peer with this address."""
    if ":" not in address:
        return address.encode()
    return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])[:8]
