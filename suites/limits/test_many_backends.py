"""How many endpoints a Service may have. Most of them are addresses of nobody, so a connection may find no one."""

from podwire import ANY_OS, at_client_node, flows, requirement, seen, spread

CROWD = {"client": ANY_OS, "server_kind": "backends", "via": "cluster-ip", "protocol": "tcp", "family": "ipv4"}


@requirement("BACKENDS-64")
@flows(**CROWD, service="crowd-64", miss_risk=1e-5)
def test_a_service_leads_to_64_endpoints(flow, case):
    case.expect(spread.to_some_backend(), at_client_node(seen(dst=flow.service.backends)))


@requirement("BACKENDS-1024")
@flows(**CROWD, service="crowd-65", miss_risk=1e-5, aspect="65")
def test_a_service_leads_to_65_endpoints(flow, case):
    case.expect(spread.to_some_backend(), at_client_node(seen(dst=flow.service.backends)))


@requirement("BACKENDS-1024")
@flows(**CROWD, service="crowd-1000", connections=8, aspect="1000")
def test_a_service_sends_a_connection_to_one_of_1000_endpoints(flow, case):
    case.expect(at_client_node(seen(dst=flow.service.backends)))


@requirement("BACKENDS-MORE")
@flows(**CROWD, service="crowd-1025", connections=8)
def test_a_service_sends_a_connection_to_one_of_1025_endpoints(flow, case):
    case.expect(at_client_node(seen(dst=flow.service.backends)))
