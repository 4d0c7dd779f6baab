"""A pod before and after a network policy that allows it one port of TCP."""

from podwire import ANY_OS, ANYWHERE, answered_by, at_client, at_server, flows, nothing, request, requirement, silent

TO_THE_POD = {"client": ANY_OS, "server": ANY_OS, "server_pod": "guarded", "placement": ANYWHERE, "via": "pod-ip"}


@requirement("TRANS-ACL")
@flows(**TO_THE_POD, protocol=("tcp", "udp"), aspect="before")
def test_without_a_policy_everything_comes_to_a_pod(flow, case):
    case.expect(answered_by(flow.server))


@requirement("TRANS-ACL")
@flows(**TO_THE_POD, protocol="tcp", after="pods-guarded", aspect="allowed")
def test_what_its_policy_allows_still_comes(flow, case):
    case.expect(answered_by(flow.server))


@requirement("TRANS-ACL")
@flows(**TO_THE_POD, protocol="udp", after="pods-guarded", settles="unanswered", controls="pod-ip", aspect="denied")
def test_what_its_policy_does_not_allow_leaves_and_does_not_come(flow, case):
    case.expect(silent(), at_client(request(dst=flow.server.ip)), at_server(nothing()))
