"""One more pod of a watch where all of a system's pods share a node: without a pair there is no path between nodes.

A drain of one of two nodes puts both pods on the other. Pods do not move back, and podwire moves none: that would be a
disturbance of its own. It makes one more, which the scheduler places on the free node.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from podwire.model.facts import OS
from podwire.watching.members import Member

PAUSE = 3.0
"""Seconds for which pods must share a node before there is one more."""
MOST_MORE = 4
"""Pods beside those of the beginning."""


class Spread:
    """Watches the pods of each system. `scale` gives a system's Deployment so many pods; False: it could not."""

    def __init__(self, replicas: Mapping[OS, int], scale: Callable[[OS, int], bool]) -> None:
        self._first, self._replicas, self._scale = dict(replicas), dict(replicas), scale
        self._since: dict[OS, float] = {}

    def follow(self, members: Sequence[Member], open_nodes: Callable[[OS], Sequence[str]]) -> None:
        """Make one more pod where that is needed."""
        now = time.monotonic()
        for os, count in self._replicas.items():
            pods = [m for m in members if m.kind == "pod" and m.os == os and not m.leaving]
            used = {pod.node for pod in pods}
            alone = len(pods) == count and len(used) == 1 and any(node not in used for node in open_nodes(os))
            if not alone:
                self._since.pop(os, None)
            elif (
                now - self._since.setdefault(os, now) > PAUSE
                and count < self._first[os] + MOST_MORE
                and self._scale(os, count + 1)
            ):
                self._replicas[os] = count + 1
                del self._since[os]
