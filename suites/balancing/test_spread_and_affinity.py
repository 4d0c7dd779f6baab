"""How a Service shares out its connections: evenly, or to one backend for each client. Both are statistics."""

from podwire import ANY_OS, LINUX, WINDOWS, answered_by, flows, requirement, spread

AFFINITY_SECONDS = 2  # Of the Service affinity-short.


@requirement("SVC-SPREAD")
@flows(client=ANY_OS, server_kind="backends", service="spread", via="cluster-ip", miss_risk=1e-6)
@flows(
    client=ANY_OS,
    server_kind="backends",
    service="spread",
    via="cluster-ip",
    protocol="udp",
    family="ipv4",
    lopsided=1.6,
    aspect="share",
)
def test_a_service_spreads_connections_evenly_over_its_backends(flow, case):
    case.expect(answered_by(flow.server), spread.evenly())


@requirement("SVC-SPREAD")
@flows(
    client=ANY_OS,
    server_kind="backends",
    service="spread",
    via="cluster-ip",
    protocol="tcp",
    family="ipv4",
    half_gets=0.7,
    aspect="share",
)
def test_no_half_of_the_backends_of_a_service_gets_more_connections_than_chance_explains(flow, case):
    case.expect(answered_by(flow.server), spread.evenly(halves=True))


@requirement("SVC-TOPOLOGY")
@flows(client=WINDOWS, server_kind="backends", service="near", via="cluster-ip", miss_risk=1e-6)
def test_with_prefer_close_a_windows_node_uses_every_backend_or_every_one_of_its_zone(flow, case):
    # kube-proxy of Windows nodes ignores the hints up to 1.36, and may heed them later: both share out as documented.
    case.expect(answered_by(flow.server), spread.to_every_near_backend())


@requirement("AFF-CLIENTIP")
@flows(client=ANY_OS, server_kind="backends", service="affinity", via="cluster-ip", miss_risk=1e-6)
def test_with_client_ip_affinity_one_backend_answers_all_connections_of_a_client(flow, case):
    case.expect(answered_by(flow.server), spread.to_one_backend())


@requirement("AFF-LASTS")
@flows(
    client=ANY_OS,
    server_kind="backends",
    service="affinity-lasting",
    via="cluster-ip",
    family="ipv4",
    connections=10,
    after="affinity-idle",
    repeated=True,
)
def test_client_ip_affinity_outlasts_a_silence_shorter_than_its_timeout(flow, case):
    case.expect(answered_by(flow.server), spread.to_one_backend(within=600.0))


@requirement("AFF-LAPSES")
@flows(
    client=LINUX,
    server_kind="backends",
    service="affinity-lapsing",
    via="cluster-ip",
    protocol="tcp",
    connections=20,
    each_port=True,
    after="affinity-idle",
    repeated=True,
)
def test_a_linux_node_forgets_a_client_after_the_timeout_of_its_affinity(flow, case):
    case.expect(answered_by(flow.server), spread.chosen_anew(after=2.0))


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
def test_a_windows_node_sends_a_client_to_one_backend_before_and_after_the_affinity_timeout(flow, case):
    # It may be the same one: a node without the timeout never chooses again, and one with it chooses at random.
    case.expect(answered_by(flow.server), spread.to_one_backend_at_a_time(silence=AFFINITY_SECONDS))
