"""What a network policy isolates: pods, directions, namespaces; and what it never can."""

from podwire import ANY_OS, ANYWHERE, as_ruled, flows, requirement

RULED = {"client": ANY_OS, "server": ANY_OS, "via": "pod-ip", "ruled": True}
MADE = {**RULED, "after": "policies-made"}
CLOSED = {**MADE, "server_pod": "np-closed", "controls": "server-host"}


@requirement("NP-DEFAULT-OPEN")
@flows(**RULED, client_pod="np-blue", placement="cross-node")
def test_without_network_policies_pods_of_all_namespaces_reach_each_other(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-INGRESS")
@flows(**MADE, server_pod="np-ports", placement="cross-node", port=("anybody", "closed"), controls="open-port")
@flows(**CLOSED, client_pod=("a", "np-blue"), placement=ANYWHERE)
def test_a_policy_without_rules_denies_everything_that_comes_in(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-EGRESS")
@flows(
    **MADE,
    client_pod="np-egress",
    server_pod=("np-blue", "np-green"),
    port=("", "anybody"),
    placement=ANYWHERE,
    controls="open-port",
)
def test_an_egress_policy_denies_everything_that_no_rule_allows_to_go_out(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-DIRECTIONS")
@flows(**MADE, client_pod="np-closed", server_pod="np-blue", placement=ANYWHERE, aspect="out-of-ingress")
@flows(**MADE, client_pod="a", server_pod="np-egress", placement="cross-node", aspect="into-egress")
@flows(
    **MADE,
    client_pod="np-union",
    server_pod=("np-blue", "np-green"),
    placement=ANYWHERE,
    controls="open-port",
    aspect="types-by-rules",
)
def test_a_policy_isolates_in_its_own_directions_and_answers_pass(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-ADD-UP")
@flows(**MADE, client_pod=("a", "b"), server_pod="np-union", placement="cross-node", controls="open-port")
def test_a_policy_that_admits_nobody_takes_nothing_from_another_one(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-OWN-NAMESPACE")
@flows(**CLOSED, client_pod="np-green", placement="cross-node", aspect="of-green")
@flows(**MADE, client_pod="a", server_pod="np-blue", placement="cross-node", aspect="to-blue")
def test_a_policy_changes_nothing_for_pods_of_other_namespaces(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-ITSELF")
@flows(**{**MADE, "via": ("pod-ip", "cluster-ip")}, client_pod="np-closed", server_pod="np-closed", placement="itself")
def test_a_pod_that_is_denied_everything_reaches_itself_by_its_service_too(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-NODE")
@flows(**CLOSED, client_kind="host", placement=ANYWHERE)
def test_its_own_node_reaches_a_pod_that_is_denied_everything_and_another_node_does_not(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-BOTH-ENDS")
@flows(
    **MADE,
    client_pod="np-egress",
    server_pod="np-union",
    placement=ANYWHERE,
    port=("anybody", "closed"),
    controls="open-port",
    aspect="ingress-denies",
)
@flows(
    **MADE,
    client_pod="np-egress",
    server_pod="np-ports",
    placement=ANYWHERE,
    port=("anybody", "out-closed"),
    controls="open-port",
    aspect="egress-denies",
)
def test_a_connection_needs_the_consent_of_both_its_ends(flow, case):
    case.expect(*as_ruled(flow))
