"""Streams through a Service whose endpoints change."""

from podwire import ANY_OS, LINUX, WINDOWS, flows, requirement, stream, unanswered

# Which endpoint a connection has is the proxy's choice: with one of two that stays, twelve connections all miss it in
# one of 4,000 runs, with two of three that stay, eight all miss them in one of 6,000.
BEHIND_A_SERVICE = {"server_kind": "backends", "protocol": "tcp", "stream": "steady"}
NODE_PORT = {**BEHIND_A_SERVICE, "via": "node-port", "enters": "other-node", "entry_os": ANY_OS}
LOAD_BALANCER = {**BEHIND_A_SERVICE, "via": "load-balancer", "family": "ipv4"}
OPEN = {**BEHIND_A_SERVICE, "client": ANY_OS, "via": "cluster-ip"}
BY_NODE_PORT = {**NODE_PORT, "client": ANY_OS}
BALANCED_FOR_PODS = {**LOAD_BALANCER, "client": ANY_OS}
FROM_OUTSIDE = {**NODE_PORT, "client_kind": "outside"}
BALANCED = {**LOAD_BALANCER, "client_kind": "outside"}
INTERRUPTED = {
    "server": LINUX,
    "placement": "cross-node",
    "via": "cluster-ip",
    "service": "interrupted",
    "protocol": "udp",
}
WITHOUT = {**INTERRUPTED, "after": "endpoints-gone", "settles": "unanswered", "controls": "another-service"}


@requirement("STREAM-OTHER-BACKEND-GONE")
@flows(**OPEN, service="outlived", connections=12, after="backend-gone")
def test_connections_to_a_backend_live_on_when_another_backend_is_deleted(flow, case):
    # Those to the pod that goes end with it.
    case.expect(stream.lives_on(behind="outlived-left"))


@requirement("STREAM-OTHER-BACKEND-GONE")
@flows(**OPEN, service="scaled-down", connections=8, after="endpoint-removed", aspect="removed")
@flows(**BY_NODE_PORT, service="scaled-down", connections=8, after="endpoint-removed", aspect="removed-node-port")
@flows(**FROM_OUTSIDE, service="scaled-down", connections=8, after="endpoint-removed", aspect="removed-outside")
@flows(
    **BALANCED_FOR_PODS,
    service="scaled-down-load-balancer",
    connections=8,
    after="endpoint-removed",
    aspect="removed-balanced-for-pods",
)
@flows(
    **BALANCED, service="scaled-down-load-balancer", connections=8, after="endpoint-removed", aspect="removed-balanced"
)
@flows(**OPEN, service="rolled", connections=12, after="endpoint-replaced", aspect="rolled")
def test_connections_to_endpoints_that_stay_live_on_when_another_endpoint_goes(flow, case):
    case.expect(stream.lives_on())


@requirement("STREAM-OTHER-ENDPOINT")
@flows(**OPEN, service="scaled-up", connections=4, after="endpoint-added", aspect="added")
@flows(**BY_NODE_PORT, service="scaled-up", connections=4, after="endpoint-added", aspect="added-node-port")
@flows(**FROM_OUTSIDE, service="scaled-up", connections=4, after="endpoint-added", aspect="added-outside")
@flows(
    **BALANCED_FOR_PODS,
    service="scaled-up-load-balancer",
    connections=4,
    after="endpoint-added",
    aspect="added-balanced-for-pods",
)
@flows(**BALANCED, service="scaled-up-load-balancer", connections=4, after="endpoint-added", aspect="added-balanced")
def test_open_connections_live_on_when_their_service_gains_an_endpoint(flow, case):
    case.expect(stream.lives_on())


@requirement("STREAM-OTHER-ENDPOINT")
@flows(**OPEN, service="unready", connections=12, after="endpoint-ready-again", aspect="unready")
@flows(**BY_NODE_PORT, service="unready", connections=12, after="endpoint-ready-again", aspect="unready-node-port")
@flows(**FROM_OUTSIDE, service="unready", connections=12, after="endpoint-ready-again", aspect="unready-outside")
@flows(
    **BALANCED_FOR_PODS,
    service="unready-load-balancer",
    connections=12,
    after="endpoint-ready-again",
    aspect="unready-balanced-for-pods",
)
@flows(
    **BALANCED, service="unready-load-balancer", connections=12, after="endpoint-ready-again", aspect="unready-balanced"
)
def test_connections_to_an_endpoint_that_stays_ready_live_on_while_another_one_is_not_ready(flow, case):
    # No document says what becomes of those to the endpoint that is not ready for a while.
    case.expect(stream.lives_on())


@requirement("STREAM-ONE-WAY")
@flows(client=LINUX, **WITHOUT, aspect="none")
def test_nobody_answers_a_linux_pod_for_a_service_that_has_lost_its_endpoint(flow, case):
    case.expect(unanswered())


@requirement("STREAM-ONE-WAY")
@flows(client=LINUX, **INTERRUPTED, stream="one-way", after="endpoints-back")
def test_datagrams_of_a_linux_pod_that_nobody_answers_follow_the_endpoints_of_a_service(flow, case):
    # kube-proxy must remove the tracked flow: each datagram renews it, so it would never lapse.
    case.expect(stream.while_served())


@requirement("STREAM-ONE-WAY-WINDOWS")
@flows(client=WINDOWS, **WITHOUT, aspect="none")
def test_nobody_answers_a_windows_pod_for_a_service_that_has_lost_its_endpoint(flow, case):
    case.expect(unanswered())


@requirement("STREAM-ONE-WAY-WINDOWS")
@flows(client=WINDOWS, **INTERRUPTED, stream="one-way", after="endpoints-back")
def test_datagrams_of_a_windows_pod_that_nobody_answers_follow_the_endpoints_of_a_service(flow, case):
    case.expect(stream.while_served())
