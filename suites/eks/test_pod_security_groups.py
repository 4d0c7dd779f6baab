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
def test_a_windows_pod_is_reached_as_if_nothing_were_said(flow, case):
    case.expect(answered_by(flow.server), known(flow.server.has_branch, False), at_server(request(dst=flow.server.ip)))


@requirement("EKS-POD-SECURITY-GROUPS")
@flows(**TO_THE_POD, server=LINUX, controls="server-host", aspect="linux")
def test_nobody_reaches_a_linux_pod(flow, case):
    case.expect(
        silent(), known(flow.server.has_branch, True), at_client(request(dst=flow.server.ip)), at_server(nothing())
    )
