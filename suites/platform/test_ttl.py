"""Whose packets are these? The TTL class of every sender."""

from podwire import (
    ANY_OS,
    ANYWHERE,
    LINUX,
    WINDOWS,
    answered_by,
    at_client,
    at_server,
    between,
    flows,
    reply,
    request,
    requirement,
)

FROM_LINUX = between(33, 64)
FROM_WINDOWS = between(97, 128)
ANY_PROTOCOL = ("tcp", "udp", "icmp")


@requirement("TTL-CLASS")
@flows(client=LINUX, server=ANY_OS, placement=ANYWHERE, via="pod-ip", protocol=ANY_PROTOCOL, aspect="request")
def test_requests_of_linux_pods_start_with_a_ttl_of_64(flow, case):
    case.expect(answered_by(flow.server), at_server(request(ttl=FROM_LINUX)))


@requirement("TTL-CLASS")
@flows(client=WINDOWS, server=ANY_OS, placement=ANYWHERE, via="pod-ip", protocol=ANY_PROTOCOL, aspect="request")
def test_requests_of_windows_pods_start_with_a_ttl_of_128(flow, case):
    case.expect(answered_by(flow.server), at_server(request(ttl=FROM_WINDOWS)))


@requirement("TTL-CLASS")
@flows(client=ANY_OS, server=LINUX, placement=ANYWHERE, via="pod-ip", protocol=ANY_PROTOCOL, aspect="reply")
def test_replies_of_linux_pods_start_with_a_ttl_of_64(flow, case):
    case.expect(answered_by(flow.server), at_client(reply(ttl=FROM_LINUX)))


@requirement("TTL-CLASS")
@flows(client=ANY_OS, server=WINDOWS, placement=ANYWHERE, via="pod-ip", protocol=ANY_PROTOCOL, aspect="reply")
def test_replies_of_windows_pods_start_with_a_ttl_of_128(flow, case):
    case.expect(answered_by(flow.server), at_client(reply(ttl=FROM_WINDOWS)))
