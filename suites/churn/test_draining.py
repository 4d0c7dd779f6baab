"""What becomes of a pod that is deleted, and serves until its grace period ends, while another pod is ready."""

from podwire import ANY_OS, answered_by, flows, requirement, spread, stream

DRAINING = {"client": ANY_OS, "server_kind": "backends", "service": "draining", "via": "cluster-ip"}
# The proxy chooses among three pods or more, one of which stays: 24 connections all miss it in one of 16,000 runs, and
# twelve all miss those that leave in one of 500,000.
OPEN = {**DRAINING, "protocol": "tcp", "stream": "steady"}


@requirement("CHURN-DRAIN")
@flows(**OPEN, connections=12, after="pods-leaving", aspect="open")
def test_connections_to_a_pod_that_is_deleted_live_on_while_it_serves(flow, case):
    case.expect(stream.lives_on(behind="leaving"))


@requirement("CHURN-DRAIN")
@flows(**OPEN, connections=24, after="pods-leaving", aspect="stays")
def test_connections_to_pods_that_stay_live_on_when_others_are_deleted(flow, case):
    case.expect(stream.lives_on())


# In a whole run two pods stay; all of 24 connections miss one of them in one of 8 million cases.
@requirement("CHURN-DRAIN")
@flows(**DRAINING, every_node=True, protocol=("tcp", "udp"), connections=24, after="pods-leaving")
@flows(
    client=ANY_OS,
    server_kind="backends",
    service="draining",
    via="node-port",
    enters="other-node",
    entry_os=ANY_OS,
    family="ipv4",
    protocol="udp",
    connections=24,
    after="pods-leaving",
    aspect="node-port",
)
@flows(
    client=ANY_OS,
    every_node=True,
    server_kind="backends",
    service="draining-load-balancer",
    via="load-balancer",
    family="ipv4",
    protocol="udp",
    connections=24,
    after="pods-leaving",
    aspect="balanced-for-pods",
)
def test_a_service_leads_new_connections_to_pods_that_stay_and_to_no_other(flow, case):
    case.expect(answered_by(flow.server), spread.to_every_backend())
