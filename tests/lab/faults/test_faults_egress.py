"""Faults on the way to the outside: what source and ports are on the wire, and what becomes of ICMP."""

import pytest
from faulty import Labs, breaks, params, seen_as, wire, works
from netlab import CLOSED_PORT

WIN, LIN, OUTSIDE = "windows-1/a", "linux-1/a", "outside"
NODE = "172.31.0.11"


def silent_ping(lab):
    """The documented limit: the request leaves the pod, not the node with its address, and nothing comes back."""
    result = lab.exchange(WIN, OUTSIDE, proto="icmp", record=["windows-1", WIN], timeout=0.2)
    quiet = not any(p.ip.src == NODE for p in result.packets["windows-1"])
    return result.error == "TimeoutError" and quiet and len(result.packets[WIN]) == 1


def pings_as_the_node(lab):
    """Pings leave with the node's address, as all of OVN's traffic to the outside does, and are answered."""
    result = lab.exchange(WIN, OUTSIDE, proto="icmp", record=["windows-1"])
    return result.ok and result.packets["windows-1"][0].ip.src == NODE


def many_outside(lab):
    return lab.many(WIN, OUTSIDE, 120) == 120


CHECKS = {
    "outbound-nat-missing": seen_as(WIN, OUTSIDE, NODE),
    "ping-outside-untranslated": pings_as_the_node,
    "outbound-nat-wrong-address": seen_as(WIN, OUTSIDE, NODE, proto="tcp"),
    "outbound-nat-wrong-ports": wire(
        WIN, OUTSIDE, lambda seen: all(p.ports.sport > 49151 for p in seen if p.ip.src == NODE)
    ),
    "nat-ports-few": many_outside,
    "nat-port-collision": works(WIN, OUTSIDE, proto="tcp"),
    "outside-tcp-answers-lost": works(WIN, OUTSIDE, proto="tcp"),
    "outside-udp-lost": works(WIN, OUTSIDE),
    "web-lost": works(WIN, OUTSIDE, proto="tcp", port=80),
    "ping-outside-refused": silent_ping,
    "ping-outside-translated": silent_ping,
    "ping-outside-with-node-address": silent_ping,
    "ping-outside-lost-on-linux": works(LIN, OUTSIDE, proto="icmp"),
    "icmp-errors-translated": lambda lab: lab.exchange(WIN, OUTSIDE, port=CLOSED_PORT).error == "TimeoutError",
    "icmp-errors-lost": lambda lab: lab.exchange(LIN, OUTSIDE, port=CLOSED_PORT).error == "ConnectionRefusedError",
}
STILL_ANSWERED = ("outbound-nat-missing", "outbound-nat-wrong-address", "outbound-nat-wrong-ports")


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


@pytest.mark.parametrize(("profile", "fault", "check"), params({name: CHECKS[name] for name in STILL_ANSWERED}))
def test_a_wrong_translation_still_connects(running: Labs, profile, fault, check):
    lab = running.of(profile)
    lab.inject(fault)
    answers = [lab.exchange(WIN, OUTSIDE, proto=proto).ok for proto in ("tcp", "udp")]
    lab.remove(fault)
    assert answers == [True, True]


def test_tcp_works_while_ping_fails_in_another_way(running: Labs):
    lab = running.of("l2bridge-win-bridge")
    lab.inject("ping-outside-refused")
    ping, tcp = lab.exchange(WIN, OUTSIDE, proto="icmp"), lab.exchange(WIN, OUTSIDE, proto="tcp")
    lab.remove("ping-outside-refused")
    assert (ping.error, tcp.error) == ("IcmpError", "")
