"""A client that plays the narrow hop: it speaks TCP itself, and answers a long packet of the server as a router does.

The client's own port is closed to its kernel meanwhile, so nothing but these packets leaves it.
"""

from podwire import LINUX, at_client, at_server, flows, icmp_error, reply, requirement, shrinks
from podwire.crafting import ICMP, IP, TCP, ICMPv6PacketTooBig, IPv6, answering, question, quoted

NARROW = 1280  # The least MTU of a path of IPv6 (RFC 8200, section 5).
TOLD = {
    "client": LINUX,
    "client_pod": "narrow-path",
    "server": LINUX,
    "placement": "cross-node",
    "via": ("pod-ip", "cluster-ip"),
    "protocol": "tcp",
}


def told_of_a_narrow_hop(flow, ip, too_big):
    """A connection on which the server is told of a smaller MTU once it has sent a full segment."""
    to_server = TCP(dport=flow.target_port, flags="S", options=[("MSS", flow.client.mss)])
    asks = TCP(dport=flow.target_port, flags="PA", seq=1) / question(400, answer=flow.client.mss)
    ends = TCP(dport=flow.target_port, flags="R", seq=401)
    return (
        ip / to_server,  # As its pod's own MTU admits, so that a segment fills a packet.
        answering("SYN-ACK", ip / asks),  # An answer of one full segment.
        answering("data", ip / too_big / quoted(48)),  # The hop cannot forward it: the IP header and the start of TCP.
        answering("shorter data", ip / ends),  # The server has shrunk its segments: nothing more to see.
    )


@requirement("MTU-PMTUD")
@flows(
    **TOLD,
    family="ipv4",
    sends=lambda flow: told_of_a_narrow_hop(flow, IP(dst=flow.target_ip), ICMP(type=3, code=4, nexthopmtu=NARROW)),
)
@flows(
    **TOLD,
    family="ipv6",
    sends=lambda flow: told_of_a_narrow_hop(flow, IPv6(dst=flow.target_ip), ICMPv6PacketTooBig(mtu=NARROW)),
)
def test_a_tcp_server_that_is_told_of_a_smaller_mtu_sends_shorter_packets(flow, case):
    case.expect(
        at_client(icmp_error("packet-too-big", mtu=NARROW, quoting=reply(src=flow.target_ip, dst=flow.client.ip))),
        at_server(icmp_error("packet-too-big", mtu=NARROW, quoting=reply(src=flow.server.ip, dst=flow.client.ip))),
        shrinks(to=NARROW),
    )
