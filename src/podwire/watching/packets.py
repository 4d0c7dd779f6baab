"""The packets around gaps: Linux pods of a watch keep their newest frames, and podwire fetches those of a gap."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

from podwire.model.gaps.paths import Path
from podwire.packets.pcap import Frame, read_frames, write_frames
from podwire.probing.calls import AgentError, CaptureData, ChannelLost
from podwire.records.watch import GapOfPath, PacketFile
from podwire.watching.agents import Agents, Generation
from podwire.watching.members import Member

CAPTURE = "watch"
NEWEST, SNAPLEN = 4 << 20, 96
"""Bytes of frames that an agent keeps, and bytes of a frame: at the rate of a watch, more than a minute of packets with
their headers and the numbers of their messages."""
BEFORE = 2000
"""Milliseconds before a gap whose packets are kept."""
AGAIN = 5.0
"""Seconds between two times at which the packets of one pod are fetched: what a node that goes down cuts, it cuts again
and again."""
PATIENCE, LAST = 20.0, 5.0
"""Seconds for the packets of a pod to arrive, and for the last of them at the end of a watch."""
MOST_BYTES, MOST_FILES = 60 << 20, 2000
"""What a watch keeps on disk, as gzip files."""
FULL = f"packets of later gaps are not kept: {MOST_BYTES >> 20} MB or {MOST_FILES} files are there"
_NAMED = 5
_OTHER = re.compile(r"[^A-Za-z0-9.-]+")
Keep = Callable[[str, bytes], None]
"""Stores a file by its name. OSError: it cannot."""


@dataclass(kw_only=True)
class GapPackets:
    """Captures at the Linux pods of a watch, and fetches what they have around gaps. One thread uses it.

    `now` gives the moment, in milliseconds since the watch began. Windows pods have no captures of their own.
    """

    agents: Agents
    now: Callable[[], int]
    keep: Keep
    active: bool = False
    """Whether the watch has begun: what was cut before is no gap."""
    files: list[PacketFile] = field(default_factory=list)
    _problems: set[str] = field(default_factory=set)
    """Why packets are missing, in sentences."""
    _ended: set[str] = field(default_factory=set)
    """The names of pods that took packets along when they ended."""
    _captured: dict[str, Generation] = field(default_factory=dict)
    _starting: list[tuple[str, Future[dict[str, Any]]]] = field(default_factory=list)
    _wanted: dict[str, int] = field(default_factory=dict)
    """The moment from which on the packets of a pod are wanted, by its uid."""
    _fetched: dict[str, float] = field(default_factory=dict)
    _fetching: list[tuple[str, int, int, Future[CaptureData]]] = field(default_factory=list)
    _bytes: int = 0

    def follow(self, members: Iterable[Member]) -> None:
        """Start the captures of pods whose agents have none: they end with their agents."""
        pods = [member for member in members if member.kind == "pod" and member.os == "linux" and member.usable]
        self._captured = {pod.uid: self._captured[pod.uid] for pod in pods if pod.uid in self._captured}
        for member in pods:
            generation = self.agents.generation(member.uid)
            if generation is not None and self._captured.get(member.uid) != generation:
                self._captured[member.uid] = generation
                wish = {
                    "capture": CAPTURE,
                    "via": "af_packet",
                    "newest": True,
                    "limit": NEWEST,
                    "snaplen": SNAPLEN,
                }
                self._starting.append((member.uid, self.agents.of(member.uid).call("capture_start", wish, PATIENCE)))

    def around(self, gap: GapOfPath, client: str, path: Path) -> None:
        """Want the packets of a gap: those of its client, a pod's uid, and of its server; of a Service those of all
        pods of its system."""
        if not self.active:
            return
        behind = path.kind.endswith("-service") and path.server == "linux"
        for uid in self._captured:
            if not (behind or uid == client or self.agents.name(uid) == gap.server):
                continue
            self._wanted[uid] = min(self._wanted.get(uid, gap.at - BEFORE), gap.at - BEFORE)

    def collect(self, *, last: bool = False) -> None:
        """Fetch what is wanted, and store what has arrived. With `last` it waits for what is on its way."""
        self._note_starts()
        for uid, since in list(self._wanted.items()):
            if not last and time.monotonic() - self._fetched.get(uid, -AGAIN) < AGAIN:
                continue
            del self._wanted[uid]
            if self._full:
                self._problems.add(FULL)
            elif self.agents.generation(uid) == self._captured.get(uid, ()):
                self._fetched[uid] = time.monotonic()
                self._fetching.append((uid, since, self.now(), self.agents.of(uid).capture_read(CAPTURE, PATIENCE)))
            else:
                self._ended.add(self.agents.name(uid))
        if last:
            wait([data for *_, data in self._fetching], LAST)
        arrived = [entry for entry in self._fetching if entry[-1].done()]
        self._fetching = [entry for entry in self._fetching if not entry[-1].done()]
        for uid, *_ in self._fetching if last else ():
            self._missing(self.agents.name(uid), f"they did not arrive within {LAST:g} s of the end of the watch")
        for uid, since, until, data in arrived:
            self._store(self.agents.name(uid), since, until, data)

    def remarks(self) -> list[str]:
        """Which packets are missing, and why, in sentences."""
        names = sorted(self._ended)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        ended = f"packets around gaps went with pods whose agents ended: {', '.join(names[:_NAMED])}{more}"
        return [*sorted(self._problems), *([ended] if names else [])]

    @property
    def _full(self) -> bool:
        return self._bytes >= MOST_BYTES or len(self.files) >= MOST_FILES

    def _note_starts(self) -> None:
        for uid, answer in [entry for entry in self._starting if entry[1].done()]:
            try:
                answer.result()
            except ChannelLost:
                pass  # The next agent of the pod starts one.
            except (AgentError, TimeoutError) as problem:
                self._captured.pop(uid, None)
                self._missing(self.agents.name(uid), str(problem))
        self._starting = [entry for entry in self._starting if not entry[1].done()]

    def _missing(self, pod: str, why: str) -> None:
        self._problems.add(f"packets around gaps of {pod} are missing: {why}")

    def _store(self, pod: str, since: int, until: int, answer: Future[CaptureData]) -> None:
        try:
            frames = list(_around(answer.result(), until - since))
        except ChannelLost:
            self._ended.add(pod)
            return
        except (AgentError, TimeoutError, ValueError) as problem:
            self._missing(pod, str(problem) or "they did not arrive in time")
            return
        if not frames or self._full:
            return
        since = max(since, 0)
        name = f"{since:09d}-{until:09d}-{_OTHER.sub('-', pod)}.pcap.gz"
        content = gzip.compress(write_frames(frames), mtime=0)
        try:
            self.keep(name, content)
        except OSError as problem:
            self._problems.add(f"packets around gaps cannot be stored: {problem.strerror or problem}")
            return
        self._bytes += len(content)
        self.files.append(PacketFile(file=name, pod=pod, at=since, until=until, packets=len(frames)))


def _around(data: CaptureData, length: int) -> Iterator[Frame]:
    """The frames of the last `length` milliseconds before the newest one, of all interfaces, in the order of time."""
    frames = [frame for name, file in data.interfaces.items() for frame in read_frames(file, name)]
    newest = max((frame.at_ns for frame in frames), default=0)
    return iter(sorted(frame for frame in frames if frame.at_ns >= newest - length * 1_000_000))
