"""HNS of a Windows node keeps its state: read at the start of a run, and again after its changes."""

from podwire import each_windows_node_runs, hns, requirement

# All changes of a run are made together. This one makes sure that there is one: a Service loses all its endpoints.
AT_THE_END = {"after": "all-endpoints-not-ready", "aspect": "at-the-end"}


@requirement("HNS-ENDPOINT-STATE")
@each_windows_node_runs("hns-endpoints")
@each_windows_node_runs("hns-endpoints", **AT_THE_END)
def test_the_hns_endpoint_of_each_ready_pod_is_attached(flow, case):
    case.expect(hns.attached(flow.client.node.pods, flow.client.node.other_pods))


@requirement("HNS-MAC-UNIQUE")
@each_windows_node_runs("vmswitch-ports")
@each_windows_node_runs("vmswitch-ports", **AT_THE_END)
def test_each_port_of_the_virtual_switch_has_its_own_mac(flow, case):
    case.expect(hns.macs_differ(flow.server.mac))


@requirement("HNS-LB-COUNT")
@each_windows_node_runs("hns-load-balancers", given_dsr=True)
@each_windows_node_runs("hns-load-balancers", given_dsr=False)
@each_windows_node_runs("hns-load-balancers", given_dsr=True, **AT_THE_END)
@each_windows_node_runs("hns-load-balancers", given_dsr=False, **AT_THE_END)
def test_hns_has_one_load_balancer_for_each_address_and_port_of_a_service(flow, case):
    case.expect(hns.serves(flow.client.node.frontends, flow.client.node.possible_frontends))


@requirement("HNS-RESTART")
@each_windows_node_runs("hns-processes", after="all-endpoints-not-ready", repeated=True)
def test_hns_and_kube_proxy_do_not_restart_during_a_run(flow, case):
    case.expect(hns.not_restarted())
