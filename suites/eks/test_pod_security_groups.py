"""Pods of both operating systems that one SecurityGroupPolicy selects, with a group that lets nobody in."""

from podwire import (
    LINUX,
    WINDOWS,
    at_client,
    at_server,
    flows,
    known,
    nothing,
    request,
    requirement,
    silent,
)

TO_THE_POD = {"client": LINUX, "server_pod": "grouped", "placement": "cross-node", "via": "pod-ip", "family": "ipv4"}


@requirement("EKS-POD-SECURITY-GROUPS")
@flows(**TO_THE_POD, server=WINDOWS, controls="server-host")
@flows(**TO_THE_POD, server=LINUX, controls="server-host", aspect="linux")
def test_a_pod_security_group_that_admits_nobody_blocks_the_pod(flow, case):
    case.expect(
        silent(), known(flow.server.has_branch, True), at_client(request(dst=flow.server.ip)), at_server(nothing())
    )
