"""Faults of what a stream or a datagram carries and how long it is: a changed byte, lost or disordered fragments, the
end of a side, long packets, the segment that a SYN announces."""

from __future__ import annotations

from podwire_lab.faults.fault import ECHO_PORT, Injection, chain, fault
from podwire_lab.faults.pods import unfinished_checksums
from podwire_lab.network.hosts import NIC

BEFORE_REASSEMBLY = -450  # conntrack puts fragments together at -400
LARGE = ("ip length > 1400", "ip6 length > 1360")
"""What an MTU of 1400 does not let pass; the length of IPv6 leaves out its own 40 bytes."""
FAR_IN = 100  # a byte of the padding of every question


@fault("one-byte-changed", kills=("FLOW-POD-POD-IP",))
def one_byte_changed(do: Injection) -> None:
    """One byte of every UDP question to a pod is another one when it leaves the client's node."""
    changed = f"meta l4proto udp th dport {ECHO_PORT} udp length > 200 @th,{8 * FAR_IN},8 set 0x58"
    for node in do.nodes():
        do.rules(node.host, "inet", chain("forward", -10, changed))


@fault("later-fragments-lost", kills=("FLOW-UDP-LARGE",))
def later_fragments_lost(do: Injection) -> None:
    """Of a fragmented packet only the first fragment passes."""
    for node in do.nodes():
        do.rules(node.host, "ip", chain("prerouting", BEFORE_REASSEMBLY, "ip frag-off & 0x1fff != 0 drop"))
        do.rules(node.host, "ip6", chain("prerouting", BEFORE_REASSEMBLY, "frag frag-off != 0 drop"))


@fault("half-close-cut", kills=("FLOW-HALF-CLOSE",))
def half_close_cut(do: Injection) -> None:
    """The end of a client's side (FIN) is dropped on the way to the server."""
    cut = f"tcp dport {ECHO_PORT} tcp flags & fin == fin drop"
    for node in do.nodes():
        do.rules(node.host, "inet", chain("forward", 10, cut))


@fault("large-packets-lost-one-way", kills=("MTU-PATH",))
def large_packets_lost_one_way(do: Injection) -> None:
    """One Linux node drops packets of more than 1400 bytes that come from other machines, and tells nobody; those that
    it sends arrive."""
    drops = [f"{large} drop" for large in LARGE]
    do.rules(do.nodes("linux")[0].host, "netdev", chain("ingress", -10, *drops, device=NIC))


@fault("fragments-out-of-order-lost", kills=("MTU-FRAGMENT-ORDER",))
def fragments_out_of_order_lost(do: Injection) -> None:
    """A node drops each fragment that comes before the first one of its packet; fragments in order pass."""
    for node in do.nodes():
        for family, first, later, key in (
            ("ip", "ip frag-off & 0x3fff == 0x2000", "ip frag-off & 0x1fff != 0", "ip saddr . ip id"),
            ("ip6", "frag frag-off == 0", "frag frag-off != 0", "ip6 saddr . frag id"),
        ):
            begun = f"  set begun {{\n    typeof {key}; size 65535; flags dynamic, timeout; timeout 30s;\n  }}\n"
            rules = (f"{first} add @begun {{ {key} }}", f"{later} {key} != @begun drop")
            do.rules(node.host, family, begun + chain("prerouting", BEFORE_REASSEMBLY, *rules))


@fault("mss-raised", kills=("MTU-SYN-MSS",))
def mss_raised(do: Injection) -> None:
    """Nodes make each SYN and SYN-ACK that they forward announce segments of 8960 bytes."""
    # The first option of a SYN of Linux is MSS; its number stands 22 bytes into the header.
    unfinished_checksums(do)
    for node in do.nodes():
        do.rules(node.host, "inet", chain("forward", 10, "tcp flags & (syn | rst) == syn @th,176,16 set 8960"))
