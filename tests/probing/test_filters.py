"""The filters of NIC captures: the BPF program, run on frames that scapy builds, and the words for pktmon."""

import ipaddress

import pytest
from bpf_machine import Machine
from hypothesis import given, settings
from hypothesis import strategies as st
from nic_frames import FOREIGN, FOREIGN_ONES, INTEREST, OURS, POD, STRANGER, WAYS, framed, geneve, vxlan
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q

from podwire.model.facts import Encapsulation
from podwire.probing.filters import Interest, bpf, pktmon_filters

PROGRAM = bpf(INTEREST)


def passes(packet):
    return Machine(PROGRAM).accepts(bytes(framed(packet)))


@pytest.mark.parametrize("way", range(len(WAYS)))
@pytest.mark.parametrize("name", OURS)
def test_what_can_be_of_the_run_passes_plain_and_in_a_tunnel(name, way):
    assert passes(WAYS[way](OURS[name]))


@pytest.mark.parametrize("way", range(len(WAYS)))
@pytest.mark.parametrize("name", FOREIGN_ONES)
def test_what_cannot_be_of_the_run_does_not_pass(name, way):
    assert not passes(WAYS[way](FOREIGN_ONES[name]))


def test_what_the_program_cannot_read_passes_or_is_no_ip():
    assert passes(Dot1Q(vlan=5) / IP(src=FOREIGN, dst=STRANGER) / TCP())
    assert passes(geneve(IP(src=FOREIGN, dst=STRANGER) / TCP(), proto=0x1234))
    assert not Machine(PROGRAM).accepts(bytes(framed(b"lldp", type=0x88CC)))
    assert not Machine(PROGRAM).accepts(b"\x00" * 13)


def test_a_tunnel_in_a_tunnel_is_not_opened():
    assert not passes(vxlan(vxlan(OURS["from a pod"])))


IPV4 = st.integers(0, 3).map(lambda last: f"10.244.1.{last}")
IPV6 = st.tuples(st.integers(0, 1), st.integers(0, 3)).map(lambda two: f"fd00:{two[0]}::{two[1]:x}")


@settings(max_examples=150, deadline=None)
@given(st.frozensets(IPV4 | IPV6, max_size=6), st.sampled_from([IPV4, IPV6]).flatmap(lambda one: st.tuples(one, one)))
def test_exactly_the_addresses_that_are_wanted_pass(wanted, pair):
    program = bpf(Interest(addresses=wanted, ports=frozenset()))
    layer = IPv6(src=pair[0], dst=pair[1]) if ":" in pair[0] else IP(src=pair[0], dst=pair[1])
    for frame in (framed(layer / TCP()), framed(vxlan(layer / TCP()))):
        assert Machine(program).accepts(bytes(frame)) == bool(wanted & set(pair))


def test_a_large_run_has_room_in_the_kernel_and_no_path_is_long():
    many = [f"10.{n // 200}.{n % 200}.10" for n in range(100)] + [f"fd00:{n:x}::10" for n in range(60)]
    program = bpf(Interest(addresses=frozenset(many)))
    assert len(program) <= 4096
    assert all(max(true, false) < 256 for _, true, false, _ in program)
    for address in many:
        layer = IPv6(src="::1", dst=address) if ":" in address else IP(src="127.0.0.1", dst=address)
        assert Machine(program).accepts(bytes(framed(vxlan(layer / TCP()))))


def test_more_than_the_kernel_takes_is_refused():
    with pytest.raises(ValueError, match="too long"):
        bpf(Interest(addresses=frozenset(f"10.{n >> 8}.{n & 255}.1" for n in range(2000))))


def test_pktmon_gets_a_filter_for_each_way_that_a_packet_can_be_ours():
    filters = pktmon_filters(INTEREST)
    for one in (
        ["-i", "203.0.113.10/32", "-e", "4799"],
        ["-p", "18080", "-e", "4799"],
        ["-t", "ICMPv6", "-e", "4799"],
        ["-t", "UDP", "-p", "4789"],
    ):
        assert one in filters
    assert len(filters) <= 32
    assert not [one for one in filters if "6081" in one]


def test_where_pods_of_windows_have_no_ipv6_pktmon_looks_for_no_such_address():
    found = pktmon_filters(Interest(addresses=INTEREST.addresses, windows=frozenset({"ipv4"})))
    assert not [one for one in found if "-i" in one and ":" in one[1]]


def test_what_is_in_geneve_pktmon_cannot_see_so_all_of_it_passes():
    found = pktmon_filters(Interest(addresses=frozenset({POD}), tunnel=Encapsulation(kind="geneve", port=6081)))
    assert ["-t", "UDP", "-p", "6081"] in found
    assert ["-i", "10.244.1.10/32", "-e", "4789"] in found


@settings(max_examples=100, deadline=None)
@given(st.frozensets(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address).map(str), min_size=1, max_size=60))
def test_merged_networks_hold_every_address(addresses):
    found = pktmon_filters(Interest(addresses=addresses))
    networks = [ipaddress.ip_network(one[1]) for one in found if one[0] == "-i"]
    assert len(networks) <= 12
    assert all(any(ipaddress.ip_address(address) in network for network in networks) for address in addresses)


def test_more_filters_than_pktmon_takes_are_refused():
    with pytest.raises(ValueError, match="filters are too many; pktmon takes"):
        pktmon_filters(Interest(addresses=frozenset({POD}), ports=frozenset(range(30000, 30040))))
