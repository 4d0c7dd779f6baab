"""The numbers of a stream: a flow that goes on while the cluster changes. Counts and intervals, never packets.

A client's agent keeps them (`agent.streams.tally`), and the record of a run has them as they are. All moments are whole
milliseconds since the stream began, by a monotonic clock of the client's machine; `Stream.started` anchors them in
wall-clock time.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field


class Counts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the messages of a stream. `lost` had no answer in time; `late` are those of them whose answer came
    after that. `reordered` answers came after a later message's, `wrong` ones are not the server's answer to a message
    of this stream."""

    sent: int = 0
    answered: int = 0
    lost: int = 0
    late: int = 0
    duplicates: int = 0
    reordered: int = 0
    wrong: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


class Totals(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many gaps, errors and new connections there were; `left_off` entries are counted and not listed."""

    gaps: int = 0
    errors: int = 0
    reconnects: int = 0
    left_off: int = 0


class Gap(Struct, frozen=True, array_like=True):
    """A time without an answer while one was due, from `at`, of `length`. The client sent `sent` messages meanwhile,
    each at most `delay` after its time: a long one shows that the client's machine was busy."""

    at: int
    length: int
    sent: int
    delay: int


class Interval(Struct, frozen=True, array_like=True):
    """The numbers of messages that were lost in a row."""

    first: int
    last: int


class Server(Struct, frozen=True, array_like=True):
    """From `at` on the answers were this server's."""

    at: int
    identity: str


class Socket(Struct, frozen=True, array_like=True):
    """From `at` on the client's socket had this address and port."""

    at: int
    address: str
    port: int


class StreamError(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error of the client's socket, `times` times between `at` and `until`.

    `stage`, `kind` and `number` are those of `observations.ProbeError`; a kind more is `closed`: the server closed the
    connection.
    """

    at: int
    until: int
    times: int
    stage: Literal["resolve", "bind", "connect", "send", "receive"]
    kind: str
    number: int | None = None
    text: str = ""


class TransferFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A transfer of `asked` bytes to the server and as many back. `stall` is the longest time without a byte, after
    `stalled_at` bytes; `whole`: all bytes arrived both ways as they were sent."""

    asked: int
    sent: int = 0
    received: int = 0
    stall: int = 0
    stalled_at: int = 0
    elapsed: int = 0
    whole: bool = False


class Stream(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The numbers of one stream. `started` is seconds since the epoch, `ran` how long it has run.

    `longest` is the longest wait for an answer, `waiting` the wait that goes on at this moment, 0 where none does.
    `last` is when the last message was sent.
    """

    started: float
    ran: int
    ended: bool
    counts: Counts
    longest: int = 0
    waiting: int = 0
    last: int = 0
    totals: Totals = field(default_factory=Totals)
    gaps: tuple[Gap, ...] = ()
    lost: tuple[Interval, ...] = ()
    errors: tuple[StreamError, ...] = ()
    servers: tuple[Server, ...] = ()
    sockets: tuple[Socket, ...] = ()
    transfer: TransferFacts | None = None
