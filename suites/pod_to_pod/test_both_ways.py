"""Windows and Linux pods talk to each other, and each end's packets show its own operating system.

Windows starts a packet with a TTL of 128 and Linux with 64; a cluster takes a few hops off, never half.
"""

from podwire import LINUX, WINDOWS, answered_by, at_client, at_server, between, flows, reply, request, requirement

FROM_LINUX = between(33, 64)
FROM_WINDOWS = between(97, 128)


@requirement("FLOW-MATRIX-OS")
@flows(client=LINUX, server=WINDOWS, placement="cross-node", via=("pod-ip", "cluster-ip"), protocol=("tcp", "udp"))
def test_a_linux_pod_reaches_a_windows_pod(flow, case):
    case.expect(answered_by(flow.server), at_client(reply(ttl=FROM_WINDOWS)), at_server(request(ttl=FROM_LINUX)))


@requirement("FLOW-MATRIX-OS")
@flows(client=WINDOWS, server=LINUX, placement="cross-node", via=("pod-ip", "cluster-ip"), protocol=("tcp", "udp"))
def test_a_windows_pod_reaches_a_linux_pod(flow, case):
    case.expect(answered_by(flow.server), at_client(reply(ttl=FROM_LINUX)), at_server(request(ttl=FROM_WINDOWS)))
