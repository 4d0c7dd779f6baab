"""More load balancers than a Windows node without Direct Server Return is said to have ports for."""

from podwire import ANY_OS, LINUX, answered_by, flows, requirement

SIXTY = 60


@requirement("MANY-SERVICES")
@flows(
    client=ANY_OS,
    server=LINUX,
    placement="cross-node",
    via="cluster-ip",
    protocol="tcp",
    family="ipv4",
    service=("many-ports-first", "many-ports-second"),
    connections=SIXTY,
    each_port=True,
    controls="another-service",
)
def test_each_of_120_service_ports_leads_to_its_backend(flow, case):
    case.expect(answered_by(flow.server))
