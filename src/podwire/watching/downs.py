"""When clients and nodes of a watch were down, and when the API server was away, as far as the API tells. Pure."""

from __future__ import annotations

LAG = 10_000
"""Milliseconds after an agent's return in which the API may tell of the restart: a kubelet reports a moment later."""


class Downs:
    """What the API has told. Moments are milliseconds since the watch began."""

    def __init__(self) -> None:
        self._restarts: dict[str, list[int]] = {}
        self._nodes: dict[str, str] = {}
        self._cuts: list[tuple[int, int | None]] = []

    def lives_on(self, uid: str, node: str) -> None:
        """A pod has this node."""
        self._nodes[uid] = node

    def restarted(self, uid: str, at: int) -> None:
        """A container of the pod runs anew."""
        self._restarts.setdefault(uid, []).append(at)

    def node_restarted(self, name: str, at: int) -> None:
        """The node has booted, or is not there any more."""
        self._restarts.setdefault(f"node {name}", []).append(at)

    def api_away(self, at: int) -> None:
        """The API server does not answer."""
        self._cuts.append((at, None))

    def api_back(self, at: int) -> None:
        """It answers again."""
        if self._cuts:
            self._cuts[-1] = (self._cuts[-1][0], at)

    def was_down(self, uid: str, since: int, until: int) -> bool:
        """Whether the pod of this uid, or its node, restarted between two moments.

        False if the API server was away in that time: then that is why podwire lost the agent, whatever came later.
        """
        if any(begin <= until and (end is None or end >= since) for begin, end in self._cuts):
            return False
        keys = (uid, f"node {self._nodes.get(uid, '')}")
        return any(since <= at <= until + LAG for key in keys for at in self._restarts.get(key, ()))
