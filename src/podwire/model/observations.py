"""What was seen of one case: every attempt, the packets at each capture point, the controls around it.

Everything here is data. A stored observation can be judged again, with today's catalogue, without a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from podwire.model.packets import Packet
from podwire.model.patterns import Direction
from podwire.model.streams.seen import StreamSeen

Value = str | bool | int | tuple[int | str, ...]
"""What a symbol stands for; a tuple is a build, `(build, revision)`, or several texts."""
Point = Literal["client-pod", "client-node", "entry-node", "server-node", "server-pod"]
POINTS: tuple[Point, ...] = ("client-pod", "client-node", "entry-node", "server-node", "server-pod")


class ProbeError(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Why an attempt ended without an answer.

    `stage` is where it ended; `kind` is one of `timeout refused reset unreachable not-found unsupported other`, where
    `unsupported` is a protocol that the client's system does not have; `number` is the platform's error number (errno,
    or a Winsock code) or None.
    """

    stage: Literal["resolve", "bind", "connect", "send", "receive"]
    kind: str
    number: int | None = None
    text: str = ""


class Reply(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the server said: who it is, which address it saw the client come from, which address it was reached at."""

    identity: str
    source: str
    source_port: int
    destination: str = ""
    destination_port: int | None = None


class Attempt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One exchange. `started` is seconds since the epoch, `elapsed` seconds. `local`, `peer`: as the socket says.

    `peer` is where the answer came from: `getpeername` for TCP, the source of the datagram or echo reply otherwise.
    `status` is of HTTP, or a tool's exit code, and `body` the beginning of what a server that is not podwire's sent.
    `canonical` is the name that the resolver gave for the one that was looked up, when it was asked for that.
    `tries` counts datagrams or SYNs as the client sent them, 0 where nobody saw them.
    """

    token: str
    started: float
    elapsed: float
    local: tuple[str, int] | None = None
    peer: tuple[str, int] | None = None
    resolved: tuple[str, ...] = ()
    reply: Reply | None = None
    error: ProbeError | None = None
    sent: int = 0
    received: int = 0
    status: int | None = None
    canonical: str = ""
    body: str = ""
    tries: int = 0

    @property
    def answered(self) -> bool:
        return self.reply is not None


class Lookup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One DNS question that the client put on the wire, and what came back: `rcode` is None when nothing did.

    `alias` is the target of the CNAME in the answer, if there is one; `id` the number of the message. `lost` is how
    often an answered question was sent without an answer from the server that was asked. `records` are SRV and PTR
    answers as a zone file has them. `spelled` is the name as question and answer have it, where it has capitals. `edns`
    tells whether the answer has an OPT record (RFC 6891).
    """

    name: str
    type: str
    server: str
    protocol: Literal["tcp", "udp"]
    at: float
    rcode: str | None = None
    answers: tuple[str, ...] = ()
    alias: str = ""
    id: int = 0
    lost: int = 0
    records: tuple[str, ...] = ()
    spelled: tuple[str, ...] = ()
    edns: bool = False


class SeenPacket(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A packet of a flow, and which way it went: `request` is from client to server, whatever NAT made of it.


    An ICMP error about the flow is an `error`, whichever way it goes: it is no packet of client or server. A later
    fragment stands here with the ports of its packet's first fragment, and that of a tunnel's packet with the headers
    of the packet inside.
    """

    direction: Direction
    packet: Packet


class Capture(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The packets of this case at one capture point.

    `usable` is False when the point did not see its beacon before or after, or when the kernel dropped packets;
    `reason` then says which. An unusable capture proves nothing, least of all an absence. At a usable one with a reason
    an absence proves nothing: frames were lost without notice, and the reason says how that is known.
    """

    point: Point
    where: str
    usable: bool = True
    reason: str = ""
    packets: tuple[SeenPacket, ...] = ()

    @property
    def holey(self) -> str:
        """Why an absence proves nothing, in words; empty when it does."""
        return f"at the {self.point} ({self.where}) an absence proves nothing: {self.reason}" if self.reason else ""


class ControlResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A positive control: the same client, something that must work, just before and just after."""

    name: str
    before: bool
    after: bool
    detail: str = ""

    @property
    def worked(self) -> bool:
        return self.before and self.after


Moment = Literal["start", "end", "flows", "during"]
"""When a node is read in an act; `flows`: while its flows are answered; `during`: once they are over and only
streams go on."""


class Reading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a tool printed at one moment of an act, and the values that were others at other moments of the run.

    `started` is seconds since the epoch.
    """

    act: int
    at: Moment
    started: float
    output: str = ""
    bindings: Mapping[str, Value] = field(default_factory=dict)

    @property
    def moment(self) -> str:
        """When it was, for a person."""
        if self.at == "during":
            return f"while streams went on after act {self.act}"
        if self.at == "flows":
            return f"during act {self.act}"
        return f"at the {self.at} of act {self.act}"


class Observation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that was seen of one case.

    `bindings` gives the symbols of the expectation their values on this cluster, e.g. `client.ip` → `10.244.11.2`; a
    tuple of texts where a symbol stands for several addresses. `output` is what a tool printed. `settled` is how many
    seconds it took until a change of the cluster showed to the client, `unsettled` that it had not when the wait ended.
    `problem` is why nothing can be said of the case at all (a pod died, a stream broke); it makes it inconclusive.
    `interrupted` are the attempts of an earlier asking that a broken stream made worthless: kept, and not judged.
    `readings` are what a tool printed at the start and at the end of each act, every half minute in between and while
    streams alone go on, in the order of time.
    `streams` has an entry for each attempt of a case whose flow is a stream.
    """

    case_id: str
    bindings: Mapping[str, Value] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    captures: Mapping[str, Capture] = field(default_factory=dict)
    lookups: tuple[Lookup, ...] = ()
    controls: tuple[ControlResult, ...] = ()
    problem: str | None = None
    output: str = ""
    settled: float = 0.0
    interrupted: tuple[Attempt, ...] = ()
    unsettled: bool = False
    readings: tuple[Reading, ...] = ()
    streams: tuple[StreamSeen, ...] = ()
