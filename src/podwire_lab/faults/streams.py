"""Faults of what goes on for a while: long, silent and open connections, and the order and number of messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from podwire.model.facts import Family
from podwire_lab.faults.egress import TO_OUTSIDE
from podwire_lab.faults.fault import ECHO_PORT, Injection, chain, fault
from podwire_lab.faults.losses import FORWARD, one_in
from podwire_lab.kernel import conntrack
from podwire_lab.kernel.detour import Detour
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.network.node import Node

COUNTS_BYTES = "net/netfilter/nf_conntrack_acct"
MEGABYTE = 1_000_000
FAR_IN = 400
"""Bytes from the start of a TCP segment: in the middle of the data of a long one."""
SILENT_SECONDS = "3"
OF_A_SERVICE = "ct status dnat"
CONNECTIONS_LIVE_ON = ("STREAM-OTHER-BACKEND-GONE", "STREAM-OTHER-ENDPOINT", "CHURN-DRAIN")
TABLES: Mapping[Family, str] = {"ipv4": "ip", "ipv6": "ip6"}

DETOUR, ELSEWHERE = "detour0", "198.51.100.1"  # an address of the documentation, which no packet carries


@fault("transfers-stall", kills=("STREAM-TRANSFER",))
def transfers_stall(do: Injection) -> None:
    """Once a TCP connection of a pod has carried a megabyte, nodes drop all that follows on it."""
    _stall(do, do.nodes())


@fault("windows-transfers-stall", kills=("STREAM-TRANSFER",))
def windows_transfers_stall(do: Injection) -> None:
    """Once a TCP connection of a pod has carried a megabyte, Windows nodes drop all that follows on it."""
    # projectcalico/calico 9219: downloads of Windows pods stall on the way, and end when the server gives up.
    _stall(do, do.nodes("windows"))


@fault("service-transfers-stall", kills=("STREAM-TRANSFER",))
def service_transfers_stall(do: Injection) -> None:
    """Once a TCP connection to a Service has carried a megabyte, nodes drop all that follows on it."""
    _once_large(do, f"tcp dport {ECHO_PORT} {OF_A_SERVICE} ct bytes > {MEGABYTE} drop")


@fault("downloads-stall", kills=("STREAM-TRANSFER",))
def downloads_stall(do: Injection) -> None:
    """Once a pod has sent a client a megabyte over a TCP connection, nodes drop what it sends; the other way works."""
    _once_large(do, f"tcp sport {ECHO_PORT} ct reply bytes > {MEGABYTE} drop")


@fault("transfers-reset", kills=("STREAM-TRANSFER",))
def transfers_reset(do: Injection) -> None:
    """Once a TCP connection of a pod has carried a megabyte, nodes reset it."""
    _once_large(do, f"meta l4proto tcp ct bytes > {MEGABYTE} reject with tcp reset")


@fault("transfers-changed", kills=("STREAM-TRANSFER",))
def transfers_changed(do: Injection) -> None:
    """Once a TCP connection to a pod has carried a megabyte, one byte of each long segment to the pod is another."""
    _once_large(
        do, f"tcp dport {ECHO_PORT} meta length > {2 * FAR_IN} ct bytes > {MEGABYTE} @th,{8 * FAR_IN},8 set 0x58"
    )


def _stall(do: Injection, nodes: Sequence[Node]) -> None:
    _once_large(do, f"meta l4proto tcp ct bytes > {MEGABYTE} drop", nodes)


def _once_large(do: Injection, rule: str, nodes: Sequence[Node] | None = None) -> None:
    """A rule that knows how many bytes a connection has carried, on these nodes or on all."""
    for node in do.nodes() if nodes is None else nodes:
        do.sysctl(node.host.netns, COUNTS_BYTES, "1")
        do.rules(node.host, "inet", chain("forward", FORWARD, rule))


@fault("idle-connections-dropped", kills=("STREAM-IDLE",))
def idle_connections_dropped(do: Injection) -> None:
    """Nodes forget a TCP connection of a pod that is silent for 3 seconds, and drop what comes on it then."""
    _forgets_the_silent(do, do.nodes(), f"tcp dport {ECHO_PORT}", "drop")


@fault("idle-connections-reset", kills=("STREAM-IDLE",))
def idle_connections_reset(do: Injection) -> None:
    """Nodes forget a TCP connection of a pod that is silent for 3 seconds, and answer what comes on it with a reset."""
    _forgets_the_silent(do, do.nodes(), f"tcp dport {ECHO_PORT}", "reject with tcp reset")


@fault("windows-idle-connections-reset", kills=("STREAM-IDLE",))
def windows_idle_connections_reset(do: Injection) -> None:
    """Windows nodes forget a TCP connection of a pod that is silent for 3 seconds, and reset what comes on it."""
    _forgets_the_silent(do, do.nodes("windows"), f"tcp dport {ECHO_PORT}", "reject with tcp reset")


@fault("idle-service-connections-dropped", kills=("STREAM-IDLE",))
def idle_service_connections_dropped(do: Injection) -> None:
    """Nodes forget a TCP connection to a Service that is silent for 3 seconds, and drop what comes on it; connections
    to the addresses of pods live on."""
    _forgets_the_silent(do, do.nodes(), f"tcp dport {ECHO_PORT} {OF_A_SERVICE}", "drop")


@fault("idle-connections-to-the-outside-dropped", kills=("STREAM-IDLE",))
def idle_connections_to_the_outside_dropped(do: Injection) -> None:
    """Nodes forget a TCP connection to the outside that is silent for 3 seconds, and drop what comes on it, as
    translators of a cloud do after minutes; connections inside the cluster live on."""
    for network in TO_OUTSIDE:
        _forgets_the_silent(do, do.nodes(), f"{network} meta l4proto tcp", "drop")


def _forgets_the_silent(do: Injection, nodes: Sequence[Node], of: str, end: str) -> None:
    """`of` matches the packets of clients whose connections are forgotten; `end` is what becomes of them then."""
    for node in nodes:
        do.sysctl(node.host.netns, "net/netfilter/nf_conntrack_tcp_timeout_established", SILENT_SECONDS)
        unknown = f"{of} tcp flags & (syn | rst) == 0 ct state new {end}"
        do.rules(node.host, "inet", chain("forward", FORWARD, unknown))


@fault("open-connections-cut", kills=CONNECTIONS_LIVE_ON)
def open_connections_cut(do: Injection) -> None:
    """When the endpoints of a Service change, nodes forget all connections to its address, those to endpoints that stay
    too, and reset what comes on them."""
    # kubernetes/kubernetes 113842: HNS deleted and made the load balancer again, and connections ended.
    for node in do.nodes():
        _forgets_at_changes(do, node)


def _forgets_at_changes(do: Injection, node: Node, end: str = "reject with tcp reset") -> None:
    unknown = f"tcp dport {ECHO_PORT} tcp flags & (syn | rst) == 0 ct state new {end}"
    do.rules(node.host, "inet", chain("forward", FORWARD, unknown))
    do.rewrite(node, _cutting(node))


def _cutting(node: Node) -> Callable[[Sequence[ServiceRule]], Sequence[ServiceRule]]:
    """Leaves Services as they are, and forgets all connections of the node when endpoints of one have changed."""
    known: dict[tuple[str, int, str], tuple[str, ...]] = {}

    def unchanged(services: Sequence[ServiceRule]) -> Sequence[ServiceRule]:
        changed = False
        for service in services:
            key = (service.address, service.port, service.protocol)
            endpoints = tuple(sorted(endpoint.address for endpoint in service.endpoints if endpoint.ready))
            changed = changed or (bool(known.get(key)) and known[key] != endpoints)
            known[key] = endpoints
        if changed:
            conntrack.forget_all(node.host.netns)
        return services

    return unchanged


@fault("hns-connections-cut", kills=CONNECTIONS_LIVE_ON)
def hns_connections_cut(do: Injection) -> None:
    """When the endpoints of a Service change, Windows nodes forget all connections to its address, and reset what comes
    on them (kubernetes 113842)."""
    for node in do.nodes("windows"):
        _forgets_at_changes(do, node)


@fault("open-connections-balanced-again", kills=("STREAM-OTHER-BACKEND-GONE", "STREAM-OTHER-ENDPOINT"))
def open_connections_balanced_again(do: Injection) -> None:
    """When the endpoints of a Service change, nodes choose an endpoint again for the connections that are open: some go
    on at a pod that does not know them."""
    for node in do.nodes():
        do.rewrite(node, _cutting(node))


@fault("open-connections-dropped", kills=CONNECTIONS_LIVE_ON)
def open_connections_dropped(do: Injection) -> None:
    """When the endpoints of a Service change, nodes forget all connections to its address, and drop what comes on
    them: clients wait in vain."""
    for node in do.nodes():
        _forgets_at_changes(do, node, "drop")


@fault("udp-flows-kept-without-endpoints", kills=("STREAM-ONE-WAY",))
def udp_flows_kept_without_endpoints(do: Injection) -> None:
    """Linux nodes keep tracked UDP flows of a Service that loses its last endpoint: sockets that go on sending keep it
    (kubernetes 139629)."""
    _keeps_last_backends(do, do.nodes("linux"))


@fault("hns-flows-kept-without-endpoints", kills=("STREAM-ONE-WAY-WINDOWS",))
def hns_flows_kept_without_endpoints(do: Injection) -> None:
    """Windows nodes keep UDP flows of a Service that loses its last endpoint: sockets that go on sending keep it."""
    _keeps_last_backends(do, do.nodes("windows"))


def _keeps_last_backends(do: Injection, nodes: Sequence[Node]) -> None:
    for node in nodes:
        node.rules.keeps_last_backends = True
        do.undone_by(partial(setattr, node.rules, "keeps_last_backends", False))


@fault("hns-flows-stay-untranslated", kills=("STREAM-ONE-WAY-WINDOWS",))
def hns_flows_stay_untranslated(do: Injection) -> None:
    """UDP flows that go on while a Service has no endpoint stay lost on Windows nodes when it gets one back."""
    for node in do.nodes("windows"):
        node.rules.keeps_untranslated = True
        do.undone_by(partial(setattr, node.rules, "keeps_untranslated", False))


@fault("connections-cut-in-time", kills=("STREAM-STEADY",))
def connections_cut_in_time(do: Injection) -> None:
    """Nodes reset a TCP connection to a pod that goes on: after ten packets from its client."""
    for node in do.nodes():
        do.sysctl(node.host.netns, COUNTS_BYTES, "1")
        cut = f"tcp dport {ECHO_PORT} ct original packets > 10 reject with tcp reset"
        do.rules(node.host, "inet", chain("forward", FORWARD, cut))


@fault("datagrams-stop", kills=("STREAM-STEADY",))
def datagrams_stop(do: Injection) -> None:
    """Of the datagrams of one socket to a pod, nodes pass six and drop all that follow; new sockets work."""
    for node in do.nodes():
        do.sysctl(node.host.netns, COUNTS_BYTES, "1")
        stop = f"udp dport {ECHO_PORT} ct original packets > 6 drop"
        do.rules(node.host, "inet", chain("forward", FORWARD, stop))


@fault("exchanges-pause", kills=("STREAM-STEADY",))
def exchanges_pause(do: Injection) -> None:
    """Of the datagrams of one socket to a pod, nodes drop the third to the ninth: a pause of 7 seconds at one a second;
    all that follow pass."""
    for node in do.nodes():
        do.sysctl(node.host.netns, COUNTS_BYTES, "1")
        pause = f"udp dport {ECHO_PORT} ct original packets 3-9 drop"
        do.rules(node.host, "inet", chain("forward", FORWARD, pause))


@fault("windows-connections-cut-in-time", kills=("STREAM-STEADY",))
def windows_connections_cut_in_time(do: Injection) -> None:
    """Windows nodes drop what follows on a TCP connection to a pod after ten packets from its client, without a
    reset."""
    for node in do.nodes("windows"):
        do.sysctl(node.host.netns, COUNTS_BYTES, "1")
        do.rules(node.host, "inet", chain("forward", FORWARD, f"tcp dport {ECHO_PORT} ct original packets > 10 drop"))


@fault("datagrams-doubled", kills=("STREAM-LOSS",))
def datagrams_doubled(do: Injection) -> None:
    """Nodes send one in ten of the IPv4 datagrams for their pods twice."""
    for node in do.nodes():
        own = node.plan.pod_cidr("ipv4")
        twice = f"ip saddr != {own} ip daddr {own} udp dport {ECHO_PORT} {one_in(10)} dup to ip daddr"
        do.rules(node.host, "ip", chain("forward", FORWARD, twice))


@fault("datagrams-overtaken", kills=("STREAM-LOSS",))
def datagrams_overtaken(do: Injection) -> None:
    """Nodes let one in four of the IPv4 datagrams for their pods wait for 5 ms, so that later ones overtake it."""
    for node in do.nodes():
        detour = Detour(node.host.netns, DETOUR, 0.005)
        do.undone_by(detour.close)
        own = node.plan.pod_cidr("ipv4")
        late = f"ip daddr {own} udp dport {ECHO_PORT} {one_in(4)} dup to {ELSEWHERE} device {DETOUR} drop"
        do.rules(node.host, "ip", chain("forward", FORWARD, f'iifname != "{DETOUR}" ip saddr != {own} {late}'))


@fault("one-packet-in-a-hundred-lost", kills=("FLOW-FIRST-TRY", "STREAM-LOSS"))
def one_packet_in_a_hundred_lost(do: Injection) -> None:
    """Between the pods of the Linux nodes, one in a hundred of all UDP datagrams and TCP segments with data is lost."""
    for node in do.nodes("linux"):
        for family, table in TABLES.items():
            own = node.plan.pod_cidr(family)
            others = [other.plan.pod_cidr(family) for other in do.network.nodes.values() if other.os == "linux"]
            to_pods = f"{table} saddr {{ {', '.join(others)} }} {table} saddr != {own} {table} daddr {own}"
            udp = f"{to_pods} udp dport {ECHO_PORT} {one_in(100)} drop"
            tcp = f"{to_pods} tcp dport {ECHO_PORT} tcp flags & psh == psh {one_in(100)} drop"
            do.rules(node.host, table, chain("forward", FORWARD, udp, tcp))


@fault("segments-lost", kills=("STREAM-LOSS",))
def segments_lost(do: Injection) -> None:
    """Windows nodes lose one in twenty of the TCP segments with data for their pods, and TCP sends them again; a SYN is
    never lost."""
    for node in do.nodes("windows"):
        lost = f"tcp dport {ECHO_PORT} tcp flags & psh == psh {one_in(20)} drop"
        do.rules(node.host, "inet", chain("forward", FORWARD, lost))
