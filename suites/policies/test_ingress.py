"""A pod before and after a network policy that allows it one port of TCP."""

from podwire import ANY_OS, ANYWHERE, answered_by, at_client, at_server, flows, nothing, request, requirement, silent

TO_THE_POD = {"client": ANY_OS, "server": ANY_OS, "server_pod": "guarded", "placement": ANYWHERE, "via": "pod-ip"}


@requirement("TRANS-ACL")
@flows(**TO_THE_POD, protocol=("tcp", "udp"), aspect="before")
def test_without_a_network_policy_tcp_and_udp_reach_a_pod(flow, case):
    case.expect(answered_by(flow.server))


@requirement("TRANS-ACL")
@flows(**TO_THE_POD, protocol="tcp", after="pods-guarded", aspect="allowed")
def test_traffic_that_a_network_policy_allows_reaches_the_pod(flow, case):
    case.expect(answered_by(flow.server))


@requirement("TRANS-ACL")
@flows(**TO_THE_POD, protocol="udp", after="pods-guarded", settles="unanswered", controls="pod-ip", aspect="denied")
def test_traffic_that_a_network_policy_does_not_allow_never_reaches_the_pod(flow, case):
    case.expect(silent(), at_client(request(dst=flow.server.ip)), at_server(nothing()))
