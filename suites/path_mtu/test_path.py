"""The longest packet of a path, in each direction, and what TCP says of it."""

from podwire import ANY_OS, answered_by, at_client, at_server, between, carries, flows, requirement, seen

BETWEEN_NODES = {"client": ANY_OS, "server": ANY_OS, "placement": "cross-node", "via": "pod-ip"}
LEAST = 536  # What a host may send when it is told no number (RFC 9293, section 3.7.1).


@requirement("MTU-PATH")
@flows(**BETWEEN_NODES, protocol="udp", size="carried")
def test_the_path_between_pods_carries_packets_of_the_pods_own_mtu(flow, case):
    case.expect(carries(flow.size_in_bytes))


@requirement("MTU-SYN-MSS")
@flows(**BETWEEN_NODES, protocol="tcp")
def test_a_syn_announces_no_larger_segment_than_its_senders_mtu_admits(flow, case):
    of_client, of_server = between(LEAST, flow.client.mss), between(LEAST, flow.server.mss)
    case.expect(
        answered_by(flow.server),
        at_client(seen(flags="S", mss=of_client), seen(flags="SA", mss=of_server)),
        at_server(seen(flags="S", mss=of_client), seen(flags="SA", mss=of_server)),
    )
