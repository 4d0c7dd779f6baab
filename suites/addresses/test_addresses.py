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
def test_a_windows_pod_has_an_address_of_its_nodes_subnet_that_is_not_reserved(flow, case):
    case.expect(*of_its_node(flow), not_reserved(flow))


@requirement("ADDR-CALICO-BLOCK")
@flows(client=WINDOWS, server=ANY_OS, **PODS)
def test_a_windows_pod_has_an_address_of_its_nodes_calico_block(flow, case):
    case.expect(*of_its_node(flow), not_reserved(flow))


@requirement("ADDR-HOST-LOCAL")
@each_windows_node_runs("hns-networks")
def test_hns_lists_the_subnet_of_a_pod_with_a_host_local_address(flow, case):
    case.expect(hns.subnet_of(flow.server.ip))


@requirement("ADDR-CALICO-BLOCK")
@each_windows_node_runs("hns-networks")
def test_hns_lists_the_subnet_of_a_pod_with_an_address_of_a_calico_block(flow, case):
    case.expect(hns.subnet_of(flow.server.ip))


@requirement("ADDR-OVN")
@flows(client=WINDOWS, server=ANY_OS, **PODS)
def test_a_windows_pod_has_an_address_of_its_nodes_ovn_subnet(flow, case):
    case.expect(*of_its_node(flow))


@requirement("ADDR-AZURE")
@flows(client=LINUX, client_kind="host", server=WINDOWS, placement="cross-node", via="pod-ip", family="ipv4")
def test_a_machine_of_the_virtual_network_reaches_a_pod_without_a_tunnel(flow, case):
    case.expect(
        answered_by(flow.server),
        known(flow.server.has_own_address, True),
        on_wire(request(dst=flow.server.ip, encapsulated=False), reply(src=flow.server.ip, encapsulated=False)),
    )


@requirement("ADDR-AZURE")
@each_windows_node_runs("hns-networks")
def test_hns_lists_the_subnet_of_a_pod_with_an_address_of_the_virtual_network(flow, case):
    case.expect(hns.subnet_of(flow.server.ip))


@requirement("ADDR-WINDOWS-SERVER")
@each_windows_node_runs("hns-networks")
def test_windows_gives_a_pod_an_address_of_its_own_from_the_subnet_of_its_network(flow, case):
    case.expect(hns.subnet_of(flow.server.ip), known(flow.server.has_own_address, True))


@requirement("ADDR-WINDOWS-SERVER")
@flows(client=WINDOWS, server=WINDOWS, placement="same-node", via="pod-ip", family="ipv4", aspect="packets")
def test_a_pod_sends_from_the_address_that_windows_gave_it(flow, case):
    case.expect(
        answered_by(flow.server),
        seen_as(flow.client.ip),
        known(flow.client.has_own_address, True),
        at_client(request(src=flow.client.ip)),
        at_server(request(src=flow.client.ip)),
    )
