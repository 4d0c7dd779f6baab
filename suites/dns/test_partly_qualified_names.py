"""Names with some of their dots: `service.namespace`."""

from podwire import ANY_OS, answered_by, answers_from, asked, at_client, at_dns, flows, request, requirement


@requirement("DNS-PQDN-DOT")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="dotted-name", protocol=("tcp", "udp"))
def test_a_service_is_reached_by_its_name_with_its_namespace(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.service.cluster_ip),
        at_dns(asked(flow.fqdn, answer=flow.service.cluster_ip)),
        at_client(request(dst=flow.service.cluster_ip)),
    )
