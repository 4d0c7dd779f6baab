"""Network policies and Services, and policies that are changed and deleted."""

from podwire import ANY_OS, as_ruled, flows, requirement

RULED = {"client": ANY_OS, "server": ANY_OS, "placement": "cross-node", "ruled": True, "controls": "open-port"}
MADE = {**RULED, "after": "policies-made"}
CHANGED = {**RULED, "via": "pod-ip", "after": "policies-changed"}
REMOVED = {**RULED, "via": "pod-ip", "after": "policies-removed"}


@requirement("NP-SERVICE")
@flows(**MADE, client_pod=("a", "b"), server_pod="np-ports", via=("pod-ip", "cluster-ip"))
@flows(**MADE, client_pod="np-egress", server_pod="np-ports", via=("pod-ip", "cluster-ip"), aspect="out")
def test_a_policy_decides_about_a_service_as_about_the_pod_behind_it(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-CHANGED")
@flows(**CHANGED, client_pod=("a", "b"), server_pod="np-union", aspect="policy")
@flows(**CHANGED, client_pod=("np-blue", "np-green"), server_pod="np-ports", port="role", aspect="labels")
def test_policies_and_labels_decide_by_what_they_are_now(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-REMOVED")
@flows(**REMOVED, client_pod="b", server_pod=("np-closed", "np-union", "np-ports"), aspect="in")
@flows(
    **{**REMOVED, "placement": ("same-node", "cross-node")}, client_pod="np-egress", server_pod="np-green", aspect="out"
)
def test_without_its_policies_a_pod_receives_and_sends_as_before_them(flow, case):
    case.expect(*as_ruled(flow))
