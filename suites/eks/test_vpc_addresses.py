"""The addresses that the VPC gives to pods of Windows nodes: which, and how many."""

from podwire import (
    LINUX,
    WINDOWS,
    answered_by,
    at_client,
    card,
    each_windows_node_runs,
    flows,
    inside,
    known,
    on_wire,
    other_than,
    request,
    requirement,
)

ONE_EACH = {"client": WINDOWS, "server": WINDOWS, "placement": "cross-node", "via": "pod-ip", "family": "ipv4"}


@requirement("EKS-NOTED-ADDRESS")
@flows(**ONE_EACH)
def test_a_windows_pod_has_the_vpc_address_that_is_noted_on_it(flow, case):
    case.expect(
        answered_by(flow.server),
        known(flow.client.vpc_address, flow.client.ip),
        known(flow.server.vpc_address, flow.server.ip),
        at_client(request(src=flow.client.vpc_address, dst=flow.server.vpc_address)),
    )


@requirement("EKS-SECONDARY-ADDRESSES")
@flows(**ONE_EACH, protocol="tcp", every_node=True)
def test_a_windows_node_offers_pods_every_secondary_address_of_its_network_card(flow, case):
    case.expect(answered_by(flow.server), known(flow.client.node.vpc_addresses, flow.client.node.card_addresses))


@requirement("EKS-PREFIX-ADDRESSES")
@flows(**ONE_EACH, protocol="tcp", every_node=True)
def test_a_windows_node_with_prefixes_offers_pods_16_addresses_for_each_secondary_address(flow, case):
    case.expect(answered_by(flow.server), known(flow.client.node.vpc_addresses, flow.client.node.card_prefix_addresses))


@requirement("EKS-WARM")
@each_windows_node_runs("ec2-card")
def test_a_windows_node_keeps_warm_addresses_for_new_pods(flow, case):
    case.expect(card.has_address(flow.server.ip), card.has_for_pods(flow.client.node.wanted_addresses))


@requirement("EKS-CUSTOM-NETWORKING")
@flows(client=WINDOWS, server=LINUX, placement="cross-node", via="pod-ip", family="ipv4")
def test_custom_networking_takes_pods_of_all_nodes_out_of_the_subnet_of_their_node(flow, case):
    of_the_pod = inside(flow.client.vpc_subnet)
    case.expect(
        answered_by(flow.server),
        known(flow.client.ip, of_the_pod),
        known(flow.client.node.ip, other_than(of_the_pod)),
        on_wire(request(src=flow.client.ip, dst=flow.server.ip)),
    )


@requirement("EKS-USED-UP")
@flows(client=WINDOWS, server=LINUX, placement="cross-node", via="pod-ip", first_node=True, after="vpc-node-filled")
def test_a_pod_waits_when_its_windows_node_has_no_free_address(flow, case):
    case.expect(
        answered_by(flow.server),
        known(flow.client.node.addresses_in_use, flow.client.node.vpc_addresses),
        known(flow.client.node.pods_without_address, 1),
    )
