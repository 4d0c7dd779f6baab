"""Which network mode a Windows node is in, by its own word."""

from podwire import WINDOWS, flows, requirement


@requirement("MODE-FIVE")
@flows(
    client=WINDOWS,
    client_kind="host",
    server=WINDOWS,
    placement="same-node",
    via="pod-ip",
    protocol="tool",
    tool="hns-networks",
    family="ipv4",
    every_node=True,
)
def test_a_nodes_networks_are_of_the_clusters_mode(flow, case):
    case.expect(hns_mode=flow.mode)
