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
def test_a_container_that_is_not_there_is_found_wanting(flow, case):
    case.expect(tool.exits_with(other_than(0)))
