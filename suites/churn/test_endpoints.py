"""What answers behind a Service when its endpoints change: the new ones, every one of them, and nobody else."""

from podwire import (
    ANY_OS,
    answered_by,
    at_client,
    at_entry_node,
    flows,
    request,
    requirement,
    silent,
    spread,
    unanswered,
)

# A datagram and its answer are two packets, a connection has ten: over TCP only replaced endpoints are asked so often.
# Of two endpoints, 24 exchanges miss one, or overlook a third that should be gone, in one of 10,000 runs or fewer.
MANY = 24
# Of three endpoints, 48 exchanges miss one in one of 10 million runs.
MORE = 48
FROM_EVERY_NODE = {"client": ANY_OS, "every_node": True, "via": "cluster-ip", "server_kind": "backends"}
FROM_OUTSIDE = {
    "client_kind": "outside",
    "server_kind": "backends",
    "via": "node-port",
    "enters": "other-node",
    "entry_os": ANY_OS,
}
# The same from a pod. A node may lead pods by its own rule where the external policy is Local, so that is not asked.
# Flows from outside and from pods enter by other nodes, so with two nodes of an OS both nodes' own ports are asked.
FROM_PODS = {**FROM_OUTSIDE, "client_kind": "pod", "client": ANY_OS}
# The address of a load balancer is served on the client's own node, so each node's own proxy is asked.
BALANCED = {
    "client": ANY_OS,
    "every_node": True,
    "server_kind": "backends",
    "via": "load-balancer",
    "family": "ipv4",
    "protocol": "udp",
}


@requirement("CHURN-ADDED")
@flows(**FROM_EVERY_NODE, service="scaled-up", protocol="udp", connections=MORE, after="endpoint-added")
@flows(**FROM_OUTSIDE, service="scaled-up", protocol="udp", connections=MORE, after="endpoint-added", aspect="outside")
@flows(**FROM_PODS, service="scaled-up", protocol="udp", connections=MORE, after="endpoint-added", aspect="node-port")
@flows(
    **BALANCED, service="scaled-up-load-balancer", connections=MORE, after="endpoint-added", aspect="balanced-for-pods"
)
def test_a_service_that_gains_an_endpoint_leads_to_all_of_its_endpoints(flow, case):
    case.expect(answered_by(flow.server), spread.to_every_backend())


@requirement("CHURN-REMOVED")
@flows(**FROM_EVERY_NODE, service="scaled-down", protocol="udp", connections=MANY, after="endpoint-removed")
@flows(
    **FROM_OUTSIDE, service="scaled-down", protocol="udp", connections=MANY, after="endpoint-removed", aspect="outside"
)
@flows(
    **FROM_PODS, service="scaled-down", protocol="udp", connections=MANY, after="endpoint-removed", aspect="node-port"
)
@flows(
    **BALANCED,
    service="scaled-down-load-balancer",
    connections=MANY,
    after="endpoint-removed",
    aspect="balanced-for-pods",
)
def test_a_service_that_loses_an_endpoint_leads_to_the_endpoints_that_are_left(flow, case):
    case.expect(answered_by(flow.server), spread.to_every_backend())


@requirement("CHURN-REPLACED")
@flows(**FROM_EVERY_NODE, service="replaced", connections=MANY, after="endpoints-replaced")
@flows(
    **FROM_OUTSIDE, service="replaced", protocol="tcp", connections=MANY, after="endpoints-replaced", aspect="outside"
)
@flows(
    **FROM_PODS, service="replaced", protocol="udp", connections=MANY, after="endpoints-replaced", aspect="node-port"
)
@flows(
    client_kind="outside",
    server_kind="backends",
    service="replaced-load-balancer",
    via="load-balancer",
    protocol="tcp",
    connections=MANY,
    after="endpoints-replaced",
    aspect="balanced",
)
@flows(
    client=ANY_OS,
    server_kind="backends",
    service="replaced-load-balancer",
    via="load-balancer",
    protocol="udp",
    connections=MANY,
    after="endpoints-replaced",
    aspect="balanced-for-pods",
)
def test_a_service_whose_endpoints_are_all_replaced_leads_to_the_new_ones_only(flow, case):
    case.expect(answered_by(flow.server), spread.to_every_backend())


@requirement("CHURN-NONE-AND-BACK")
@flows(
    **FROM_EVERY_NODE,
    service="emptied",
    protocol="tcp",
    after="endpoints-gone",
    settles="unanswered",
    controls="another-service",
    aspect="none",
)
def test_a_service_that_has_lost_its_endpoints_answers_nobody(flow, case):
    # kube-proxy refuses on Linux nodes; on Windows nodes it deletes the load balancer up to 1.36. Either is right.
    case.expect(unanswered(), at_client(request(dst=flow.service.cluster_ip)))


@requirement("CHURN-NONE-AND-BACK")
@flows(
    **FROM_PODS,
    service="emptied",
    protocol="tcp",
    family="ipv4",
    after="endpoints-gone",
    settles="unanswered",
    controls="another-service",
    aspect="none-node-port",
)
def test_the_node_port_of_a_service_that_has_lost_its_endpoints_answers_nobody(flow, case):
    case.expect(unanswered(), at_entry_node(request(dst=flow.entry.ip, dport=flow.service.node_port)))


@requirement("CHURN-NONE-AND-BACK")
@flows(
    **BALANCED,
    service="emptied-load-balancer",
    after="endpoints-gone",
    settles="unanswered",
    controls="another-service",
    aspect="none-balanced-for-pods",
)
def test_the_load_balancer_of_a_service_that_has_lost_its_endpoints_answers_nobody(flow, case):
    case.expect(unanswered(), at_client(request(dst=flow.target_ip, dport=flow.service.port)))


@requirement("CHURN-NONE-AND-BACK")
@flows(**FROM_EVERY_NODE, service="emptied", protocol="udp", connections=MANY, after="endpoints-back", aspect="back")
@flows(
    **FROM_OUTSIDE, service="emptied", protocol="udp", connections=MANY, after="endpoints-back", aspect="back-outside"
)
@flows(
    **FROM_PODS, service="emptied", protocol="udp", connections=MANY, after="endpoints-back", aspect="back-node-port"
)
@flows(
    **BALANCED,
    service="emptied-load-balancer",
    connections=MANY,
    after="endpoints-back",
    aspect="back-balanced-for-pods",
)
def test_a_service_that_gets_its_endpoints_back_leads_to_all_of_them(flow, case):
    case.expect(answered_by(flow.server), spread.to_every_backend())


@requirement("CHURN-UNREADY")
@flows(**FROM_EVERY_NODE, service="unready", protocol="udp", connections=MANY, after="endpoint-unready")
@flows(**FROM_OUTSIDE, service="unready", protocol="udp", connections=MANY, after="endpoint-unready", aspect="outside")
@flows(**FROM_PODS, service="unready", protocol="udp", connections=MANY, after="endpoint-unready", aspect="node-port")
@flows(
    **BALANCED, service="unready-load-balancer", connections=MANY, after="endpoint-unready", aspect="balanced-for-pods"
)
def test_a_service_does_not_lead_to_an_endpoint_that_is_not_ready_any_more(flow, case):
    case.expect(answered_by(flow.server), spread.to_every_backend())


@requirement("CHURN-UNREADY")
@flows(
    **FROM_EVERY_NODE,
    service="unready",
    protocol="udp",
    connections=MANY,
    after="endpoint-ready-again",
    aspect="ready-again",
)
@flows(
    **FROM_OUTSIDE,
    service="unready",
    protocol="udp",
    connections=MANY,
    after="endpoint-ready-again",
    aspect="ready-again-outside",
)
@flows(
    **FROM_PODS,
    service="unready",
    protocol="udp",
    connections=MANY,
    after="endpoint-ready-again",
    aspect="ready-again-node-port",
)
@flows(
    **BALANCED,
    service="unready-load-balancer",
    connections=MANY,
    after="endpoint-ready-again",
    aspect="ready-again-balanced-for-pods",
)
def test_a_service_leads_to_an_endpoint_that_is_ready_again(flow, case):
    case.expect(answered_by(flow.server), spread.to_every_backend())


@requirement("CHURN-LOCAL")
@flows(**FROM_OUTSIDE, service="moved-away", protocol="tcp", aspect="before")
def test_the_node_port_of_a_node_with_an_endpoint_answers(flow, case):
    case.expect(answered_by(flow.server))


@requirement("CHURN-LOCAL")
@flows(
    **FROM_OUTSIDE,
    service="moved-away",
    protocol="tcp",
    after="local-endpoint-gone",
    settles="unanswered",
    aspect="gone",
)
def test_the_node_port_of_a_node_whose_last_endpoint_is_gone_is_silent(flow, case):
    case.expect(silent(), at_entry_node(request(dst=flow.entry.ip, dport=flow.service.node_port)))


@requirement("CHURN-LOCAL")
@flows(
    **FROM_EVERY_NODE,
    service="moved-away",
    protocol="udp",
    connections=8,
    after="local-endpoint-gone",
    aspect="cluster-ip",
)
def test_the_cluster_ip_leads_to_the_endpoints_on_their_new_nodes(flow, case):
    case.expect(answered_by(flow.server))


@requirement("CHURN-LOCAL")
@flows(
    client_kind="outside",
    server_kind="backends",
    service="moved-away-load-balancer",
    via="load-balancer",
    family="ipv4",
    protocol="udp",
    connections=MANY,
    after="local-endpoint-gone",
    aspect="balanced",
)
def test_the_load_balancer_leads_to_the_endpoint_on_its_new_node(flow, case):
    case.expect(answered_by(flow.server))
