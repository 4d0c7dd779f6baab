"""Source ports of probes: each exchange of a pod gets a new port until the whole range has been used.

Two exchanges from one source port, one to a Service and one to its backend, have the same 5-tuple after DNAT. The node
then rightly changes one source port, and podwire could not judge that port. Nodes remember an exchange for minutes, so
this includes finished controls.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import count

DYNAMIC = {"linux": (32768, 60999), "windows": (49152, 65535), "outside": (32768, 60999)}
"""The ports by OS. The host outside has any; one that another program uses there is left to it."""


class SourcePorts:
    """Gives each exchange its source port. Thread-safe."""

    def __init__(self) -> None:
        self._numbers: dict[str, Iterator[int]] = {}

    def of(self, pod: str, os: str, slot: str) -> int:
        """The next port in the dynamic range of the OS. A host probe shares them with its node: one that is in use is
        left to it. 0 (any port) for a Windows node, which sets ports aside for its pods."""
        if os not in DYNAMIC or (slot == "host" and os == "windows"):
            return 0
        first, last = DYNAMIC[os]
        numbers = self._numbers.setdefault(pod, count(secrets.randbelow(last - first)))
        return first + next(numbers) % (last - first)
