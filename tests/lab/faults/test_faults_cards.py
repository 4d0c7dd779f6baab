"""Faults of the network cards of Windows pods: only frames, and what a card says of itself, show them."""

import pytest
from faulty import Labs, breaks, params

LIN, WIN, WIN_B, WIN_2 = "linux-1/a", "windows-1/a", "windows-1/b", "windows-2/a"
FABRIC = "12:34:56:78:9a:bc"


def frames(lab, client, server):
    result = lab.exchange(client, server, record=[WIN])
    return result.packets[WIN] if result.ok else []


def is_sent_its_own_mac(lab):
    return {p.frame.dst for p in frames(lab, LIN, WIN) if p.ports.dport == 8080} == {lab.facts()["macs"][WIN]}


def answers_with_its_own_mac(lab):
    return {p.frame.src for p in frames(lab, LIN, WIN) if p.ports.sport == 8080} == {lab.facts()["macs"][WIN]}


def sends_to_the_fabric(lab):
    return {p.frame.dst for p in frames(lab, WIN, LIN) if p.ports.dport == 8080} == {FABRIC}


CHECKS = {
    "pods-are-sent-the-nodes-mac": is_sent_its_own_mac,
    "pods-have-the-nodes-mac": answers_with_its_own_mac,
    "pods-send-past-the-fabric": sends_to_the_fabric,
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_connections_work_although_frames_are_wrong(running: Labs, profile, fault, check):
    lab = running.of(profile)
    lab.inject(fault)
    ways = ((WIN, LIN), (LIN, WIN), (WIN, WIN_2), (WIN, WIN_B), ("windows-1", WIN), (WIN, "windows-1"))
    answers = [lab.exchange(a, b, proto="tcp").ok for a, b in ways]
    lab.remove(fault)
    assert answers == [True] * len(ways)
