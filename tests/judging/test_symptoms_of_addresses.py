"""Limits of pod addresses are excused as documented; any other way of failing is a failure."""

import pytest
from observed import BINDINGS, a_case, a_flow, a_packet, an_attempt, an_observation

from podwire.judging.symptoms.table import symptom

CASE = a_case(a_flow())
SUBNET = {"client.vpc_subnet": "10.244.11.0/24", "client.node.ip": "10.244.11.1"}
OTHER_SUBNET = {"client.vpc_subnet": "10.244.11.0/24"}


def shows(name, attempt=None, packets=None, **bindings):
    own = {key.replace("__", "."): value for key, value in bindings.items()}
    seen = an_observation(attempt=attempt, packets=packets, bindings={**BINDINGS, **own})
    return all(finding.met for finding in symptom(name)(CASE, seen))


@pytest.mark.parametrize(
    ("in_use", "waiting", "shown"), [(60, 1, True), (59, 1, False), (61, 0, False), (60, 0, False), (None, None, False)]
)
def test_a_block_is_used_up_by_60_pods_and_one_waits(in_use, waiting, shown):
    counts = {"client.node.addresses_in_use": in_use, "client.node.pods_without_address": waiting}
    assert shows("block-used-up", **counts) is shown
    assert not shows("block-used-up", attempt=an_attempt(error="timeout"), **counts)


def test_without_custom_networking_pod_and_node_share_a_subnet_that_the_linux_pod_is_not_in():
    assert shows("in-the-subnet-of-its-node", **SUBNET)
    assert not shows("in-the-subnet-of-its-node", **OTHER_SUBNET)
    assert not shows("in-the-subnet-of-its-node", **SUBNET, **{"server.ip": "10.244.11.9"})
    assert not shows("in-the-subnet-of-its-node", packets=[a_packet(src="10.244.11.77")], **SUBNET)
    assert not shows("in-the-subnet-of-its-node", attempt=an_attempt(error="timeout"), **SUBNET)
    assert not shows("in-the-subnet-of-its-node")


@pytest.mark.parametrize(("branch", "shown"), [(False, True), (True, False), (None, False)])
def test_a_pod_without_a_branch_interface_answers_as_without_a_policy(branch, shown):
    assert shows("not-grouped", **{"server.has_branch": branch}) is shown
    assert not shows("not-grouped", attempt=an_attempt(error="refused"), **{"server.has_branch": branch})
    assert not shows("not-grouped", attempt=an_attempt("somebody"), **{"server.has_branch": branch})
