"""Pods talk to pods: by address, by name, and by ping."""

from podwire import (
    ANY_OS,
    ANYWHERE,
    answered_by,
    answers_from,
    asked,
    at_client,
    at_dns,
    at_server,
    flows,
    nothing,
    reply,
    request,
    requirement,
    seen_as,
)

BETWEEN_NODES = {"client": ANY_OS, "server": ANY_OS, "placement": "cross-node", "via": "pod-ip", "protocol": "udp"}


@requirement("FLOW-POD-POD-IP")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement=ANYWHERE,
    via="pod-ip",
    protocol="tcp",
    payload=(256, 65536),
    covers_nodes=True,
)
@flows(client=ANY_OS, server=ANY_OS, placement=ANYWHERE, via="pod-ip", protocol="udp", payload=(256, 512, 1372))
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement=ANYWHERE,
    via="pod-ip",
    protocol="udp",
    size="one-packet",
    aspect="one-packet",
)
def test_a_pod_reaches_a_pod_by_its_address(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.server.ip),
        seen_as(flow.client.ip),
        at_client(
            request(src=flow.client.ip, dst=flow.server.ip, dport=flow.server.port),
            reply(src=flow.server.ip, dst=flow.client.ip),
        ),
        at_server(request(src=flow.client.ip, sport=flow.client.port, dst=flow.server.ip)),
    )


@requirement("FLOW-HALF-CLOSE")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    via=("pod-ip", "cluster-ip"),
    protocol="tcp",
    answer=20000,
    half_close=True,
)
def test_a_server_goes_on_sending_when_the_client_has_ended_its_side(flow, case):
    case.expect(answered_by(flow.server), at_client(reply(), nothing(flags="R"), nothing(flags="AR")))


@requirement("FLOW-UDP-LARGE")
@flows(**BETWEEN_NODES, size="three-fragments")
@flows(**BETWEEN_NODES, size="one-byte-more", aspect="one-byte-more")
def test_a_udp_datagram_in_fragments_and_its_answer_arrive_whole(flow, case):
    case.expect(answered_by(flow.server), answers_from(flow.server.ip))


@requirement("FLOW-POD-POD-NAME")
@flows(client=ANY_OS, server=ANY_OS, placement=ANYWHERE, via="pod-name", protocol=("tcp", "udp"))
def test_a_pod_reaches_a_pod_by_its_name(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.server.ip),
        seen_as(flow.client.ip),
        at_dns(asked(flow.fqdn, answer=flow.server.ip)),
        at_server(request(src=flow.client.ip, sport=flow.client.port, dst=flow.server.ip)),
    )


@requirement("ICMP-SAMENET-OK")
@flows(client=ANY_OS, server=ANY_OS, placement=ANYWHERE, via="pod-ip", protocol="icmp")
def test_ping_works_between_pods(flow, case):
    case.expect(
        answered_by(flow.server),
        at_client(reply(src=flow.server.ip, dst=flow.client.ip)),
        at_server(request(src=flow.client.ip, dst=flow.server.ip)),
    )
