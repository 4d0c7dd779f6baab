"""Names that are complete: of Services, with and without the final dot, and of the outside."""

from podwire import ANY_OS, LINUX, WINDOWS, asked, asked_in_order, at_dns, flows, only_asked, requirement, resolves_to


@requirement("DNS-FQDN")
@flows(client=ANY_OS, server_kind="dns", service="by-absolute-name", via="absolute-name", protocol="dns", aspect="dot")
@flows(client=WINDOWS, server_kind="dns", service="by-full-name", via="fqdn", protocol="dns")
def test_a_full_name_is_asked_without_a_search_suffix(flow, case):
    case.expect(resolves_to(flow.service.cluster_ip), at_dns(only_asked(flow.fqdn, answer=flow.service.cluster_ip)))


@requirement("DNS-FQDN")
@flows(client=LINUX, server_kind="dns", service="by-full-name", via="fqdn", protocol="dns")
def test_linux_resolves_a_full_name_without_its_final_dot(flow, case):
    case.expect(resolves_to(flow.service.cluster_ip), at_dns(asked(flow.fqdn, answer=flow.service.cluster_ip)))


@requirement("DNS-EXTERNAL")
@flows(client=WINDOWS, server_kind="outside", via="external-name", protocol="dns")
def test_windows_asks_an_outside_name_without_a_search_suffix(flow, case):
    case.expect(resolves_to(flow.server.ip), at_dns(only_asked(flow.name, answer=flow.server.ip)))


@requirement("DNS-EXTERNAL")
@flows(client=LINUX, server_kind="outside", via="external-name", protocol="dns")
def test_linux_tries_every_search_suffix_before_an_outside_name_itself(flow, case):
    case.expect(
        resolves_to(flow.server.ip),
        at_dns(
            asked_in_order(flow.with_suffix(1), flow.with_suffix(2), flow.with_suffix(3), flow.name),
            asked(flow.name, answer=flow.server.ip),
        ),
    )
