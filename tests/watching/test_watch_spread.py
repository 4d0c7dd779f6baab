"""One more pod where all pods of a system share a node, and only there."""

import pytest
from changed import replace

from podwire.watching import spread
from podwire.watching.members import Member
from podwire.watching.spread import MOST_MORE, Spread

PODS = [
    Member(name=n, uid=n, node="w1", os="windows", kind="pod", address="10.0.0.1", usable=True, leaving=False)
    for n in ("a", "b")
]


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """The time, a minute later whenever it is asked for."""
    at = iter(range(0, 10**6, 60))
    monkeypatch.setattr(spread.time, "monotonic", lambda: next(at))


def asked(members, free=("w1", "w2"), rounds=2, granted=True):
    counts = []
    made = Spread({"windows": 2}, lambda os, count: counts.append((os, count)) or granted)
    for _ in range(rounds):
        made.follow(members, lambda os: free)
    return counts


def test_pods_that_share_a_node_get_one_more():
    assert asked(PODS) == [("windows", 3)]


def test_no_pod_is_made_where_it_would_not_help():
    assert asked(PODS, free=("w1",)) == []
    assert asked([PODS[0], replace(PODS[1], node="w2")]) == []
    # One is on its way: it has no node yet, or leaves.
    assert asked([PODS[0], replace(PODS[1], leaving=True)]) == []
    assert asked(PODS, rounds=1) == []


def test_what_the_cluster_refuses_is_asked_again():
    assert asked(PODS, granted=False, rounds=3) == [("windows", 3), ("windows", 3)]


def test_there_are_never_more_than_a_few():
    counts = []
    made = Spread({"windows": 2}, lambda os, count: counts.append(count) or True)
    for _ in range(50):
        members = [replace(PODS[0], name=str(n), uid=str(n)) for n in range(max([2, *counts]))]
        made.follow(members, lambda os: ("w1", "w2"))
    assert max(counts) == 2 + MOST_MORE
