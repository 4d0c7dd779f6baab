"""Faults of documented limits, seen from pods and nodes."""

import contextlib

import pytest
from faulty import VIP, Labs, breaks, params, works

LIN, LIN_2, WIN, WIN_HOST = "linux-1/a", "linux-2/a", "windows-1/a", "windows-1"
NOBODY = [f"198.18.0.{number}" for number in range(1, 66)]


def translated(client, number):
    """A packet to a Service with that many backends leaves the node for one of them."""
    place = f"fabric:{client.split('/')[0]}"

    def check(lab):
        lab.service(VIP, *NOBODY[:number])
        seen = lab.exchange(client, VIP, port=80, timeout=0.1, record=[place]).packets[place]
        return any(packet.ip.dst in NOBODY for packet in seen)

    return check


def not_refused(lab):
    lab.service(VIP, *NOBODY)
    return lab.exchange(WIN, VIP, port=80, proto="tcp", timeout=0.1).error != "ConnectionRefusedError"


def node_listens(lab):
    with contextlib.suppress(RuntimeError):  # it listens already
        lab.serve("linux-2", 18082, "172.31.0.2")
    return lab.exchange(LIN, "linux-2", port=18082).ok


def addresses_of_a_new_pod(number):
    def check(lab):
        found = lab.attach("windows-1", "late")
        lab.detach("windows-1", "late")
        return len(found) == number

    return check


def one_family(lab):
    lab.service(VIP, LIN_2)
    return lab.exchange(WIN, VIP, port=80).ok


def nothing_in_the_tunnel(lab):
    place = f"fabric:{WIN_HOST}"
    seen = lab.exchange(WIN_HOST, LIN, timeout=0.1, record=[place]).packets[place]
    return not any(packet.encapsulated for packet in seen)


def late_service(lab):
    """The last of more than a hundred ports of Services, by its number."""
    for number in range(1, 50):
        lab.service(f"10.96.2.{number}", LIN, port=79)
    lab.service(VIP, LIN_2, port=8099)
    return lab.exchange(WIN, VIP, port=8099, proto="tcp").ok


CHECKS = {
    "late-services-unserved": late_service,
    "late-services-unsaid": late_service,
    "big-services-lost": translated(LIN, 64),
    "big-services-refused": not_refused,
    "64-backends-lost-on-windows": translated(WIN, 64),
    "host-network-closed": node_listens,
    "host-process-closed": works(LIN, "windows-2"),
    "ipv6-of-windows-pods-lost": works(WIN, LIN, family="ipv6"),
    "second-family-missing": addresses_of_a_new_pod(2),
    "ipv4-pods-get-ipv6": addresses_of_a_new_pod(1),
    "single-family-services-lost": one_family,
    "windows-nodes-reach-all-pods": nothing_in_the_tunnel,
    "windows-nodes-tunnel-in-vain": nothing_in_the_tunnel,
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


def test_a_node_of_flannel_reaches_its_own_pods_only(running: Labs):
    lab = running.of("overlay-flannel-vxlan")
    assert lab.exchange(WIN_HOST, WIN).ok
    assert lab.exchange("linux-1", "windows-1/a").ok
    assert lab.exchange(WIN_HOST, LIN, proto="tcp", timeout=0.2).error == "TimeoutError"
    assert lab.exchange(WIN_HOST, LIN, timeout=0.2).error == "TimeoutError"
