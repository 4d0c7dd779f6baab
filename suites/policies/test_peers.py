"""Who a rule of a network policy admits: selectors, their combinations, IP blocks.

The policies are files in manifests/policies/. One of them has a rule for each port of the pods np-ports, and so all
of these rules are judged in one act.
"""

from podwire import ANY_OS, ANYWHERE, as_ruled, flows, requirement

RULED = {"client": ANY_OS, "server": ANY_OS, "via": "pod-ip", "ruled": True, "controls": "open-port"}
IN = {**RULED, "server_pod": "np-ports", "placement": "cross-node", "after": "policies-made", "aspect": "in"}
OUT = {**RULED, "client_pod": "np-egress", "placement": ANYWHERE, "after": "policies-made", "aspect": "out"}


@requirement("NP-POD-SELECTOR")
@flows(**{**IN, "placement": ANYWHERE}, client_pod=("a", "b"), port="pod-selector")
@flows(**IN, client_pod=("a", "np-blue"), port="pods-here")
@flows(**OUT, server_pod=("np-ports", "np-blue"), port="out-pod-selector")
def test_a_pod_selector_alone_admits_pods_of_the_own_namespace_that_match(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-NAMESPACE-SELECTOR")
@flows(**IN, client_pod=("a", "np-blue", "np-green"), port=("namespace", "namespace-name"))
@flows(**OUT, server_pod=("np-blue", "np-green"), port="out-namespace")
def test_a_namespace_selector_admits_pods_of_the_namespaces_that_match(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-SELECTORS-AND")
@flows(**IN, client_pod=("a", "np-blue", "np-green"), port="both-selectors")
@flows(**OUT, server_pod=("np-ports", "np-blue", "np-green"), port="out-both-selectors")
def test_a_peer_with_both_selectors_admits_only_pods_that_match_both(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-PEERS-OR")
@flows(**IN, client_pod=("a", "b", "np-blue", "np-green"), port="either-selector")
@flows(**OUT, server_pod=("np-ports", "np-blue", "np-green"), port="out-either-selector")
def test_two_peers_of_a_rule_admit_pods_that_match_either(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-EMPTY-SELECTOR")
@flows(**IN, client_pod=("a", "np-blue", "np-green"), port="all-namespaces")
@flows(**IN, client_pod=("a", "b", "np-blue"), port="every-pod-here")
@flows(**{**IN, "server_pod": "np-green", "aspect": "in-green"}, client_pod=("a", "np-blue"))
def test_an_empty_selector_selects_everything_that_it_could(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-ANY-PEER")
@flows(**IN, client_pod=("a", "np-green"), port="anybody")
@flows(**OUT, server_pod=("np-ports", "np-green"), port="anybody")
def test_a_rule_without_peers_admits_everybody(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-EXPRESSIONS")
@flows(**IN, client_pod=("a", "b"), port="expressions")
def test_all_expressions_of_a_selector_must_hold(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-IP-BLOCK")
@flows(**IN, client_pod=("a", "b"), port="block")
@flows(**OUT, server_pod=("np-blue", "np-green"), port="out-block")
def test_an_ip_block_admits_the_addresses_of_its_network(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-EXCEPT")
@flows(**IN, client_pod=("a", "b"), port="except")
@flows(**OUT, server_pod=("np-blue", "np-green"), port="out-except")
def test_an_ip_block_does_not_admit_its_exceptions(flow, case):
    case.expect(*as_ruled(flow))
