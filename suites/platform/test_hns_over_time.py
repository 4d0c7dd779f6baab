"""HNS of a Windows node keeps its state: read at the start and at the end of each act of a run."""

from podwire import each_windows_node_runs, hns, requirement

# This change makes sure that a run has more than one act, whatever is selected: Services lose all their endpoints.
IN_EACH_ACT = {"each_act": True, "after": "all-endpoints-not-ready"}


@requirement("HNS-ENDPOINT-STATE")
@each_windows_node_runs("hns-endpoints", **IN_EACH_ACT)
def test_the_hns_endpoint_of_each_ready_pod_is_attached(flow, case):
    case.expect(hns.attached(flow.client.node.pods, flow.client.node.other_pods))


@requirement("HNS-MAC-UNIQUE")
@each_windows_node_runs("vmswitch-ports", **IN_EACH_ACT)
def test_each_port_of_the_virtual_switch_has_its_own_mac(flow, case):
    case.expect(hns.macs_differ(flow.server.mac))


@requirement("HNS-LB-COUNT")
@each_windows_node_runs("hns-load-balancers", given_dsr=True, **IN_EACH_ACT)
@each_windows_node_runs("hns-load-balancers", given_dsr=False, **IN_EACH_ACT)
def test_hns_has_one_load_balancer_for_each_address_and_port_of_a_service(flow, case):
    case.expect(hns.serves(flow.client.node.frontends, flow.client.node.possible_frontends))


@requirement("HNS-RESTART")
@each_windows_node_runs("hns-processes", **IN_EACH_ACT)
def test_hns_and_kube_proxy_do_not_restart_during_a_run(flow, case):
    case.expect(hns.not_restarted())
