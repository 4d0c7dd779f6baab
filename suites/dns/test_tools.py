"""Tools that spell names in their own way."""

from podwire import LINUX, WINDOWS, at_dns, first_asked, flows, requirement, tool


@requirement("DNS-PQDN-NSLOOKUP")
@flows(
    client=WINDOWS,
    server=LINUX,
    placement="cross-node",
    via="short-pod-name",
    protocol="tool",
    tool="nslookup",
    family="ipv4",
)
def test_nslookup_resolves_a_partly_qualified_name(flow, case):
    case.expect(tool.prints(flow.server.ip), at_dns(first_asked(flow.with_suffix(1), answer=flow.server.ip)))
