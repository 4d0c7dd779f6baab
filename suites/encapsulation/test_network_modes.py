"""Which network mode a Windows node is in, by its own word."""

from podwire import each_windows_node_runs, requirement


@requirement("MODE-FIVE")
@each_windows_node_runs("hns-networks")
def test_a_nodes_networks_are_of_the_clusters_mode(flow, case):
    case.expect(hns_mode=flow.mode)
