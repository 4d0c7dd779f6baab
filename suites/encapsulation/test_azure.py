"""Azure CNI: the virtual network's hosts have a MAC of their own for everybody, and in l2tunnel mode they see all."""

from podwire import (
    ANY_OS,
    LINUX,
    WINDOWS,
    answered_by,
    at_client,
    at_client_node,
    at_server,
    at_server_node,
    flows,
    known,
    nothing,
    on_wire,
    request,
    requirement,
    seen,
    seen_as,
    silent,
)

FABRIC = "12:34:56:78:9a:bc"
ANY_PROTOCOL = ("tcp", "udp", "icmp")
DENIED = {
    "client": WINDOWS,
    "server": WINDOWS,
    "via": "pod-ip",
    "protocol": "tcp",
    "denied_port": True,
    "controls": "pod-ip",
    "family": "ipv4",
}


@requirement("AZURE-FABRIC-MAC")
@flows(client=WINDOWS, server=ANY_OS, placement="cross-node", via="pod-ip", family="ipv4")
def test_frames_of_windows_pods_go_to_the_mac_of_the_azure_fabric(flow, case):
    # The hosts of the virtual network answer every ARP request with one MAC address.
    case.expect(
        answered_by(flow.server),
        at_client(request(frame_dst=FABRIC)),
        at_client_node(request(frame_src=flow.client.node.mac, frame_dst=FABRIC)),
    )


@requirement("L2T-ALL-VIA-HOST")
@flows(client=WINDOWS, server=WINDOWS, placement="same-node", via="pod-ip", protocol=ANY_PROTOCOL, family="ipv4")
def test_in_l2tunnel_mode_pods_of_one_node_talk_by_way_of_the_azure_host(flow, case):
    # The network card of the node sees every packet twice: as it leaves for the host, and as it comes back.
    node = flow.client.node
    case.expect(
        answered_by(flow.server),
        on_wire(
            seen(src=flow.client.ip, dst=flow.server.ip, frame_src=node.mac),
            seen(src=flow.client.ip, dst=flow.server.ip, frame_dst=node.mac),
            seen(src=flow.server.ip, dst=flow.client.ip, frame_src=node.mac),
            seen(src=flow.server.ip, dst=flow.client.ip, frame_dst=node.mac),
            nothing(encapsulated=True),
            nothing(frame_src=flow.client.mac),
        ),
    )


@requirement("L2T-ALL-VIA-HOST")
@flows(client=WINDOWS, server=WINDOWS, placement="same-node", via="cluster-ip", family="ipv4", aspect="service")
def test_in_l2tunnel_mode_a_service_leads_to_a_pod_of_the_same_node_by_way_of_the_azure_host(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(
            seen(dst=flow.server.ip, frame_src=flow.client.node.mac),
            seen(dst=flow.server.ip, frame_dst=flow.client.node.mac),
            nothing(src=flow.service.cluster_ip),
        ),
    )


def untranslated(flow):
    """The server sees the address of the pod, and so does the wire."""
    return (
        answered_by(flow.server),
        seen_as(flow.client.ip),
        on_wire(request(encapsulated=False, src=flow.client.ip, sport=flow.client.port)),
    )


@requirement("L2T-IP-UNDERLAY")
@flows(client=WINDOWS, server=LINUX, server_kind="host", placement="cross-node", via="node-ip", family="ipv4")
def test_in_l2tunnel_mode_a_machine_of_the_virtual_network_sees_the_address_of_a_pod(flow, case):
    case.expect(*untranslated(flow))


@requirement("AZURE-IP-UNDERLAY")
@flows(client=WINDOWS, server=LINUX, server_kind="host", placement="cross-node", via="node-ip", family="ipv4")
def test_in_l2bridge_mode_a_machine_of_the_virtual_network_sees_the_address_of_a_pod(flow, case):
    case.expect(*untranslated(flow))


@requirement("L2T-NSG")
@flows(**DENIED, placement="cross-node")
def test_traffic_that_a_network_security_group_denies_reaches_no_other_node(flow, case):
    case.expect(
        silent(),
        at_client_node(request(dst=flow.server.ip, frame_dst=FABRIC)),
        at_server_node(nothing(src=flow.client.ip, dst=flow.server.ip)),
        at_server(nothing()),
    )


@requirement("L2T-NSG")
@flows(**DENIED, placement="same-node")
def test_traffic_that_a_network_security_group_denies_does_not_come_back_to_its_node(flow, case):
    case.expect(
        silent(),
        at_client_node(
            request(dst=flow.server.ip, frame_dst=FABRIC), nothing(dst=flow.server.ip, frame_dst=flow.client.node.mac)
        ),
        at_server(nothing()),
    )


@requirement("L2T-AZURE-ONLY")
@flows(client=WINDOWS, server=WINDOWS, placement="cross-node", via="pod-ip", protocol="tcp", family="ipv4")
def test_nodes_in_l2tunnel_mode_are_azure_machines(flow, case):
    case.expect(
        answered_by(flow.server), known(flow.client.node.provider, "azure"), known(flow.server.node.provider, "azure")
    )
