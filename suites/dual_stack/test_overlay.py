"""IPv6 and pods of Windows nodes on an overlay: whether they have an address, and what becomes of a try."""

from podwire import LINUX, WINDOWS, answered_by, flows, known, on_wire, request, requirement


@requirement("IPV6-OVERLAY")
@flows(client=WINDOWS, server=LINUX, placement="cross-node", via="pod-ip", protocol="tcp", family="ipv4")
def test_on_overlay_a_windows_pod_has_an_ipv6_address(flow, case):
    case.expect(answered_by(flow.server), known(flow.client.families, ("ipv4", "ipv6")))


@requirement("IPV6-OVERLAY")
@flows(client=WINDOWS, server=LINUX, placement="cross-node", via="pod-ip", family="ipv6", unaddressed=True)
def test_on_overlay_a_windows_pod_reaches_another_pod_over_ipv6(flow, case):
    case.expect(answered_by(flow.server), on_wire(request(dst=flow.server.ip)))
