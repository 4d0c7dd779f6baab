"""Which network mode a Windows node is in, by its own word."""

from podwire import each_windows_node_runs, hns, requirement


@requirement("MODE-FIVE")
@each_windows_node_runs("hns-networks")
def test_a_nodes_networks_are_of_the_clusters_mode(flow, case):
    case.expect(hns.networks_of(flow.mode))


@requirement("MODE-FIVE")
@each_windows_node_runs("hns-endpoints", aspect="endpoint")
def test_a_pod_is_on_a_network_of_that_mode(flow, case):
    case.expect(hns.endpoint_of(flow.server, mode=flow.mode))
