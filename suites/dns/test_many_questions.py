"""Many questions in a row: lost ones are how trouble with Services on Windows nodes first shows."""

from podwire import WINDOWS, flows, not_found, requirement


@requirement("DNS-BURST")
@flows(
    client=WINDOWS,
    server_kind="dns",
    via="unknown-name",
    protocol="dns",
    family="ipv4",
    connections=1000,
    every_node=True,
)
def test_none_of_1000_dns_questions_of_a_windows_pod_is_lost(flow, case):
    case.expect(not_found())
