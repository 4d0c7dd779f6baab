"""Cluster IPs and traffic policies: the internal one is for them, the external one is not."""

from podwire import (
    ANY_OS,
    answered_by,
    answers_from,
    at_client,
    at_server,
    flows,
    nothing,
    request,
    requirement,
    unserved,
)


@requirement("ITP-LOCAL")
@flows(client=ANY_OS, server=ANY_OS, placement="same-node", service="internal-local", via="cluster-ip")
def test_with_the_local_internal_policy_a_cluster_ip_leads_to_a_backend_of_the_clients_node(flow, case):
    case.expect(answered_by(flow.server), answers_from(flow.service.cluster_ip))


@requirement("ITP-LOCAL")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    service="internal-local",
    via="cluster-ip",
    controls="pod-ip",
)
def test_with_the_local_internal_policy_a_cluster_ip_leads_to_no_backend_of_another_node(flow, case):
    case.expect(unserved(), at_client(request(dst=flow.service.cluster_ip)), at_server(nothing()))


@requirement("ETPLOCAL-CIP")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", service="node-port-local", via="cluster-ip")
def test_the_local_external_policy_does_not_keep_a_cluster_ip_from_backends_of_other_nodes(flow, case):
    case.expect(answered_by(flow.server), answers_from(flow.service.cluster_ip))
