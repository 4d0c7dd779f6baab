"""Faults of errors: of those that ICMP carries, and of the RST that answers a SYN nobody waits for."""

from __future__ import annotations

from podwire_lab.faults.fault import Injection, chain, fault

TOO_BIG = ("meta l4proto icmp icmp type destination-unreachable", "meta l4proto ipv6-icmp icmpv6 type packet-too-big")
BEFORE_TRACKING = -350  # conntrack looks at a packet at -200


@fault("too-big-errors-lost", kills=("MTU-PMTUD",))
def too_big_errors_lost(do: Injection) -> None:
    """Nodes drop the errors that tell a sender of a smaller MTU, as a firewall does that lets no ICMP through."""
    for node in do.nodes():
        do.rules(node.host, "inet", chain("forward", 10, *(f"{error} drop" for error in TOO_BIG)))


@fault("errors-not-translated", kills=("MTU-PMTUD",))
def errors_not_translated(do: Injection) -> None:
    """Nodes do not translate errors about flows to a cluster IP: these go to the cluster IP itself, where nobody is."""
    for node in do.nodes():
        do.rules(node.host, "inet", chain("prerouting", BEFORE_TRACKING, *(f"{error} notrack" for error in TOO_BIG)))


@fault("closed-ports-silent", kills=("ERR-CLOSED-TCP", "ERR-CLOSED-UDP"))
def closed_ports_silent(do: Injection) -> None:
    """Nodes drop what tells a client that nobody listens: an RST that answers a SYN, and port unreachable."""
    rst = "tcp flags & (rst | ack) == (rst | ack) tcp sequence 0"
    unreachable = (
        "icmp type destination-unreachable icmp code port-unreachable",
        "icmpv6 type destination-unreachable",
    )
    for node in do.nodes():
        do.rules(node.host, "inet", chain("forward", 10, *(f"{error} drop" for error in (rst, *unreachable))))


@fault("rst-acknowledges-nothing", kills=("ERR-CLOSED-TCP",))
def rst_acknowledges_nothing(do: Injection) -> None:
    """An RST that answers a SYN acknowledges another number: a client that checks it (RFC 9293) ignores it."""
    for node in do.nodes():
        rule = "tcp flags & (rst | ack) == (rst | ack) tcp sequence 0 tcp ackseq set 4711"
        do.rules(node.host, "inet", chain("forward", 10, rule))


@fault("ended-packets-untold", kills=("ERR-TTL",))
def ended_packets_untold(do: Injection) -> None:
    """Nodes discard packets whose TTL ends, as they must, and tell nobody."""
    for node in do.nodes():
        drops = ("icmp type time-exceeded drop", "icmpv6 type time-exceeded drop")
        do.rules(node.host, "inet", chain("output", 10, *drops))
