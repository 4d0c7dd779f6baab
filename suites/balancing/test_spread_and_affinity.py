"""How a Service shares out its connections: evenly, or to one backend for each client. Both are statistics."""

from podwire import ANY_OS, WINDOWS, answered_by, flows, requirement, spread


@requirement("SVC-SPREAD")
@flows(client=ANY_OS, server_kind="backends", service="spread", via="cluster-ip", miss_risk=1e-6)
def test_connections_are_shared_out_evenly(flow, case):
    case.expect(answered_by(flow.server), spread.evenly())


@requirement("SVC-TOPOLOGY")
@flows(client=WINDOWS, server_kind="backends", service="near", via="cluster-ip", miss_risk=1e-6)
def test_a_windows_node_prefers_no_backend_to_another(flow, case):
    case.expect(answered_by(flow.server), spread.to_every_backend())


@requirement("AFF-CLIENTIP")
@flows(client=ANY_OS, server_kind="backends", service="affinity", via="cluster-ip", miss_risk=1e-6)
def test_all_connections_of_a_client_go_to_one_backend(flow, case):
    case.expect(answered_by(flow.server), spread.to_one_backend())


@requirement("AFF-TIMEOUT")
@flows(
    client=WINDOWS,
    server_kind="backends",
    service="affinity-short",
    via="cluster-ip",
    connections=10,
    after="affinity-idle",
    repeated=True,
)
def test_windows_keeps_an_affinity_for_longer_than_it_should(flow, case):
    case.expect(answered_by(flow.server), spread.to_one_backend())
