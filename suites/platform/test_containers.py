"""Containers of a pod are programs of one machine."""

from podwire import LINUX, WINDOWS, answered_by, flows, nothing, on_wire, requirement, seen_as

BESIDE = {"client_pod": "two-containers", "server_pod": "two-containers", "placement": "itself", "via": "loopback"}


@requirement("ARCH-SHARED-NETNS")
@flows(client=WINDOWS, server=WINDOWS, family="ipv4", **BESIDE)
@flows(client=LINUX, server=LINUX, family="ipv4", **BESIDE)
def test_containers_of_one_pod_reach_each_other_by_loopback(flow, case):
    case.expect(answered_by(flow.server), seen_as("127.0.0.1"), on_wire(nothing()))
