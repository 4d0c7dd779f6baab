"""What a client is told when its packet cannot be delivered, looked at packet by packet."""

from podwire import (
    ANY_OS,
    LINUX,
    at_client,
    at_server,
    flows,
    icmp_error,
    nothing,
    refused,
    request,
    requirement,
    rst,
)
from podwire.crafting import IP, TCP, UDP, IPv6, question

TO_CLOSED_PORT = {
    "client": LINUX,
    "server": LINUX,
    "placement": "cross-node",
    "via": "pod-ip",
    "closed_port": True,
}
TO_ANOTHER_NODE = {
    "client": LINUX,
    "server": ANY_OS,
    "placement": "cross-node",
    "via": "pod-ip",
    "protocol": "udp",
}


@requirement("ERR-CLOSED-TCP")
# A SYN alone: a connection that no kernel waits for, so the RST is looked at by nobody but this test.
@flows(
    **TO_CLOSED_PORT,
    protocol="tcp",
    family="ipv4",
    sends=lambda flow: IP(dst=flow.server.ip) / TCP(dport=flow.target_port, flags="S"),
)
@flows(
    **TO_CLOSED_PORT,
    protocol="tcp",
    family="ipv6",
    sends=lambda flow: IPv6(dst=flow.server.ip) / TCP(dport=flow.target_port, flags="S"),
)
def test_a_syn_to_a_closed_port_is_answered_by_an_rst_that_acknowledges_it(flow, case):
    case.expect(
        refused(),
        at_server(rst(src=flow.server.ip, seq=0, ack=flow.syn_acknowledged)),
        at_client(rst(src=flow.server.ip, seq=0, ack=flow.syn_acknowledged)),
    )


@requirement("ERR-CLOSED-UDP")
@flows(**TO_CLOSED_PORT, protocol="udp")
def test_a_datagram_to_a_closed_port_is_answered_by_port_unreachable(flow, case):
    sent = request(src=flow.client.ip, sport=flow.client.port, dst=flow.server.ip, dport=flow.target_port)
    case.expect(refused(), at_client(icmp_error("port-unreachable", src=flow.server.ip, quoting=sent)))


@requirement("ERR-TTL")
# The client's node is the first hop, and has no more to give it.
@flows(
    **TO_ANOTHER_NODE,
    family="ipv4",
    sends=lambda flow: IP(dst=flow.server.ip, ttl=1) / UDP(dport=flow.server.port) / question(320),
)
@flows(
    **TO_ANOTHER_NODE,
    family="ipv6",
    sends=lambda flow: IPv6(dst=flow.server.ip, hlim=1) / UDP(dport=flow.server.port) / question(320),
)
def test_a_pod_is_told_that_the_ttl_of_its_packet_ended(flow, case):
    sent = request(src=flow.client.ip, sport=flow.client.port, dst=flow.server.ip, dport=flow.server.port)
    case.expect(at_client(icmp_error("time-exceeded", quoting=sent)), at_server(nothing()))
