"""What HNS of a Windows node lists: networks, by which its mode is known, and endpoints."""

import json

import pytest

from podwire.platforms.hns import (
    HnsDsr,
    HnsNetwork,
    LoadBalancer,
    NoListing,
    dsr_told_by,
    endpoints_in,
    load_balancers_in,
    mode_told_by,
    networks_in,
    translation_in,
)


def network(name, kind, vni=None):
    return {"Name": name, "Type": kind, "VSID": vni}


EXTERNAL, NAT = network("External", "Overlay", 9999), network("nat", "NAT")


@pytest.mark.parametrize(
    ("listed", "mode", "words"),
    [
        ([EXTERNAL, network("flannel.4096", "Overlay", 4096), NAT], "overlay", "flannel.4096 (Overlay, VNI 4096)"),
        ([network("cbr0", "L2Bridge"), NAT], "l2bridge", "cbr0 (L2Bridge)"),
        ([network("azure", "l2tunnel")], "l2tunnel", "azure (l2tunnel)"),
        ([network("antrea-hnsnetwork", "Transparent")], "transparent", "antrea-hnsnetwork (Transparent)"),
        ([NAT], "nat", "nat (NAT)"),
        ([EXTERNAL], "overlay", "External (Overlay, VNI 9999)"),
        ([network("cbr0", "L2Bridge"), network("vxlan0", "Overlay", 4096)], "unknown", "cbr0 (L2Bridge), vxlan0"),
        ([network("Default Switch", "ICS"), network("cbr0", "L2Bridge")], "l2bridge", "HNS has cbr0 (L2Bridge)"),
        (
            [network("x", "Private"), network("y", "internal"), network("o", "Overlay")],
            "overlay",
            "HNS has o (Overlay)",
        ),
        ([network("lab", "Internal")], "unknown", "lab (Internal)"),
        ([], "unknown", "HNS has no network"),
    ],
)
def test_the_networks_of_pods_tell_the_mode(listed, mode, words):
    told = mode_told_by(networks_in(json.dumps(listed)))
    assert told.mode == mode
    assert words in told.words


def test_one_network_is_listed_without_a_list_and_none_as_nothing():
    assert networks_in(json.dumps(network("a", "NAT")) + "\r\n") == (HnsNetwork(name="a", type="NAT"),)
    assert networks_in("\n") == ()


@pytest.mark.parametrize(
    ("told", "subnets"),
    [
        (["192.0.2.0/24", "2001:db8::/64"], ("192.0.2.0/24", "2001:db8::/64")),
        (["192.0.2.1/24"], ("192.0.2.0/24",)),
        ([None], ()),
        (None, ()),
        (["all"], ()),
    ],
)
def test_subnets_are_networks_and_what_is_none_is_left_out(told, subnets):
    (listed,) = networks_in(json.dumps({**NAT, "Subnets": told}))
    assert listed.subnets == subnets
    assert listed.has_room_for("192.0.2.7") is bool(subnets)
    assert not listed.has_room_for("198.51.100.7")


@pytest.mark.parametrize("printed", ["Get-HnsNetwork : not recognized", "[1]", '{"Name": "a"}', '[{"Type": 4}]', "5"])
def test_what_is_no_list_of_networks_is_said(printed):
    with pytest.raises(NoListing, match="JSON"):
        networks_in(printed)


def test_an_endpoint_tells_its_mac_its_network_and_whether_it_is_of_another_node():
    own = {"Name": "a", "IPAddress": "10.0.0.1", "MacAddress": "00-15-5D-CD-BE-47", "Remote": False, "Type": "L2Bridge"}
    found = endpoints_in(json.dumps([own, {**own, "Name": "Ethernet", "Remote": True, "Type": None}]))
    assert [(one.name, one.mac, one.remote, one.mode) for one in found] == [
        ("a", "00:15:5d:cd:be:47", False, "l2bridge"),
        ("Ethernet", "00:15:5d:cd:be:47", True, ""),
    ]


def test_an_endpoint_without_an_address_is_one_beside_the_others():
    found = endpoints_in(
        '[{"IPAddress":null},{"IPAddress":"10.244.3.4","State":3},{"IPAddress":"10.244.3.5","State":9}]'
    )
    assert [(one.address, one.state) for one in found] == [
        ("", ""),
        ("10.244.3.4", "AttachedSharing"),
        ("10.244.3.5", "9"),
    ]


@pytest.mark.parametrize("printed", ["Get-HnsEndpoint : not recognized", '[{"IPAddress": 4}]', '[{"Name": "a"}]', "7"])
def test_what_is_no_list_of_endpoints_is_said(printed):
    with pytest.raises(NoListing, match="JSON"):
        endpoints_in(printed)


NO_NAT = '{"NetNat":[],"Endpoints":[{"IPAddress":"10.0.0.1","Told":true,"Policies":["L2Driver","ACL"]}]}'


def test_what_windows_translates_is_told_by_its_nats_and_by_policies_of_endpoints():
    none = translation_in(NO_NAT)
    assert (none.net_nat, none.translated, none.endpoints) == ((), (), (("10.0.0.1", False),))
    assert translation_in(NO_NAT.replace(":[{", ':[{"IPAddress":null,"Told":false},{')) == none
    some = translation_in(NO_NAT.replace("[]", '["nat"]').replace("ACL", "OutBoundNAT"))
    assert (some.net_nat, some.translated) == (("nat",), ("10.0.0.1",))


def test_two_endpoints_of_one_address_are_two():
    first = NO_NAT.removesuffix("]}").partition('"Endpoints":[')[2]
    both = NO_NAT.replace(first, f"{first.replace('ACL', 'OutBoundNAT')},{first}")
    assert translation_in(both).translated == ("10.0.0.1",)


@pytest.mark.parametrize("policies", ["null", "[]", "[null]"])
def test_an_endpoint_may_have_no_policy(policies):
    assert translation_in(NO_NAT.replace('["L2Driver","ACL"]', policies)).endpoints == (("10.0.0.1", False),)


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "Get-NetNat : not recognized",
        "[]",
        "{}",
        '{"NetNat":[]}',
        '{"NetNat":null,"Endpoints":[]}',
        NO_NAT.replace("true", "false"),
        NO_NAT.replace('"Told":true,', ""),
        '{"NetNat":[],"Endpoints":["10.0.0.1"]}',
    ],
)
def test_no_answer_is_not_taken_for_no_nat(printed):
    with pytest.raises(NoListing, match="JSON"):
        translation_in(printed)


def test_a_load_balancer_tells_its_addresses_and_whether_it_uses_dsr():
    found = load_balancers_in(
        '{"LoadBalancers":[{"VIPs":["10.96.0.10"],"IsDSR":true},{"VIPs":["192.0.2.1","192.0.2.2"],"IsDSR":false},'
        '{"VIPs":[null],"IsDSR":false}]}'
    )
    assert list(map(str, found)) == ["10.96.0.10 with DSR", "192.0.2.1, 192.0.2.2", "no address"]
    assert load_balancers_in('{"LoadBalancers":[]}') == ()


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "Get-HnsPolicyList : not recognized",
        "{}",
        '{"LoadBalancers":null}',
        '{"LoadBalancers":[1]}',
        '{"LoadBalancers":[{"VIPs":["10.96.0.1"]}]}',
    ],
)
def test_no_answer_is_not_taken_for_no_load_balancer(printed):
    with pytest.raises(NoListing, match="JSON"):
        load_balancers_in(printed)


BALANCERS = (
    LoadBalancer(addresses=("10.96.0.10",), dsr=True),
    LoadBalancer(addresses=("192.0.2.1",), dsr=False),
    LoadBalancer(addresses=("10.96.0.11",), dsr=True),
    LoadBalancer(addresses=("10.96.0.11",), dsr=False),
)


@pytest.mark.parametrize(
    ("addresses", "dsr", "words"),
    [
        (("10.96.0.10", "fd00::a"), True, "load balancers for 10.96.0.10 and fd00::a use Direct Server Return"),
        (("192.0.2.1",), False, "load balancers for 192.0.2.1 do not use Direct Server Return"),
        (("10.96.0.11",), None, "HNS has two kinds of load balancers for 10.96.0.11"),
        (("10.96.0.12",), None, "HNS has no load balancers for 10.96.0.12"),
        ((), None, "HNS has no load balancers for cluster DNS"),
    ],
)
def test_the_load_balancers_of_an_address_tell_of_dsr(addresses, dsr, words):
    assert dsr_told_by(BALANCERS, addresses) == HnsDsr(dsr=dsr, words=words)
