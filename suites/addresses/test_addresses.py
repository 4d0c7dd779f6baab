"""Every pod has an address of its own, and from where its network's address management says."""

from podwire import (
    ANY_OS,
    ANYWHERE,
    LINUX,
    WINDOWS,
    answered_by,
    at_client,
    at_server,
    each_windows_node_runs,
    flows,
    hns,
    inside,
    known,
    on_wire,
    other_than,
    reply,
    request,
    requirement,
    seen_as,
)

PODS = {"placement": ANYWHERE, "via": "pod-ip", "protocol": ("tcp", "udp"), "family": "ipv4"}


def of_its_node(flow):
    """The client has an address of its node's part of the pod network, nobody else has it, and it talks from there."""
    part = inside(flow.client.node.pod_network)
    return (
        answered_by(flow.server),
        known(flow.client.has_own_address, True),
        known(flow.client.ip, part),
        at_client(request(src=part), reply(dst=part)),
        at_server(request(src=part)),
    )


def not_reserved(flow):
    """It is none of the first addresses of that part: network, gateway, and what HNS takes."""
    return known(flow.client.ip, other_than(flow.client.node.reserved))


@requirement("ADDR-HOST-LOCAL")
@flows(client=WINDOWS, server=ANY_OS, **PODS)
def test_addresses_are_of_the_nodes_subnet_and_none_of_its_own(flow, case):
    case.expect(*of_its_node(flow), not_reserved(flow))


@requirement("ADDR-CALICO-BLOCK")
@flows(client=WINDOWS, server=ANY_OS, **PODS)
def test_addresses_are_of_the_nodes_block(flow, case):
    case.expect(*of_its_node(flow), not_reserved(flow))


@requirement("ADDR-HOST-LOCAL")
@each_windows_node_runs("hns-networks")
def test_hns_lists_a_subnet_that_a_pod_of_the_node_is_of(flow, case):
    case.expect(hns.subnet_of(flow.server.ip))


@requirement("ADDR-CALICO-BLOCK")
@each_windows_node_runs("hns-networks")
def test_hns_lists_a_subnet_that_a_pod_of_the_block_is_of(flow, case):
    case.expect(hns.subnet_of(flow.server.ip))


@requirement("ADDR-OVN")
@flows(client=WINDOWS, server=ANY_OS, **PODS)
def test_addresses_are_of_the_nodes_part(flow, case):
    case.expect(*of_its_node(flow))


@requirement("ADDR-AZURE")
@flows(client=LINUX, client_kind="host", server=WINDOWS, placement="cross-node", via="pod-ip", family="ipv4")
def test_machines_of_the_network_talk_to_pods_as_they_are(flow, case):
    case.expect(
        answered_by(flow.server),
        known(flow.server.has_own_address, True),
        on_wire(request(dst=flow.server.ip, encapsulated=False), reply(src=flow.server.ip, encapsulated=False)),
    )


@requirement("ADDR-AZURE")
@each_windows_node_runs("hns-networks")
def test_hns_lists_a_subnet_that_a_pod_of_the_virtual_network_is_of(flow, case):
    case.expect(hns.subnet_of(flow.server.ip))


@requirement("ADDR-WINDOWS-SERVER")
@each_windows_node_runs("hns-networks")
def test_windows_gives_addresses_of_its_networks_subnet(flow, case):
    case.expect(hns.subnet_of(flow.server.ip), known(flow.server.has_own_address, True))


@requirement("ADDR-WINDOWS-SERVER")
@flows(client=WINDOWS, server=WINDOWS, placement="same-node", via="pod-ip", family="ipv4", aspect="packets")
def test_pods_talk_from_the_address_that_windows_gave_them(flow, case):
    case.expect(
        answered_by(flow.server),
        seen_as(flow.client.ip),
        known(flow.client.has_own_address, True),
        at_client(request(src=flow.client.ip)),
        at_server(request(src=flow.client.ip)),
    )
