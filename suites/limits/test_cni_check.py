"""What a CNI plugin of a Windows node says of a container that it never made."""

from podwire import WINDOWS, flows, other_than, requirement, tool


@requirement("CNI-CHECK")
@flows(
    client=WINDOWS,
    client_kind="host",
    server=WINDOWS,
    server_kind="host",
    placement="itself",
    via="node-ip",
    family="ipv4",
    protocol="tool",
    tool="cni-plugin",
)
def test_a_cni_check_of_a_missing_container_fails(flow, case):
    case.expect(tool.exits_with(other_than(0)))
