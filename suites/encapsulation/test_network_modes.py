"""Which network mode a Windows node is in, by its own word."""

from podwire import each_windows_node_runs, hns, requirement


@requirement("MODE-FIVE")
@each_windows_node_runs("hns-networks")
def test_hns_networks_of_a_windows_node_have_the_network_mode_of_the_cluster(flow, case):
    case.expect(hns.networks_of(flow.mode))


@requirement("MODE-FIVE")
@each_windows_node_runs("hns-endpoints", aspect="endpoint")
def test_the_hns_endpoint_of_a_pod_is_on_a_network_of_the_clusters_mode(flow, case):
    case.expect(hns.endpoint_of(flow.server, mode=flow.mode))
