"""Which suffixes an undotted name gets, and in which order they are tried."""

from podwire import ANY_OS, asked_in_order, at_dns, first_asked, flows, not_found, requirement, resolves_to


@requirement("DNS-SHORT")
@flows(client=ANY_OS, server_kind="dns", service="by-short-name", via="short-name", protocol="dns")
def test_a_short_name_is_first_asked_in_the_namespace_of_the_pod(flow, case):
    case.expect(
        resolves_to(flow.service.cluster_ip), at_dns(first_asked(flow.with_suffix(1), answer=flow.service.cluster_ip))
    )


@requirement("DNS-SEARCH-LIST")
@flows(client=ANY_OS, server_kind="dns", via="unknown-name", protocol="dns")
def test_a_short_name_is_tried_with_every_search_suffix_of_the_cluster(flow, case):
    case.expect(not_found(), at_dns(asked_in_order(flow.with_suffix(1), flow.with_suffix(2), flow.with_suffix(3))))


@requirement("DNS-ORDER")
@flows(client=ANY_OS, client_pod="custom-dns", server_kind="dns", via="unknown-name", protocol="dns", family="ipv4")
def test_search_suffixes_of_a_pods_dns_config_are_tried_in_order(flow, case):
    case.expect(not_found(), at_dns(asked_in_order(flow.with_suffix(1), flow.with_suffix(2))))
