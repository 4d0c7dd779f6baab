"""A pod of a Windows node is a machine of its own on the virtual switch."""

from podwire import (
    ANY_OS,
    ANYWHERE,
    WINDOWS,
    answered_by,
    at_client,
    each_windows_node_runs,
    flows,
    hns,
    known,
    other_than,
    reply,
    request,
    requirement,
)


@requirement("ARCH-VNIC")
@flows(client=WINDOWS, server=ANY_OS, placement=ANYWHERE, via="pod-ip", family="ipv4")
def test_frames_of_a_windows_pod_carry_the_mac_of_the_pod(flow, case):
    case.expect(
        answered_by(flow.server), at_client(request(frame_src=flow.client.mac), reply(frame_dst=flow.client.mac))
    )


# A case of its own without captures: on Windows a port of the switch is found by its MAC, so where a pod has its node's
# no capture can be relied on.
@requirement("ARCH-VNIC")
@flows(
    client=WINDOWS,
    server=WINDOWS,
    placement="cross-node",
    via="pod-ip",
    protocol="tcp",
    family="ipv4",
    every_node=True,
    aspect="mac",
)
def test_the_mac_of_a_windows_pod_is_not_the_mac_of_its_node(flow, case):
    case.expect(answered_by(flow.server), known(flow.client.mac, other_than(flow.client.node.mac)))


@requirement("ARCH-HNS-RESOURCES")
@each_windows_node_runs("hns-endpoints")
def test_hns_has_one_endpoint_for_a_pod(flow, case):
    case.expect(hns.endpoint_of(flow.server))
