"""Faults between pods, and between pods and nodes: each shows in packets or answers, and goes without a trace."""

import pytest
from faulty import Labs, breaks, params, seen_as, wire, works

WIN, WIN_B, WIN_2, LIN, LIN_B = "windows-1/a", "windows-1/b", "windows-2/a", "linux-1/a", "linux-1/b"


def ttl(client, server, low, high):
    """The server's frames show a sender of this TTL class."""
    return wire(
        client, server, lambda seen: all(low < p.ip.ttl <= high for p in seen if p.ports.dport == 8080), place=server
    )


def same_node_stays(lab):
    result = lab.exchange(WIN, WIN_B, record=["windows-1"])
    return result.ok and not result.packets["windows-1"]


def pings_as_itself(lab):
    """A pod of another node sees the pod that pings it."""
    result = lab.exchange(WIN, WIN_2, proto="icmp", record=[WIN_2])
    return result.ok and result.packets[WIN_2][0].ip.src == lab.facts()["addresses"][WIN][0]


def node_pod_source(lab):
    facts = lab.facts()
    own = {*facts["addresses"]["windows-1"], *facts["gateways"]["windows-1"]}
    return {lab.exchange("windows-1", pod).seen for pod in (WIN, WIN_2)} <= own


CHECKS = {
    "windows-to-linux-lost": works(WIN, LIN, proto="tcp"),
    "replies-lost": works(LIN, WIN),
    "syn-ack-lost": works(LIN, WIN, proto="tcp"),
    "large-packets-lost": works(WIN, LIN, size=1372),
    "path-mtu-below-the-pods": works(WIN, LIN, size=1472),
    "payload-corrupted": works(WIN, LIN, proto="tcp", size=256),
    "connections-limited": lambda lab: lab.many(WIN, LIN, 150) == 150,
    "ping-between-pods-lost": works(WIN, LIN, proto="icmp"),
    "pod-source-rewritten": seen_as(WIN, WIN_2, "10.244.11.10"),
    "ping-source-rewritten": pings_as_itself,
    "same-node-mirrored": same_node_stays,
    "node-to-pod-lost": works("windows-1", WIN_2),
    "node-to-pod-source-hidden": node_pod_source,
    "pod-to-node-lost": works(WIN, "linux-1"),
    "dns-lost": works(WIN, "outside", port=53),
    "ttl-of-linux-on-windows": ttl(WIN, LIN, 64, 128),
    "ttl-of-windows-on-linux": ttl(LIN, LIN_B, 32, 64),
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


def test_udp_corruption_reaches_the_server_with_a_right_checksum(running: Labs):
    lab = running.of("overlay-win-overlay")
    lab.inject("payload-corrupted")
    result = lab.exchange(WIN, LIN)
    lab.remove("payload-corrupted")
    assert (result.error, result.token_kept) == ("", False)


def test_a_pod_that_comes_later_is_hit_too(running: Labs):
    lab = running.of("l2bridge-win-bridge")
    lab.inject("ttl-of-linux-on-windows")
    lab.attach("windows-2", "late")
    seen = lab.exchange("windows-2/late", LIN, record=[LIN]).packets[LIN]
    lab.remove("ttl-of-linux-on-windows")
    lab.detach("windows-2", "late")
    assert {p.ip.ttl for p in seen if p.ports.dport == 8080} == {62}


def test_faults_are_composable(running: Labs):
    lab = running.of("overlay-win-overlay")
    lab.inject("ping-between-pods-lost")
    lab.inject("windows-to-linux-lost")
    lab.remove("ping-between-pods-lost")
    assert lab.exchange(WIN, LIN, proto="icmp").ok
    assert not lab.exchange(WIN, LIN).ok
    lab.remove("windows-to-linux-lost")
    assert lab.exchange(WIN, LIN).ok
