"""Faults of what a stream or a datagram carries: a byte that is changed, later fragments and the end of a side lost."""

from __future__ import annotations

from podwire_lab.faults.fault import ECHO_PORT, Injection, chain, fault

BEFORE_REASSEMBLY = -450  # conntrack puts fragments together at -400
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
