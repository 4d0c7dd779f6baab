"""Which DNS server is asked, by which address, and what becomes of the question on its way."""

from podwire import (
    ANY_OS,
    LINUX,
    WINDOWS,
    asked,
    at_client,
    at_dns,
    at_server_node,
    each_asked,
    first_asked,
    flows,
    not_asked,
    not_found,
    nothing,
    replied,
    reply,
    request,
    requirement,
    resolves_to,
)

ASKED = {"server_kind": "dns", "via": "unknown-name", "protocol": "dns"}
FOLLOWED = {**ASKED, "family": "ipv4", "placement": "cross-node", "aspect": "way"}
OWN_FILE = {**ASKED, "family": "ipv4", "client_pod": "two-containers"}
OF_EACH_POD = {
    "client": ANY_OS,
    "server_kind": "dns",
    "via": "fqdn",
    "service": "by-each-dns-pod",
    "protocol": "dns",
}


@requirement("DNS-SERVERADDR")
@flows(client=ANY_OS, **ASKED)
def test_a_pod_asks_the_service_of_the_cluster_dns(flow, case):
    case.expect(not_found(), at_client(request(dst=flow.dns_ip, dport=53), reply(src=flow.dns_ip)))


@requirement("DNS-SERVERADDR")
@flows(client=LINUX, given_dns_cache=False, **FOLLOWED)
@flows(client=WINDOWS, given_dsr=True, **FOLLOWED)
def test_a_dns_question_reaches_the_dns_pod_with_the_address_of_the_client_pod(flow, case):
    case.expect(
        not_found(),
        at_dns(first_asked(flow.with_suffix(1))),
        at_server_node(request(src=flow.client.ip, dport=53), nothing(dst=flow.dns_ip)),
    )


@requirement("DNS-SERVERADDR")
@flows(client=WINDOWS, given_dsr=False, **FOLLOWED)
def test_without_dsr_a_dns_question_of_a_windows_pod_comes_from_its_node(flow, case):
    case.expect(
        not_found(),
        at_dns(first_asked(flow.with_suffix(1))),
        at_server_node(
            request(src=flow.client.node.own_addresses, dport=53),
            nothing(src=flow.client.ip),
            nothing(dst=flow.dns_ip),
        ),
    )


@requirement("DNS-EACH-POD")
@flows(asks="each-pod", aspect="udp", **OF_EACH_POD)
def test_each_pod_of_the_cluster_dns_answers_over_udp(flow, case):
    case.expect(
        replied(),
        at_dns(each_asked(flow.fqdn, of=flow.dns_pods, answer=flow.service.cluster_ip, over="udp")),
    )


@requirement("DNS-EACH-POD")
@flows(asks="each-pod-by-tcp", aspect="tcp", **OF_EACH_POD)
def test_each_pod_of_the_cluster_dns_answers_over_tcp(flow, case):
    case.expect(
        replied(),
        at_dns(each_asked(flow.fqdn, of=flow.dns_pods, answer=flow.service.cluster_ip, over="tcp")),
    )


@requirement("DNS-NODE-CACHE")
@flows(client=LINUX, given_dns_cache=True, **{**FOLLOWED, "aspect": "cache"})
def test_the_dns_cache_of_a_node_asks_the_cluster_dns_over_tcp(flow, case):
    case.expect(
        not_found(),
        at_client(request(dst=flow.dns_ip, dport=53), reply(src=flow.dns_ip)),
        at_dns(first_asked(flow.with_suffix(1), of=flow.dns_ip)),
        at_server_node(
            request(protocol="tcp", src=flow.client.node.own_addresses, dport=53),
            nothing(src=flow.client.ip),
        ),
    )


@requirement("DNS-CUSTOM")
@flows(client=ANY_OS, client_pod="custom-dns", family="ipv4", **ASKED)
def test_a_pod_asks_the_dns_server_of_its_own_dns_config(flow, case):
    case.expect(
        not_found(),
        at_dns(asked(flow.with_suffix(1), of=flow.dns_ip)),
        at_client(request(dst=flow.dns_ip, dport=53), reply(src=flow.dns_ip)),
    )


@requirement("DNS-FILE-IGNORED")
@flows(client=WINDOWS, **OWN_FILE)
def test_a_windows_pod_asks_the_cluster_dns_whatever_its_resolv_conf_says(flow, case):
    case.expect(not_found(), at_client(request(dst=flow.dns_ip, dport=53), reply(src=flow.dns_ip)))


@requirement("DNS-FILE-IGNORED")
@flows(client=LINUX, **OWN_FILE)
def test_a_linux_pod_asks_the_dns_server_that_its_resolv_conf_names(flow, case):
    case.expect(at_client(request(dst=flow.dns_nobody, dport=53)))


@requirement("DNS-HOST-NETWORK")
@flows(client=ANY_OS, client_kind="host", server_kind="dns", service="by-host", via="fqdn", protocol="dns")
def test_a_pod_on_the_host_network_resolves_the_name_of_a_service(flow, case):
    case.expect(resolves_to(flow.service.cluster_ip))


@requirement("DNS-HOSTSFILE")
@flows(client=ANY_OS, client_pod="custom-dns", server_kind="dns", via="hosts-name", protocol="dns", family="ipv4")
def test_a_name_of_the_hosts_file_resolves_without_a_dns_question(flow, case):
    case.expect(resolves_to(flow.target_ip), at_dns(not_asked(flow.name)))
