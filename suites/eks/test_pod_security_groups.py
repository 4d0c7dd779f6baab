"""Pods of both operating systems that one SecurityGroupPolicy selects, with a group that lets nobody in."""

from podwire import (
    LINUX,
    WINDOWS,
    answered_by,
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
@flows(**TO_THE_POD, server=WINDOWS)
def test_a_pod_security_group_has_no_effect_on_a_windows_pod(flow, case):
    case.expect(answered_by(flow.server), known(flow.server.has_branch, False), at_server(request(dst=flow.server.ip)))


@requirement("EKS-POD-SECURITY-GROUPS")
@flows(**TO_THE_POD, server=LINUX, controls="server-host", aspect="linux")
def test_a_pod_security_group_that_admits_nobody_blocks_a_linux_pod(flow, case):
    case.expect(
        silent(), known(flow.server.has_branch, True), at_client(request(dst=flow.server.ip)), at_server(nothing())
    )
