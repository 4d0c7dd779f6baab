"""What HNS of a Windows node lists: networks, by which its mode is known, and endpoints."""

import json

import pytest

from podwire.hns import HnsNetwork, NoListing, endpoints_in, mode_told_by, networks_in
from podwire.lab import powershell
from podwire.lab.profiles import PROFILES
from podwire.lab.windows_node import hns_networks


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


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_nodes_of_the_lab_list_the_mode_of_their_profile(profile, capsys):
    asked = ["-NoProfile", "-Command", "Get-HnsNetwork | ConvertTo-Json -Compress"]
    assert powershell.main(json.dumps(hns_networks(profile, ["192.0.2.0/24"])), asked) == 0
    listed = networks_in(capsys.readouterr().out)
    assert mode_told_by(listed).mode == profile.mode
    assert listed[-1].subnets == ("192.0.2.0/24",)


@pytest.mark.parametrize("asked", [[], ["-Command", "Get-Process"], ["Get-HnsNetwork | ConvertTo-Json -Compress"]])
def test_the_lab_has_no_other_cmdlet(asked, capsys):
    assert powershell.main("[]", asked) == 1
    assert "the lab has no such command" in capsys.readouterr().err


ARP = """IP address       HW type     Flags       HW address            Mask     Device
10.244.11.10     0x1         0x6         0e:2a:0a:f4:0b:0a     *        cbr0
10.244.11.11     0x1         0x2         0e:2a:0a:f4:0b:0b     *        cbr0
172.31.0.1       0x1         0x6         02:10:00:00:00:01     *        eth0
"""
ENDPOINTS = ["-NoProfile", "-Command", "Get-HnsEndpoint | ConvertTo-Json -Compress"]


def test_pods_of_a_node_of_the_lab_are_its_endpoints(capsys):
    assert powershell.main("[]", ENDPOINTS, ARP) == 0
    (one,) = endpoints_in(capsys.readouterr().out)
    assert (one.address, one.mac) == ("10.244.11.10", "0e:2a:0a:f4:0b:0a")


def test_a_fault_doubles_them(capsys):
    assert powershell.main("[]", [powershell.TWICE, *ENDPOINTS], ARP) == 0
    assert [one.address for one in endpoints_in(capsys.readouterr().out)] == ["10.244.11.10"] * 2


def test_without_endpoints_nothing_is_printed(capsys):
    assert powershell.main("[]", ENDPOINTS) == 0
    assert endpoints_in(capsys.readouterr().out) == ()


def test_endpoints_of_other_nodes_do_not_count():
    own = {"Name": "a", "IPAddress": "10.0.0.1", "MacAddress": "00-15-5D-CD-BE-47", "Remote": False}
    found = endpoints_in(json.dumps([own, {**own, "Name": "Ethernet", "Remote": True}]))
    assert [(one.name, one.mac) for one in found] == [("a", "00:15:5d:cd:be:47")]


@pytest.mark.parametrize("printed", ["Get-HnsEndpoint : not recognized", '[{"Name": "a"}]', "7"])
def test_what_is_no_list_of_endpoints_is_said(printed):
    with pytest.raises(NoListing, match="JSON"):
        endpoints_in(printed)
