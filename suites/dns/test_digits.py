"""Services whose names are digits, or begin with one."""

from podwire import ANY_OS, at_dns, first_asked, flows, only_asked, requirement, resolves_to


@requirement("DNS-DIGITS")
@flows(client=ANY_OS, server_kind="dns", service="1-by-name", via="short-name", protocol="dns", aspect="first")
def test_a_service_whose_name_begins_with_a_digit_resolves(flow, case):
    case.expect(
        resolves_to(flow.service.cluster_ip), at_dns(first_asked(flow.with_suffix(1), answer=flow.service.cluster_ip))
    )


@requirement("DNS-DIGITS")
@flows(client=ANY_OS, server_kind="dns", service="5353", via="absolute-name", protocol="dns", aspect="all")
def test_a_service_whose_name_is_digits_resolves_by_its_full_name(flow, case):
    case.expect(resolves_to(flow.service.cluster_ip), at_dns(only_asked(flow.fqdn, answer=flow.service.cluster_ip)))
