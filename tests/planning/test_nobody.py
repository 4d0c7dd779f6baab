"""Addresses of nobody: taken beside everything that is the cluster's, or left out with the fact that would help."""

import ipaddress

import pytest
from changed import replace
from plans_for_tests import L2BRIDGE, OVERLAY, cases, reasons

from podwire.model.addressing.nobody import CANDIDATES, TooFew, candidate_around, known_networks, nobody_of
from podwire.model.facts import ExternalHost

# AWS recommends 198.19.0.0/16 for pods of clusters that run out of addresses (EKS best practices, custom networking).
EKS = replace(L2BRIDGE, network=replace(L2BRIDGE.network, own=("198.19.0.0/16",)))
WHOLE = replace(L2BRIDGE, network=replace(L2BRIDGE.network, own=("198.18.0.0/15",)))


def in_networks(address, *networks):
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(one) for one in networks)


def with_nodes_at(facts, start):
    """The same cluster whose nodes have addresses from one on."""
    first = ipaddress.ip_address(start)
    nodes = tuple(replace(node, addresses=(str(first + at),)) for at, node in enumerate(facts.nodes))
    return replace(facts, nodes=nodes)


def test_without_a_conflict_addresses_are_those_of_the_network_for_benchmarks():
    nobody = nobody_of(OVERLAY)
    assert nobody.addresses(3) == ("198.18.0.1", "198.18.0.2", "198.18.0.3")
    assert nobody.large(53) == "198.18.0.53"
    assert str(nobody.network("ipv4")), str(nobody.network("ipv6")) == ("192.0.2.0/24", "2001:db8:77::/64")


@pytest.mark.parametrize("own", [("198.19.0.0/16",), ("198.18.0.0/15",), ("198.18.4.0/22", "198.19.0.0/16")])
def test_a_network_that_holds_something_of_the_cluster_is_left_out_as_a_whole(own):
    nobody = nobody_of(replace(OVERLAY, network=replace(OVERLAY.network, own=own)))
    addresses = (*nobody.addresses(500), nobody.large(53))
    assert not any(in_networks(one, "198.18.0.0/15") for one in addresses)
    assert all(in_networks(one, *CANDIDATES["ipv4"]) for one in addresses)
    assert len(set(addresses[:-1])) == 500


@pytest.mark.parametrize(
    "facts",
    [
        with_nodes_at(L2BRIDGE, "198.18.7.1"),
        replace(L2BRIDGE, nodes=tuple(replace(node, pod_cidrs=("198.19.4.0/24",)) for node in L2BRIDGE.nodes)),
        replace(L2BRIDGE, dns=replace(L2BRIDGE.dns, addresses=("198.18.0.10",))),
        replace(L2BRIDGE, outside=replace(L2BRIDGE.outside, host=ExternalHost(name="o", addresses=("198.19.9.9",)))),
    ],
    ids=["nodes", "parts of nodes", "the DNS Service", "the host outside"],
)
def test_addresses_of_the_cluster_count_as_its_networks_do(facts):
    assert not in_networks(nobody_of(facts).large(53), "198.18.0.0/15")


def test_addresses_of_pods_that_the_plan_did_not_know_count_at_the_deployment():
    nobody = nobody_of(OVERLAY).without(["198.19.20.30"])
    assert not in_networks(nobody.large(1), "198.18.0.0/15")


def test_a_network_that_the_user_states_is_the_only_one_of_its_family():
    nobody = nobody_of(replace(EKS, outside=replace(EKS.outside, unused=("10.99.0.0/16",))))
    assert nobody.addresses(2000)[0] == "10.99.0.1"
    assert str(nobody.network("ipv4")) == "10.99.0.0/24"
    assert str(nobody.network("ipv6")) == "2001:db8:77::/64"


def test_too_few_addresses_are_told_with_what_is_known_and_what_to_state():
    with pytest.raises(TooFew) as few:
        nobody_of(WHOLE).addresses(1021)
    known = 762 - 254 * any(in_networks(one, "203.0.113.0/24") for one in known_networks(WHOLE) if "/" not in one)
    assert str(few.value) == (
        f"needs 1021 IPv4 addresses of no host; beside the cluster's own networks (198.18.0.0/15"
        f"{', 203.0.113.10/32' if known < 762 else ''}) podwire knows {known}: state a network that nobody uses, large "
        "enough, as `unused_networks: [NETWORK]` in --facts"
    )


CROWD = {"client": "linux", "server_kind": "backends", "via": "cluster-ip", "protocol": "tcp", "family": "ipv4"}


@pytest.mark.parametrize(
    ("kind", "able"), [("crowd-64", True), ("crowd-65", True), ("crowd-1000", False), ("crowd-1025", False)]
)
def test_only_a_crowd_that_is_too_large_is_left_out(kind, able):
    axes = {**CROWD, "service": kind, "miss_risk": 1e-5}
    assert len(cases(WHOLE, **axes)) == able
    assert bool(reasons(WHOLE, **axes)) is not able
    stated = replace(WHOLE, outside=replace(WHOLE.outside, unused=("10.99.0.0/16",)))
    assert cases(stated, **axes) == cases(L2BRIDGE, **axes)


def test_without_any_network_a_case_that_needs_one_address_is_left_out_too():
    everything = replace(L2BRIDGE, network=replace(L2BRIDGE.network, own=(*CANDIDATES["ipv4"], *CANDIDATES["ipv6"])))
    for axes in (
        {
            "client": "linux",
            "client_pod": "two-containers",
            "server_kind": "dns",
            "via": "unknown-name",
            "protocol": "dns",
        },
        {"client": "linux", "server": "linux", "via": "service-external-ip", "service": "external-ip"},
    ):
        assert not cases(everything, **axes, family="ipv4")
        reason, *_ = reasons(everything, **axes, family="ipv4").values()
        assert "unused_networks" in reason


@pytest.mark.parametrize(
    ("address", "network"), [("198.19.7.8", "198.18.0.0/15"), ("192.0.2.1", "192.0.2.0/24"), ("10.0.0.1", "")]
)
def test_the_candidate_around_an_address(address, network):
    assert candidate_around(address) == network
