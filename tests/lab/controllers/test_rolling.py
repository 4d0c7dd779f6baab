"""The arithmetic of a rolling update: never too many pods, never too few, and it ends."""

from hypothesis import assume, given
from hypothesis import strategies as st

from podwire_lab.controllers.workloads.rolling import Size, next_sizes

COUNTS = st.integers(0, 12)


@given(desired=COUNTS, surge=COUNTS, unavailable=COUNTS, first=COUNTS, second=COUNTS)
def test_an_update_keeps_to_its_bounds_and_ends(desired, surge, unavailable, first, second):
    assume(surge or unavailable)
    assume(first + second <= desired + surge)
    start = first + second
    new, old = 0, (first, second)
    for _ in range(200):
        before = (new, old)
        new, old = next_sizes(
            desired,
            surge=surge,
            unavailable=unavailable,
            new=Size(replicas=new, available=new),
            old=[Size(replicas=each, available=each) for each in old],
        )
        assert new + sum(old) <= max(desired + surge, start)
        assert new + sum(old) >= min(desired - unavailable, start)
        if (new, old) == before:
            break
    assert (new, old) == (desired, (0, 0))


def test_old_pods_that_work_stay_until_new_ones_do():
    stuck = {"surge": 1, "unavailable": 0, "old": [Size(replicas=3, available=3)]}
    assert next_sizes(3, new=Size(replicas=0), **stuck) == (1, (3,))
    assert next_sizes(3, new=Size(replicas=1), **stuck) == (1, (3,))
    assert next_sizes(3, new=Size(replicas=1, available=1), **stuck) == (1, (2,))


def test_old_pods_that_do_not_work_go_first():
    old = [Size(replicas=2, available=2), Size(replicas=2, available=0)]
    grown, left = next_sizes(4, surge=0, unavailable=2, new=Size(replicas=0), old=old)
    assert (grown, left) == (0, (2, 0))


def test_a_smaller_size_counts_at_once():
    assert next_sizes(1, surge=1, unavailable=0, new=Size(replicas=3, available=3), old=[]) == (1, ())
