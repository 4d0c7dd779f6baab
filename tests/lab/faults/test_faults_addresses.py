"""Faults of the addresses of Windows pods: pods that come get wrong ones, and can be reached there."""

import contextlib
from ipaddress import ip_address, ip_network

import pytest
from faulty import Labs, breaks, params

LIN, NODE = "linux-1/a", "windows-1"
RESERVED = 3
REACHED = ("addresses-of-no-nodes-part", "reserved-address-given-away")


@contextlib.contextmanager
def coming(lab, *slots):
    """Pods that come to a Windows node, and go again: their IPv4 addresses."""
    try:
        yield [ip_address(lab.attach(NODE, slot)[0]) for slot in slots]
    finally:
        for slot in slots:
            lab.detach(NODE, slot)


def of_the_nodes_part(lab):
    """In one network with the pods that are there."""
    part = ip_network(f"{lab.facts()['addresses'][f'{NODE}/a'][0]}/24", strict=False)
    with coming(lab, "new") as (address,):
        return address in part


def beyond_what_is_reserved(lab):
    with coming(lab, "new") as (address,):
        return int(address) % 256 >= RESERVED


def each_its_own(lab):
    with coming(lab, "new", "newer") as (one, other):
        return one != other


CHECKS = {
    "addresses-of-no-nodes-part": of_the_nodes_part,
    "reserved-address-given-away": beyond_what_is_reserved,
    "one-address-for-two-pods": each_its_own,
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


@pytest.mark.parametrize(("profile", "fault", "check"), params({name: CHECKS[name] for name in REACHED}))
def test_pods_work_under_wrong_addresses(running: Labs, profile, fault, check):
    lab = running.of(profile)
    lab.inject(fault)
    with coming(lab, "new"):
        new = f"{NODE}/new"
        ways = ((LIN, new), (new, LIN), (new, f"{NODE}/a"), (new, "windows-2/a"), (new, "outside"))
        answers = [lab.exchange(one, other, proto="tcp").ok for one, other in ways]
    lab.remove(fault)
    assert answers == [True] * len(ways)


def test_the_second_pod_gets_what_is_for_both(running: Labs):
    lab = running.of("l2bridge-win-bridge")
    lab.inject("one-address-for-two-pods")
    with coming(lab, "new", "newer"):
        answered_by = lab.exchange(LIN, f"{NODE}/new", proto="tcp").identity
    lab.remove("one-address-for-two-pods")
    assert answered_by == f"{NODE}/newer"
