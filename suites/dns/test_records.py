"""SRV and PTR records, which no resolver of a system asks for: the agent's own DNS client does."""

from podwire import ANY_OS, at_dns, flows, has_ptr, has_srv, has_targets, replied, requirement

FOR_DNS = {"client": ANY_OS, "server_kind": "dns", "via": "fqdn", "protocol": "dns"}


@requirement("DNS-SRV")
@flows(service="by-record", asks="srv", **FOR_DNS)
def test_each_named_port_of_a_service_has_an_srv_record(flow, case):
    case.expect(
        replied(),
        at_dns(
            has_srv(flow.question(1), port=flow.service.port_named("tcp"), target=flow.fqdn),
            has_srv(flow.question(2), port=flow.service.port_named("udp"), target=flow.fqdn),
        ),
    )


@requirement("DNS-SRV-HEADLESS")
@flows(service="by-headless-record", asks="srv-and-targets", **FOR_DNS)
def test_srv_records_of_a_headless_service_lead_to_its_ready_pods(flow, case):
    ready = flow.service.backends
    case.expect(
        replied(),
        at_dns(
            has_targets(flow.question(1), port=flow.service.port_named("tcp"), below=flow.fqdn, addresses=ready),
            has_targets(flow.question(2), port=flow.service.port_named("udp"), below=flow.fqdn, addresses=ready),
        ),
    )


@requirement("DNS-PTR")
@flows(service="by-record", asks="ptr", **FOR_DNS)
def test_the_address_of_a_service_leads_back_to_its_name(flow, case):
    case.expect(replied(), at_dns(has_ptr(flow.question(1), target=flow.fqdn)))


@requirement("DNS-PTR-POD")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-name", protocol="dns", asks="ptr")
def test_the_address_of_a_pod_leads_back_to_its_name(flow, case):
    case.expect(
        replied(),
        # Each Service that the pod is behind may give its address a name of its own.
        at_dns(has_ptr(flow.question(1), target=flow.fqdn, below=flow.namespace)),
    )
