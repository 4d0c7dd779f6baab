"""NAT: what makes it no network for Kubernetes, in packets."""

from podwire import (
    ANY_OS,
    LINUX,
    WINDOWS,
    answered_by,
    at_client,
    at_server,
    flows,
    nothing,
    on_wire,
    request,
    requirement,
    seen_as,
    unanswered,
)


@requirement("NAT-HIDDEN")
@flows(client=WINDOWS, server=LINUX, placement="cross-node", via="pod-ip", family="ipv4")
def test_a_pod_sees_the_node_in_place_of_a_windows_pod_behind_nat(flow, case):
    case.expect(
        answered_by(flow.server),
        seen_as(flow.client.node.ip),
        at_client(request(src=flow.client.ip)),
        on_wire(request(src=flow.client.node.ip), nothing(src=flow.client.ip)),
    )


@requirement("NAT-HIDDEN")
@flows(client=WINDOWS, server_kind="outside", via="external-ip", family="ipv4", aspect="outside")
def test_an_outside_host_sees_the_node_in_place_of_a_windows_pod_behind_nat(flow, case):
    """What the outside itself sees may be the address of a NAT gateway beside the nodes."""
    case.expect(answered_by(flow.server), on_wire(request(src=flow.client.node.ip), nothing(src=flow.client.ip)))


@requirement("NAT-UNREACHED")
@flows(
    client=ANY_OS,
    server=WINDOWS,
    placement="cross-node",
    via="pod-ip",
    family="ipv4",
    controls="server-host",
)
def test_pods_of_other_nodes_do_not_reach_a_windows_pod_behind_nat(flow, case):
    case.expect(unanswered(), at_client(request(dst=flow.server.ip)), at_server(nothing()))


@requirement("NAT-UNREACHED")
@flows(client=WINDOWS, server=WINDOWS, placement="same-node", via="pod-ip", family="ipv4", aspect="same-node")
def test_pods_of_the_same_node_reach_a_windows_pod_behind_nat(flow, case):
    case.expect(answered_by(flow.server), seen_as(flow.client.ip))
