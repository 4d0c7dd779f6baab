"""ovn-kubernetes: the hybrid overlay of today, and the transparent network of the older documents."""

from podwire import (
    ANY_OS,
    LINUX,
    WINDOWS,
    answered_by,
    answers_from,
    at_server,
    each_windows_node_runs,
    flows,
    hns,
    known,
    nothing,
    on_wire,
    reply,
    request,
    requirement,
    seen_as,
    silent,
    windows,
)

BETWEEN_NODES = {"placement": "cross-node", "via": "pod-ip", "protocol": ("tcp", "udp", "icmp"), "family": "ipv4"}
OVER_IPV6 = {**BETWEEN_NODES, "family": "ipv6"}
FROM_A_NODE = {"client": LINUX, "client_kind": "host", "server": ANY_OS, "placement": "cross-node", "protocol": "udp"}
VXLAN = {"tunnel": "vxlan", "vni": 4097}
GENEVE = {"tunnel": "geneve", "outer_dport": 6081}


def there(flow):
    return {"outer_src": flow.client.node.ip, "outer_dst": flow.server.node.ip}


def back(flow):
    return {"outer_src": flow.server.node.ip, "outer_dst": flow.client.node.ip}


@requirement("OVNHYB-VXLAN")
@flows(client=ANY_OS, server=WINDOWS, **BETWEEN_NODES)
@flows(client=WINDOWS, server=LINUX, **BETWEEN_NODES)
def test_windows_nodes_of_an_ovn_hybrid_overlay_use_vxlan_with_vni_4097(flow, case):
    vxlan = {**VXLAN, "outer_dport": flow.tunnel_port}
    case.expect(answered_by(flow.server), on_wire(request(**vxlan, **there(flow)), reply(**vxlan, **back(flow))))


@requirement("OVNHYB-VXLAN")
@flows(client=LINUX, server=LINUX, **BETWEEN_NODES)
def test_linux_nodes_of_an_ovn_hybrid_overlay_use_geneve_among_themselves(flow, case):
    case.expect(answered_by(flow.server), on_wire(request(**GENEVE, **there(flow)), reply(**GENEVE, **back(flow))))


@requirement("TRANS-ENCAP")
@flows(client=ANY_OS, server=ANY_OS, **BETWEEN_NODES)
def test_on_a_transparent_network_pods_of_two_nodes_talk_through_geneve(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(
            request(**GENEVE, **there(flow), src=flow.client.ip, dst=flow.server.ip),
            reply(**GENEVE, **back(flow), src=flow.server.ip, dst=flow.client.ip),
            nothing(encapsulated=False),
        ),
    )


@requirement("TRANS-ENCAP")
@flows(client=ANY_OS, server=ANY_OS, **OVER_IPV6)
def test_on_a_transparent_network_ipv6_between_nodes_travels_through_geneve(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(
            request(**GENEVE, src=flow.client.ip, dst=flow.server.ip),
            reply(**GENEVE, src=flow.server.ip, dst=flow.client.ip),
            nothing(encapsulated=False),
        ),
    )


@requirement("TRANS-NS-NAT")
@flows(client=WINDOWS, server_kind="outside", via="external-ip", protocol=("tcp", "udp", "icmp"))
def test_on_a_transparent_network_an_outside_host_sees_the_node_and_never_the_pod(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(request(src=flow.client.node.ip, encapsulated=False), nothing(src=flow.client.ip)),
    )


@requirement("TRANS-NAT-NO-NETSH")
@each_windows_node_runs("windows-nat")
def test_on_a_transparent_network_windows_itself_translates_nothing(flow, case):
    case.expect(windows.no_nat_for(flow.server))


@requirement("TRANS-LB")
@flows(client=WINDOWS, server=ANY_OS, placement=("same-node", "cross-node"), via="cluster-ip")
def test_on_a_transparent_network_services_are_balanced_without_kube_proxy(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.service.cluster_ip),
        seen_as(flow.client.ip),
        known(flow.kube_proxy, False),
    )


@requirement("TRANS-LB")
@each_windows_node_runs("hns-load-balancers")
def test_on_a_transparent_network_hns_has_no_load_balancers(flow, case):
    case.expect(hns.load_balancers(0))


@requirement("TRANS-TUNNEL-METADATA")
@flows(via="own-vni", aspect="own-vni", controls=("pod-ip",), **FROM_A_NODE)
def test_a_tunnel_packet_with_the_metadata_of_the_network_reaches_a_pod(flow, case):
    case.expect(answered_by(flow.server), on_wire(request(encapsulated=True, dst=flow.server.ip)))


@requirement("TRANS-TUNNEL-METADATA")
@flows(via="other-vni", aspect="other-vni", controls=("own-vni",), **FROM_A_NODE)
def test_a_tunnel_packet_with_the_metadata_of_no_network_is_dropped(flow, case):
    case.expect(silent(), on_wire(request(encapsulated=True, dst=flow.server.ip)), at_server(nothing()))
