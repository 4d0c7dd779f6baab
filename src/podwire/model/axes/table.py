"""The axes of `@flows`, each in one row: its values, its default, what it means, and how it shows in a case id.

The decorator, the plan, the ids and the docs read this table. A new axis is a row, and a field of `model.flows.Flow`
or of one of its groups if the flow must know it: the plan fills a field that has the name of an axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import get_args

from podwire.model.asking import ASKS
from podwire.model.axes.axis import ANY_TEXT, ON, Axis
from podwire.model.axes.words import entry_word, node_word, where_several
from podwire.model.changes.table import CHANGES
from podwire.model.controls import CONTROLS
from podwire.model.facts import FAMILIES, OS
from podwire.model.flows import ANYWHERE, Enters, PeerKind, Placement, ProbeProtocol
from podwire.model.sizes import SIZES
from podwire.model.streams.load import StreamKind
from podwire.model.ways import WAYS, Via

ENDS, WAY, LOAD = "Who talks to whom", "By which way", "What is sent"
CHANGE, CHOICE = "After which change, and between which controls", "On which clusters, on which nodes, by which name"
_ROWS: tuple[Axis, ...] = (
    Axis(
        name="client",
        group=ENDS,
        help="the OS of the client: `LINUX`, `WINDOWS`, `ANY_OS`",
        values=get_args(OS),
        default=(),
        many="each",
        id_place=9,
        id_word=lambda flow, matrix: flow.client.os,
    ),
    Axis(
        name="server",
        group=ENDS,
        help="the OS of the server",
        values=get_args(OS),
        default=(),
        many="each",
        id_place=10,
        id_word=lambda flow, matrix: flow.server.os,
    ),
    Axis(
        name="placement",
        group=ENDS,
        help="where the server is: `same-node`, `cross-node`, `itself` (the client); `ANYWHERE` is the first two",
        values=get_args(Placement),
        default=ANYWHERE,
        many="each",
        id_place=11,
        id_word=lambda flow, matrix: "" if flow.placement in ("outside", "anywhere") else flow.placement,
    ),
    Axis(
        name="client_kind",
        group=ENDS,
        help="`pod`, `host` (the node itself), `outside` (the host outside, where an agent can be started)",
        values=("pod", "host", "outside"),
        default="pod",
    ),
    Axis(
        name="server_kind",
        group=ENDS,
        help="the same, and `backends` (whichever backend of the Service answers), `dns` (the cluster's DNS)",
        values=get_args(PeerKind),
        default="pod",
    ),
    Axis(
        name="client_pod",
        group=ENDS,
        help="a special kind of probe pod as the client: a file in `manifests/variants/`",
        values=ANY_TEXT,
        default=("",),
        many="each",
        id_place=14,
        id_word=where_several("client_pod", lambda flow: f"from-{flow.client.pod or 'a'}"),
    ),
    Axis(
        name="server_pod",
        group=ENDS,
        help="the same as the server",
        values=ANY_TEXT,
        default=("",),
        many="each",
        id_place=15,
        id_word=where_several("server_pod", lambda flow: f"to-{flow.server.pod or 'a'}"),
    ),
    Axis(
        name="via",
        group=WAY,
        help="the way to the server; see below",
        values=tuple(WAYS),
        many="each",
        id_place=7,
        id_word=where_several("via", lambda flow: flow.via),
    ),
    Axis(
        name="service",
        group=WAY,
        help="which Service: a file in `manifests/services/` (`echo`: one usual pod)",
        values=ANY_TEXT,
        default=("echo",),
        many="each",
        id_place=3,
        id_word=where_several("service", lambda flow: flow.service.kind),
    ),
    Axis(
        name="port",
        group=WAY,
        help="a port of the Service by the beginning of its name, of a pod for network policies by its name"
        " (`podwire.policies.cast`); empty: the first of the protocol",
        values=ANY_TEXT,
        default=("",),
        many="each",
        id_place=4,
        id_word=lambda flow, matrix: flow.way.port if len(matrix.port) > 1 or matrix.ruled else "",
    ),
    Axis(
        name="each_port",
        group=WAY,
        help="every exchange goes to the next port of the Service",
        values=ON,
        default=False,
    ),
    Axis(
        name="closed_port",
        group=WAY,
        help="a port where nobody listens, at the address of a pod, of a node or of the host outside",
        values=ON,
        default=False,
    ),
    Axis(
        name="denied_port",
        group=WAY,
        help="a port that the network between the nodes denies to pods, at the address of a pod or of a node",
        values=ON,
        default=False,
    ),
    Axis(
        name="enters",
        group=WAY,
        help="the node that the flow is sent to: `client-node`, `server-node`, `other-node`",
        values=get_args(Enters),
        default=("",),
        many="each",
        id_place=12,
        id_word=entry_word,
    ),
    Axis(
        name="entry_os",
        group=WAY,
        help="the OS of that node where it is another one than the client's and the server's",
        values=get_args(OS),
        default=(),
        many="each",
    ),
    Axis(
        name="protocol",
        group=LOAD,
        help="`tcp`, `udp`, `icmp`, `http`, `sctp`, `dns` (only a look-up), `tool` (the program that `tool` names)",
        values=get_args(ProbeProtocol),
        default=("tcp", "udp"),
        many="each",
        id_place=2,
        id_word=lambda flow, matrix: flow.protocol,
    ),
    Axis(
        name="family",
        group=LOAD,
        help="`ipv4`, `ipv6`; a run leaves out what the cluster does not have",
        values=FAMILIES,
        default=FAMILIES,
        many="each",
        id_place=8,
        id_word=lambda flow, matrix: "v6" if flow.family == "ipv6" else "v4",
    ),
    Axis(
        name="payload",
        group=LOAD,
        help="the bytes of a request",
        values=int,
        default=(256,),
        many="each",
        id_place=5,
        id_word=where_several("payload", lambda flow: f"{flow.load.payload}B"),
    ),
    Axis(
        name="size",
        group=LOAD,
        help="instead: how long a UDP request and its answer are, by the path's MTU; see below",
        values=("", *SIZES),
        default=("",),
        many="each",
        id_place=6,
        id_word=where_several("size", lambda flow: flow.load.size),
    ),
    Axis(name="answer", group=LOAD, help="the bytes of an answer, over TCP or UDP; 0: any", values=int, default=0),
    Axis(name="half_close", group=LOAD, help="the client ends its side before the answer", values=ON, default=False),
    Axis(name="connections", group=LOAD, help="how many exchanges there are", values=int, default=1),
    Axis(
        name="miss_risk",
        group=LOAD,
        help="instead: as many exchanges as miss a backend with this chance only (of a crowd: all its pods)",
        values=float,
        default=None,
    ),
    Axis(
        name="lopsided",
        group=LOAD,
        help="instead: as many exchanges as show that one backend gets so many times its fair share",
        values=float,
        default=None,
    ),
    Axis(
        name="half_gets",
        group=LOAD,
        help="instead: as many exchanges as show that any half of the backends gets this share of them",
        values=float,
        default=None,
    ),
    Axis(name="whole_path", group=LOAD, help="it is judged with all other flows of its path", values=ON, default=False),
    Axis(
        name="tool",
        group=LOAD,
        help="the program that the client runs: a name that its agent knows",
        values=ANY_TEXT,
        default="",
    ),
    Axis(
        name="asks",
        group=LOAD,
        help="what the agent's own DNS client asks of the cluster's DNS, instead of the system's resolver; see below",
        values=tuple(ASKS),
        default="",
    ),
    Axis(
        name="stream",
        group=LOAD,
        help="a stream, from before the first flow until after the last: `steady` (numbered exchanges at a rate), "
        "`dense` (hundreds in seconds), `silent` (an exchange, silence, another one), `transfer` (bytes each way), "
        "`one-way` (datagrams that nobody answers)",
        values=get_args(StreamKind),
        default="",
    ),
    Axis(
        name="sends",
        group=LOAD,
        help="instead of what a socket sends: the packets that a Linux pod sends, as a function of the flow; see below",
        values=FunctionType,
        default=None,
    ),
    Axis(
        name="after",
        group=CHANGE,
        help="a change of the cluster that the flow follows, or that a stream lives through, by its name in "
        "`podwire.model.changes.table`",
        values=("", *CHANGES),
        default="",
    ),
    Axis(
        name="settles",
        group=CHANGE,
        help="what the client sees once the change is carried out: it is `answered` or `unanswered`; podwire does not"
        " wait for `unasked`",
        values=("answered", "unanswered", "unasked"),
        default="answered",
    ),
    Axis(
        name="ruled",
        group=CHANGE,
        help="the network policies in force allow or deny the flow (`podwire.policies`), and its ids say which",
        values=ON,
        default=False,
        id_place=16,
        id_word=lambda flow, matrix: flow.ruling.decision,
    ),
    Axis(
        name="repeated",
        group=CHANGE,
        help="the flow is sent before the change too, and both times together are judged",
        values=ON,
        default=False,
    ),
    Axis(
        name="same_ports",
        group=CHANGE,
        help="of a repeated flow over UDP: each exchange has the same source port both times, and errors do not end it",
        values=ON,
        default=False,
    ),
    Axis(
        name="each_act",
        group=CHANGE,
        help="a tool runs at both ends of each act and every 30 s of a long stream; all its lists are judged",
        values=ON,
        default=False,
    ),
    Axis(
        name="once",
        group=CHANGE,
        help="an end remembers the flow for minutes: a run of several rounds sends it in the last one only",
        values=ON,
        default=False,
    ),
    Axis(
        name="controls",
        group=CHANGE,
        help="what must work just before and just after, beside both ends answering themselves; see below",
        values=(*CONTROLS, *get_args(Via)),
        default=(),
        many="all",
    ),
    Axis(
        name="given_dsr",
        group=CHOICE,
        help="only clusters with Direct Server Return on (`True`) or off (`False`) on Windows nodes",
        values=ON,
        default=None,
    ),
    Axis(
        name="given_dns_cache",
        group=CHOICE,
        help="only clusters whose Linux nodes have a DNS cache that their pods ask (`True`), or have none (`False`)",
        values=ON,
        default=None,
    ),
    Axis(
        name="unless_cni",
        group=CHOICE,
        help="no cluster with one of these CNIs",
        values=ANY_TEXT,
        default=(),
        many="all",
    ),
    Axis(
        name="unaddressed",
        group=CHOICE,
        help="pods that lack an address of the family send the flow too",
        values=ON,
        default=False,
    ),
    Axis(
        name="every_node",
        group=CHOICE,
        help="each node of the client's OS has a case of its own",
        values=ON,
        default=False,
        id_place=13,
        id_word=lambda flow, matrix: node_word(flow),
    ),
    Axis(
        name="covers_nodes",
        group=CHOICE,
        help="with more nodes than the usual two, more cases between nodes: each is client and server of every OS",
        values=ON,
        default=False,
    ),
    Axis(
        name="first_node",
        group=CHOICE,
        help="the client is on the first node of its OS",
        values=ON,
        default=False,
    ),
    Axis(
        name="aspect",
        group=CHOICE,
        help="a word in the ids that sets apart the cases of two tests of one requirement",
        values=ANY_TEXT,
        default="",
        id_place=1,
        id_word=lambda flow, matrix: str(matrix.aspect),
    ),
)
AXES: Mapping[str, Axis] = {axis.name: axis for axis in _ROWS}
