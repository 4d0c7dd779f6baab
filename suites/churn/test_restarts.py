"""What works on a Windows node once kube-proxy or HNS was restarted; a run does that only with --disruptive.

No document says what becomes of connections that are open meanwhile, so only new ones are judged.
"""

from podwire import (
    ANY_OS,
    ANYWHERE,
    LINUX,
    WINDOWS,
    answered_by,
    each_windows_node_runs,
    flows,
    hns,
    requirement,
)

BY_CLUSTER_IP = {
    "client": WINDOWS,
    "every_node": True,
    "server_kind": "backends",
    "service": "spread",
    "via": "cluster-ip",
    "connections": 8,
}
PROXY, HNS = "kube-proxy-restarted", "hns-restarted"


@requirement("CHURN-KUBEPROXY-RESTART")
@flows(**BY_CLUSTER_IP, after=PROXY)
def test_pods_of_a_windows_node_reach_services_when_kube_proxy_has_started_again(flow, case):
    case.expect(answered_by(flow.server))


@requirement("CHURN-KUBEPROXY-RESTART")
@each_windows_node_runs("hns-load-balancers", given_dsr=True, after=PROXY)
@each_windows_node_runs("hns-load-balancers", given_dsr=False, after=PROXY)
def test_hns_has_each_load_balancer_once_when_kube_proxy_has_started_again(flow, case):
    case.expect(hns.serves(flow.client.node.frontends, flow.client.node.possible_frontends))


@requirement("CHURN-HNS-RESTART")
@flows(**BY_CLUSTER_IP, after=HNS)
def test_pods_of_a_windows_node_reach_services_when_hns_has_started_again(flow, case):
    case.expect(answered_by(flow.server))


@requirement("CHURN-HNS-RESTART")
@flows(client=WINDOWS, server=ANY_OS, placement=ANYWHERE, via="pod-ip", after=HNS, aspect="pods")
@flows(client=LINUX, server=WINDOWS, placement="cross-node", via="pod-ip", after=HNS, aspect="pods")
def test_pods_of_a_windows_node_and_other_pods_reach_each_other_when_hns_has_started_again(flow, case):
    case.expect(answered_by(flow.server))


@requirement("CHURN-HNS-RESTART")
@each_windows_node_runs("hns-endpoints", after=HNS, aspect="endpoints")
def test_the_endpoints_of_pods_are_attached_when_hns_has_started_again(flow, case):
    case.expect(hns.attached(flow.client.node.pods, flow.client.node.other_pods))


@requirement("CHURN-HNS-RESTART")
@each_windows_node_runs("hns-load-balancers", given_dsr=True, after=HNS, aspect="load-balancers")
@each_windows_node_runs("hns-load-balancers", given_dsr=False, after=HNS, aspect="load-balancers")
def test_hns_has_each_load_balancer_once_when_it_has_started_again(flow, case):
    case.expect(hns.serves(flow.client.node.frontends, flow.client.node.possible_frontends))
