"""Paths through a cluster as a watch names them, and budgets for their gaps: `pod-service windows: 2s`. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from podwire.model.facts import OS
from podwire.model.gaps.durations import in_words, seconds_of

KINDS: Mapping[str, str] = {
    "pod-pod": "from a pod to the address of a pod on another node",
    "pod-service": "from a pod to the cluster IP of a Service",
    "pod-node": "from a pod to the address of another node",
    "node-pod": "from a node to a pod of its own, as a kubelet's probes go",
    "node-service": "from a node to the cluster IP of a Service",
    "pod-outside": "from a pod to the host outside",
    "outside-service": "from the host outside to the load balancer of a Service",
}
PROTOCOLS = ("tcp", "udp")
SYSTEMS: tuple[OS, ...] = ("linux", "windows")
ANY = "any"
"""The word in place of a duration for paths without a limit."""
_EVERY = "*"


@dataclass(frozen=True, kw_only=True, order=True)
class Path:
    """One path: its kind, the operating systems of its two ends ('' for one that has none), and the protocol."""

    kind: str
    client: str = ""
    server: str = ""
    protocol: str = "tcp"

    def __str__(self) -> str:
        """`pod-service windows-linux tcp`."""
        ends = "-".join(filter(None, (self.client, self.server)))
        return " ".join(filter(None, (self.kind, ends, self.protocol)))


def _all_paths() -> tuple[Path, ...]:
    pairs = [(client, server) for client in SYSTEMS for server in SYSTEMS]
    both = [(*pair, protocol) for pair in pairs for protocol in PROTOCOLS]
    return (
        *(Path(kind=kind, client=a, server=b, protocol=p) for kind in ("pod-pod", "pod-service") for a, b, p in both),
        *(Path(kind=kind, client=a, server=b) for kind in ("pod-node", "node-service") for a, b in pairs),
        *(Path(kind=kind, client=os) for kind in ("node-pod", "pod-outside") for os in SYSTEMS),
        *(Path(kind="outside-service", server=os, protocol=protocol) for os in SYSTEMS for protocol in PROTOCOLS),
    )


ALL_PATHS = _all_paths()
"""Every path that a watch may have."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The longest gap that some paths may have, in seconds; None: they may have any, or no answer at all.

    `words` choose the paths: see `budget`.
    """

    words: tuple[str, ...]
    seconds: float | None

    def __str__(self) -> str:
        return f"{' '.join(self.words)}: {ANY if self.seconds is None else in_words(self.seconds)}"

    def covers(self, path: str) -> bool:
        """Whether the budget is for the path of this name."""
        if self.words == (_EVERY,):
            return True
        kind, *rest = path.split()
        ends = {word: word.partition("-")[0] for word in rest if word not in PROTOCOLS}
        known = {*rest, *ends.values()}
        return kind == self.words[0] and all(word in known for word in self.words[1:])


def budget(text: str) -> Budget:
    """The budget of `KIND [CLIENT[-SERVER]] [PROTOCOL]: DURATION`; `*: DURATION` is for every path.

    One operating system is that of the client; of `outside-service` it is the server's. `any` in place of the duration
    takes paths out of a wider budget.

    Raises:
        ValueError: another form, or no path is called like this; the text says what is admitted.
    """
    chosen, colon, duration = text.rpartition(":")
    words = tuple(chosen.split())
    if not colon or not words:
        raise ValueError("write PATH: DURATION, such as 'pod-service windows: 2s', or '*: 5s' for every path")
    seconds = None if duration.strip() == ANY else seconds_of(duration)
    if words == (_EVERY,):
        return Budget(words=words, seconds=seconds)
    ends = [f"{client}-{server}" for client in SYSTEMS for server in SYSTEMS]
    _known(words[0], KINDS)
    for word in words[1:]:
        _known(word, (*SYSTEMS, *ends, *PROTOCOLS))
    made = Budget(words=words, seconds=seconds)
    if not any(made.covers(str(path)) for path in ALL_PATHS):
        names = ", ".join(str(path) for path in ALL_PATHS if path.kind == words[0])
        raise ValueError(f"no path is called {' '.join(words)}; there are {names}")
    return made


def _known(word: str, admitted: Iterable[str]) -> None:
    names = list(admitted)
    if word not in names:
        near = difflib.get_close_matches(word, names)
        guess = f"did you mean {' or '.join(near)}?" if near else f"use one of: {', '.join(names)}"
        raise ValueError(f"{word}: no such word of a path; {guess}")
