"""`watch.json`: what a watch has seen. Counts and intervals of each path, and the events of the cluster; packets around
gaps have files of their own.

All moments are whole milliseconds since the watch began, by the runner's clock; `started` anchors them in wall-clock
time.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from podwire.files.bounded import bytes_of
from podwire.files.typed import json_as
from podwire.records.files import write_atomically

NAME, PACKETS = "watch.json", "packets"
SCHEMA = "podwire.watch/1"
MOST_BYTES = 200 << 20
MOST_GAPS = 200
"""Gaps that are listed for each path: the longest ones. The others are counted."""
MOST_BLIND = 50
"""Blind times that are listed for each path: the longest ones."""
MOST_EVENTS = 20_000
"""Events that are listed. Those beyond are counted."""


class GapOfPath(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A time without an answer on one stream of a path."""

    at: int
    length: int
    client: str
    """The pod, the node's pod or the host outside that asked."""
    server: str
    """The pod, the Service or the host that should have answered."""
    messages: int = 0
    """How many were sent in it."""
    own_delay: int = 0
    """How late the client's own timer was in it: a busy machine."""
    open: bool = False
    """Whether it had not ended when the watch did, so that it may have been longer."""

    @property
    def certain(self) -> int:
        """The milliseconds that are not the client's own delay."""
        return max(0, self.length - self.own_delay)


class BlindTime(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A time in which nobody knows of one client of a path: podwire had lost its agent, and with it what it counted.

    It lasts from the client's last known answer to its next one, or until the API said that the client was away.
    """

    at: int
    length: int
    client: str


class PathCounts(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What became of the messages of a path, and of its streams."""

    sent: int = 0
    answered: int = 0
    lost: int = 0
    """Messages without an answer in time."""
    late: int = 0
    """Those of the lost messages whose answer came after that."""
    resets: int = 0
    """Connections that were reset, or closed by the server."""
    errors: dict[str, int] = {}
    """The errors of sockets, by kind."""
    streams: int = 0
    """How many streams there were, one after the other or side by side."""
    unseen: int = 0
    """Streams whose last seconds nobody saw, because their client ended without a word."""
    left_off: int = 0
    """Gaps and errors that an agent has counted and not listed: it had more than 500 between two calls."""


class PathRecord(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one path has shown, over all its streams. Lengths are in milliseconds."""

    path: str
    longest: int
    """The longest wait for an answer, of any stream; the client's own delay is a part of it."""
    counts: PathCounts
    watched: int = 0
    """The time in which one of its streams ran at least."""
    gap_count: int = 0
    """Waits that were long enough to be a gap."""
    gaps: tuple[GapOfPath, ...] = ()
    """The longest of them without the clients' own delays, and the longest with them, in the order of time."""
    blind_count: int = 0
    blind: tuple[BlindTime, ...] = ()
    """The longest of the times in which nobody knows of a client, in the order of time."""
    silent: tuple[str, ...] = ()
    """Clients that had no answer on it before the watch began: it says nothing about them."""
    gone: bool = False
    """Whether none of its streams ran when the watch ended: a client or a server had not come back."""


class TimedEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Something that happened in the cluster, to the command, or to the watch itself."""

    at: int
    kind: str
    """`node`, `pod`, `network` (kube-proxy, CNI), `api`, `event` (of Kubernetes), `command` or `watch`."""
    subject: str
    text: str


class PacketFile(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The packets that one pod saw around gaps, in a file of the folder `packets` (libpcap, gzip)."""

    file: str
    pod: str
    at: int
    """The moment from which on packets are in it; a pod keeps those of the last minute or so."""
    until: int
    packets: int


class CommandRecord(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The command that ran meanwhile. `exit_code` is None for one that had not ended; `signal` ended it."""

    words: tuple[str, ...]
    exit_code: int | None = None
    signal: str = ""


class WatchHead(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was watched, when, and how closely."""

    run_id: str
    version: str
    """Of podwire."""
    cluster: str
    emulated: bool
    """Whether the cluster is the lab's: no evidence about Windows."""
    started: float
    """Seconds since the epoch."""
    length: int
    """Milliseconds."""
    every: int
    """Milliseconds from one message of a stream to the next."""
    threshold: int
    """Milliseconds from which a wait is listed as a gap."""


class WatchRecord(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One watch."""

    schema: str
    head: WatchHead
    paths: tuple[PathRecord, ...]
    events: tuple[TimedEvent, ...]
    left_off: int = 0
    """Events that are not listed."""
    command: CommandRecord | None = None
    unanswered: tuple[str, ...] = ()
    """Paths that had no answer before the watch began: it says nothing about them."""
    unwatched: tuple[str, ...] = ()
    """What should have been watched and was not, in sentences: no budget can be kept while there is any."""
    remarks: tuple[str, ...] = ()
    """What else a reader should know, in sentences."""
    packets: tuple[PacketFile, ...] = ()
    """The files with packets around gaps, in the order of time."""
    finished: bool = False
    """Whether the watch has ended; one that was killed leaves what it had stored last."""


_DECODER = msgspec.json.Decoder(WatchRecord)


def write_watch(record: WatchRecord, folder: Path) -> Path:
    """Write `watch.json` into the folder; a reader never sees a part of it. Raises OSError."""
    path = folder / NAME
    write_atomically(path, msgspec.json.format(msgspec.json.encode(record), indent=1).decode() + "\n")
    return path


def is_watch(path: Path) -> bool:
    """Whether this is the folder, or the file, of a watch."""
    return path.name == NAME or (path / NAME).is_file()


def load_watch(path: Path) -> WatchRecord:
    """The record in a file or in a folder. ValueError says in one line why it cannot be read."""
    file = path / NAME if path.is_dir() else path
    try:
        record = json_as(bytes_of(file, MOST_BYTES), _DECODER)
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if record.schema != SCHEMA:
        raise ValueError(f"{file}: its schema is {record.schema!r}, and this podwire reads {SCHEMA}; watch again")
    return record
