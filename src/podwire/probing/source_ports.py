"""Source ports of probes: no two exchanges of a pod have the same, until its whole range has been used.

Two exchanges with one source port, one to a Service and one to its backend, have the same ends once the Service is
translated; the node must then give one of them another port, as it should, and nothing could be said of it. Nodes
remember an exchange for minutes, so that this holds for controls too, which are long over.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import count

DYNAMIC = {"linux": (32768, 60999), "windows": (49152, 65535)}


class SourcePorts:
    """Hands them out, from several threads at once."""

    def __init__(self) -> None:
        self._numbers: dict[str, Iterator[int]] = {}

    def of(self, pod: str, os: str, slot: str) -> int:
        """A port of the system's dynamic range; 0, which is any, for a node, which shares its ports with others."""
        if os not in DYNAMIC or slot == "host":
            return 0
        first, last = DYNAMIC[os]
        numbers = self._numbers.setdefault(pod, count(secrets.randbelow(last - first)))
        return first + next(numbers) % (last - first)
