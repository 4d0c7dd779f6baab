"""Both families side by side on an l2bridge network: each of its own, none made from the other."""

from podwire import (
    ANY_OS,
    LINUX,
    WINDOWS,
    answered_by,
    at_client,
    at_server,
    flows,
    inside,
    known,
    on_wire,
    reply,
    request,
    requirement,
)

BOTH = ("ipv4", "ipv6")


@requirement("DUAL-L2B")
@flows(client=WINDOWS, server=ANY_OS, placement="cross-node", via=("pod-ip", "cluster-ip"))
@flows(client=LINUX, server=WINDOWS, placement="cross-node", via=("pod-ip", "cluster-ip"))
def test_on_l2bridge_a_flow_keeps_its_ip_family_from_end_to_end(flow, case):
    case.expect(
        answered_by(flow.server),
        at_client(request(src=flow.client.ip, dst=flow.target_ip), reply(src=flow.target_ip)),
        on_wire(request(dst=flow.server.ip), reply(src=flow.server.ip)),
        at_server(request(dst=flow.server.ip), reply(src=flow.server.ip)),
    )


@requirement("DUAL-PODS")
@flows(client=WINDOWS, server=LINUX, placement="cross-node", via="pod-ip", protocol="tcp", family="ipv4")
def test_on_l2bridge_a_windows_pod_has_an_address_of_each_family(flow, case):
    case.expect(
        answered_by(flow.server),
        known(flow.client.families, BOTH),
        at_client(request(src=inside(flow.client.node.pod_network))),
    )
