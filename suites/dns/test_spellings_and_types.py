"""Questions of other spellings, types and forms than those of a resolver: the agent's own DNS client asks them."""

from podwire import (
    ANY_OS,
    as_spelled,
    asked,
    at_dns,
    both_answered,
    flows,
    no_data,
    no_such_name,
    replied,
    requirement,
    with_edns,
)

FOR_DNS = {"client": ANY_OS, "server_kind": "dns", "via": "fqdn", "protocol": "dns"}


@requirement("DNS-NODATA")
@flows(service="by-ipv4-name", asks="missing-names", family="ipv4", **FOR_DNS)
def test_a_service_without_an_ipv6_address_exists_all_the_same(flow, case):
    case.expect(
        replied(),
        at_dns(
            asked(flow.fqdn, answer=flow.service.cluster_ip),
            no_data(flow.fqdn, "AAAA"),
            no_such_name(flow.question(3)),
        ),
    )


@requirement("DNS-NODATA")
@flows(service="by-ipv6-name", asks="missing-names", family="ipv6", **FOR_DNS)
def test_a_service_without_an_ipv4_address_exists_all_the_same(flow, case):
    case.expect(
        replied(),
        at_dns(
            asked(flow.fqdn, answer=flow.service.cluster_ip),
            no_data(flow.fqdn, "A"),
            no_such_name(flow.question(3)),
        ),
    )


@requirement("DNS-CAPITALS")
@flows(service="by-capitals", asks="capitals", **FOR_DNS)
def test_a_name_with_capitals_is_the_same_name(flow, case):
    case.expect(replied(), at_dns(asked(flow.fqdn, answer=flow.service.cluster_ip), as_spelled(flow.question(1))))


@requirement("DNS-EDNS")
@flows(service="by-edns", asks="edns", **FOR_DNS)
def test_a_question_with_edns_gets_an_answer_with_edns(flow, case):
    case.expect(replied(), at_dns(asked(flow.fqdn, answer=flow.service.cluster_ip), with_edns(flow.fqdn)))


@requirement("DNS-BOTH-FAMILIES")
@flows(service="by-both-families", asks="both-families", connections=10, **FOR_DNS)
def test_a_and_aaaa_from_one_socket_are_both_answered(flow, case):
    case.expect(replied(), at_dns(asked(flow.fqdn, answer=flow.service.cluster_ip), both_answered(flow.fqdn)))
