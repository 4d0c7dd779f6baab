"""The partition of failing cases: each is in one group or alone, by the smallest description that spares the passes."""

import random

import pytest

from podwire.causes.ends import End
from podwire.causes.groups import Clues, partition
from podwire.causes.route import Spot
from podwire.causes.traits import Trait

NIC, POD = Spot("NIC", "windows-1", "windows-1"), Spot("pod", "windows-1", "windows-1-a")
LOST = End(kind="lost", last=NIC, missing=POD)
NO_NAME = End(kind="name", what="NXDOMAIN")
TO, IPV6, TCP, BETWEEN = (
    Trait(1, "place", "to pods of windows-1"),
    Trait(6, "family", "IPv6"),
    Trait(7, "protocol", "TCP"),
    Trait(5, "placement", "between machines"),
)


def clues(number, *traits, end=None):
    return Clues(f"case {number}", frozenset(traits), end)


def test_what_all_failures_share_and_no_pass_has_describes_them():
    failing = [clues(n, TO, BETWEEN, *([TCP] if n % 2 else []), end=LOST) for n in range(6)]
    passing = [clues(10, TO), clues(11, TO, TCP), clues(12, BETWEEN, TCP), clues(13, BETWEEN)]
    (group,), alone = partition(failing, passing)
    assert group.cases == tuple(one.case_id for one in failing)
    assert group.traits == (TO, BETWEEN)
    assert group.passes == 0
    assert dict(group.controls) == {TO: 2, BETWEEN: 2}
    assert not alone


def test_a_trait_that_spares_no_pass_is_left_out():
    failing = [clues(n, TO, TCP, IPV6, end=LOST) for n in range(3)]
    (group,), _ = partition(failing, [clues(9, TCP, IPV6)])
    assert group.traits == (TO,)


def test_a_cause_takes_in_what_fails_by_it_in_another_way():
    failing = [*(clues(n, TO, end=LOST) for n in range(5)), clues(8, TO, TCP, end=NO_NAME)]
    (group,), alone = partition(failing, [clues(9, TCP)])
    assert len(group.cases) == 6
    assert not alone


def test_passes_that_fit_the_description_are_counted():
    failing = [clues(n, TO, end=LOST) for n in range(16)]
    (group,), _ = partition(failing, [clues(20, TO), clues(21, TCP), clues(22, TCP)])
    assert (group.traits, group.passes, group.controls) == ((TO,), 1, ((TO, 2),))


def test_a_description_of_more_passes_than_failures_is_none():
    failing = [clues(n, TO, end=LOST) for n in range(2)]
    passing = [clues(10 + n, TO) for n in range(5)] + [clues(20 + n, TCP) for n in range(5)]
    (group,), _ = partition(failing, passing)
    assert (group.traits, group.controls) == ((), ())


def test_one_failure_is_no_group():
    assert partition([clues(1, TO, end=LOST)], [clues(2, TCP)]) == ((), ("case 1",))
    assert partition([], [clues(2, TCP)]) == ((), ())


def test_two_faults_are_two_groups_the_larger_first():
    failing = [clues(n, IPV6, end=NO_NAME) for n in range(3)] + [clues(10 + n, TO, end=LOST) for n in range(4)]
    groups, alone = partition(failing, [clues(20, TCP), clues(21, TCP)])
    assert [group.traits for group in groups] == [(TO,), (IPV6,)]
    assert not alone


@pytest.mark.parametrize("seed", range(40))
def test_every_failing_case_is_in_one_group_or_alone_and_the_order_is_stable(seed):
    choice = random.Random(seed)
    pool = [TO, IPV6, TCP, BETWEEN, *(Trait(3, "pod", f"to pod {n}") for n in range(4))]
    ends = [LOST, NO_NAME, End(kind="unanswered", last=POD), End(kind="lost", last=POD, missing=NIC, size=1400)]

    def drawn(first, number, failing):
        return [
            clues(
                first + n,
                *choice.sample(pool, choice.randint(1, 5)),
                end=choice.choice(ends) if failing else None,
            )
            for n in range(number)
        ]

    failing, passing = drawn(0, choice.randint(1, 30), True), drawn(100, choice.randint(0, 30), False)
    groups, alone = partition(failing, passing)
    told = [case for group in groups for case in group.cases] + list(alone)
    assert sorted(told) == sorted(one.case_id for one in failing)
    assert all(len(group.cases) > 1 for group in groups)
    for group in groups:
        assert group.passes <= len(group.cases)
    shuffled = passing[:]
    choice.shuffle(shuffled)
    assert partition(failing, shuffled) == (groups, alone)
