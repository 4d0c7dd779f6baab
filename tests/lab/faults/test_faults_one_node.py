"""Faults of one node: what crosses it is lost, and what does not works on."""

import pytest
from faulty import VIP, Labs, breaks, params, works

WIN, WIN_B, WIN_2, LIN, LIN_2 = "windows-1/a", "windows-1/b", "windows-2/a", "linux-1/a", "linux-2/a"


def by_service(client):
    """A pod reaches a Service whose backend is on another node."""

    def check(lab):
        lab.service(VIP, WIN_2)
        return lab.exchange(client, VIP, port=80).ok

    return check


CHECKS = {
    "pods-of-one-node-cut-off": works(WIN_2, WIN),
    "one-node-unreachable-from-another": works(WIN_2, WIN),
    "kube-proxy-stopped-on-one-node": by_service(LIN),
    "ipv6-not-forwarded-by-one-node": works(LIN, LIN_2, family="ipv6"),
    "small-mtu-of-one-nic": works(WIN_2, WIN, size=1372),
    "outer-checksum-wrong": works(WIN, LIN, proto="tcp"),
}
STILL_WORKS = {
    "pods-of-one-node-cut-off": works(WIN, WIN_B),
    "one-node-unreachable-from-another": works(LIN, WIN),
    "kube-proxy-stopped-on-one-node": by_service(LIN_2),
    "ipv6-not-forwarded-by-one-node": works(LIN, LIN_2),
    "small-mtu-of-one-nic": works(WIN_2, WIN),
    "outer-checksum-wrong": works(LIN, LIN_2, proto="tcp"),
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


@pytest.mark.parametrize(("profile", "fault", "check"), params(STILL_WORKS))
def test_what_does_not_cross_it_works_on(running: Labs, profile, fault, check):
    lab = running.of(profile)
    lab.inject(fault)
    try:
        assert check(lab)
    finally:
        lab.remove(fault)


def test_a_wrong_outer_checksum_is_read_where_it_arrives(running: Labs):
    lab = running.of("overlay-win-overlay")
    lab.inject("outer-checksum-wrong")
    try:
        seen = lab.exchange(WIN, LIN, record=["fabric:windows-1"]).packets["fabric:windows-1"]
    finally:
        lab.remove("outer-checksum-wrong")
    assert {one.outer.wrong for one in seen if one.ip.dst.startswith("10.244.1.")} == {"UDP checksum"}
