"""Flows stay right when many run at once: every connection is served, and no two are mixed up on the way."""

from podwire import ANY_OS, answered_by, at_server, flows, on_wire, requests_from_distinct_sources, requirement

MANY = 200


@requirement("FLOW-CONC")
@flows(
    client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip", protocol="tcp", family="ipv4", connections=MANY
)
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    via="cluster-ip",
    protocol="tcp",
    family="ipv4",
    connections=MANY,
    aspect="service",
)
def test_all_of_200_parallel_connections_to_a_pod_are_served(flow, case):
    case.expect(answered_by(flow.server), at_server(requests_from_distinct_sources(dst=flow.server.ip)))


@requirement("FLOW-CONC")
@flows(client=ANY_OS, server_kind="outside", via="external-ip", protocol="tcp", family="ipv4", connections=MANY)
def test_all_of_200_parallel_connections_to_the_outside_are_served(flow, case):
    case.expect(answered_by(flow.server), on_wire(requests_from_distinct_sources(dst=flow.server.ip)))
