"""Faults of tunnels, routes and MACs: most leave everything working, and only packets show them."""

import pytest
from faulty import Labs, breaks, params, wire, works

from podwire.model.patterns import mismatch

WIN, WIN_2, LIN = "windows-1/a", "windows-2/a", "linux-1/a"
POD_MACS = ("0e:2a:", "02:30:")


def tunnelled(**wanted):
    """Every packet that passes the NIC of windows-1 is in a tunnel with these outer fields."""
    return wire(
        WIN,
        LIN,
        lambda seen: len(seen) >= 2 and all(mismatch(p, wanted.items()) is None for p in seen),
    )


PORTS_OF_THE_FAULT = range(50000, 50008)
CHECKS = {
    "vxlan-reserved-bit-set": tunnelled(vxlan_flags=0x08, vxlan_reserved=0),
    "outer-source-port-of-each-packet": wire(
        WIN,
        LIN,
        lambda seen: not {p.outer.sport for p in seen if p.outer.ip.src == "172.31.0.1"} <= {*PORTS_OF_THE_FAULT},
    ),
    "outer-ecn-capable": tunnelled(ecn=0, outer_ecn=0),
    "vni-below-4096": tunnelled(vni=4096),
    "vni-of-another-network": works(WIN, WIN_2),
    "vxlan-port-8472": tunnelled(outer_dport=4789),
    "outer-source-wrong": wire(
        WIN, LIN, lambda seen: {p.outer and p.outer.ip.src for p in seen} == {"172.31.0.11", "172.31.0.1"}
    ),
    "replies-unencapsulated": tunnelled(encapsulated=True),
    "tunnel-without-need": tunnelled(encapsulated=False),
    "route-missing": works(WIN, WIN_2, proto="tcp"),
    "remote-mac-wrong": works(WIN, WIN_2),
    "pod-mac-leaves": wire(WIN, LIN, lambda seen: not any(p.frame.src.startswith(POD_MACS) for p in seen)),
    "pod-mac-arrives": wire(LIN, WIN, lambda seen: not any(p.frame.dst.startswith(POD_MACS) for p in seen)),
}
ONLY_PACKETS_SHOW = (
    "vxlan-reserved-bit-set",
    "outer-source-port-of-each-packet",
    "outer-ecn-capable",
    "vni-below-4096",
    "vxlan-port-8472",
    "outer-source-wrong",
    "replies-unencapsulated",
    "tunnel-without-need",
    "pod-mac-leaves",
    "pod-mac-arrives",
)


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


@pytest.mark.parametrize(("profile", "fault", "check"), params({name: CHECKS[name] for name in ONLY_PACKETS_SHOW}))
@pytest.mark.parametrize("proto", ["tcp", "udp", "icmp"])
def test_connections_work_although_the_wire_is_wrong(running: Labs, profile, fault, check, proto):
    lab = running.of(profile)
    lab.inject(fault)
    answers = [lab.exchange(a, b, proto=proto).ok for a, b in ((WIN, LIN), (LIN, WIN), (WIN, WIN_2))]
    lab.remove(fault)
    assert answers == [True, True, True]
