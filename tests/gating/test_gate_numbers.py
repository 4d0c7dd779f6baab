"""The exact tests against values worked out otherwise, and when a difference in numbers counts."""

import itertools
import random

import pytest

from podwire.gating.numbers import Rules, convergences, latencies, losses
from podwire.gating.statistics import EXACT, fisher, holm, least_chance, rank_sum, rate_interval, runs_to_see
from podwire.model.observations import Attempt, ProbeError
from podwire.records.run import ConvergenceRecord

LOST = ProbeError(stage="receive", kind="timeout")


def by_all_permutations(before, after):
    """The same chance as `rank_sum`, from the definition."""
    values = [*before, *after]

    def ranked(chosen):
        return sum(
            sum(value < values[at] for value in values) + sum(value == values[at] for value in values) / 2
            for at in chosen
        )

    seen = ranked(range(len(before), len(values)))
    sums = [ranked(chosen) for chosen in itertools.combinations(range(len(values)), len(after))]
    return sum(one >= seen for one in sums) / len(sums)


@pytest.mark.parametrize(
    ("before", "after"),
    [([1, 2, 3], [4, 5, 6]), ([1, 1, 2], [1, 2, 2, 3]), ([5, 6], [1, 2]), ([1], [1]), ([3, 1, 2, 9], [4, 4, 8])],
)
def test_the_rank_sum_counts_every_permutation(before, after):
    assert rank_sum(before, after) == pytest.approx(by_all_permutations(before, after))


def test_the_approximation_meets_the_exact_chance():
    numbers = random.Random(7)
    before = [numbers.gauss(10, 2) for _ in range(EXACT // 2)]
    after = [numbers.gauss(11, 2) for _ in range(EXACT // 2)]
    exact = rank_sum(before, after)
    # One value more on a side, in the middle of all, and the sum is no longer counted.
    assert rank_sum([*before, 10.5], after) == pytest.approx(exact, rel=0.1)


def test_fishers_test_is_the_tea_tasting_lady():
    assert fisher(1, 4, 3, 4) == pytest.approx(17 / 70)
    assert fisher(0, 4, 4, 4) == pytest.approx(1 / 70) == least_chance(4, 4)
    assert fisher(0, 10, 0, 10) == 1
    assert fisher(3, 10, 0, 10) == 1


def test_holm_stops_at_the_first_that_does_not_count():
    assert holm([0.04, 0.001, 0.02], 0.05) == [True, True, True]
    assert holm([0.04, 0.001, 0.03], 0.05) == [False, True, False]
    assert holm([], 0.05) == []


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 10, 0.0, 0.30850), (10, 10, 0.69150, 1.0), (1, 10, 0.00253, 0.44502), (7, 20, 0.15391, 0.59219)],
)
def test_the_interval_of_a_rate(count, total, low, high):
    assert rate_interval(count, total, 0.05) == pytest.approx((low, high), abs=1e-4)


def test_how_many_runs_it_takes_to_see_a_flake():
    assert runs_to_see(0.1, 1e-3) == 66
    assert runs_to_see(1.0, 1e-3) == 1


def exchanges(*times, lost=0):
    answered = [Attempt(token="t", started=0.0, elapsed=time) for time in times]
    return [*answered, *(Attempt(token="t", started=0.0, elapsed=4.0, error=LOST) for _ in range(lost))]


def test_more_losses_count_when_they_are_many_and_no_chance():
    steady = [exchanges(*[0.01] * 100)]
    worse = [exchanges(*[0.01] * 80), exchanges(lost=20)]
    found = losses({"a": steady, "b": steady, "c": [exchanges(0.01)]}, {"a": worse, "b": steady}, Rules())
    assert (found.cases, found.able) == (2, 2)
    [one] = found.worse
    assert (one.case_id, one.before, one.after) == ("a", "0 of 100 exchanges lost", "20 of 100 exchanges lost")
    assert one.chance < 1e-5


def test_few_losses_and_fewer_losses_do_not_count():
    steady, some = [exchanges(*[0.01] * 1000)], [exchanges(*[0.01] * 970, lost=30)]
    assert losses({"a": steady}, {"a": some}, Rules()).worse == ()
    assert losses({"a": steady}, {"a": some}, Rules(loss=0.02)).worse != ()
    assert losses({"a": some}, {"a": steady}, Rules(loss=0.02)).worse == ()


def test_a_case_with_too_few_exchanges_can_show_nothing():
    found = losses({"a": [exchanges(0.01)]}, {"a": [exchanges(lost=1)]}, Rules())
    assert (found.cases, found.able, found.worse) == (1, 0, ())


def test_slower_answers_count_when_they_are_much_slower():
    before = [exchanges(*[0.010 + at / 1000] * 3) for at in range(10)]
    after = [exchanges(*[0.1 + at / 1000] * 3) for at in range(10)]
    [one] = latencies({"a": before}, {"a": after}, Rules()).worse
    assert (one.before, one.after) == ("median 14.5 ms in 10 rounds", "median 104.5 ms in 10 rounds")
    assert one.chance == pytest.approx(least_chance(10, 10))
    assert latencies({"a": before}, {"a": after}, Rules(delay=0.2)).worse == ()
    assert latencies({"a": after}, {"a": before}, Rules()).worse == ()


def test_many_exchanges_of_one_round_are_one_latency():
    fast, slow = [exchanges(*[0.01] * 100)], [exchanges(*[0.5] * 100)]
    assert latencies({"a": fast}, {"a": slow}, Rules()).able == 0


def test_lost_exchanges_have_no_latency():
    assert latencies({"a": [exchanges(0.01, lost=20)]}, {"a": [exchanges(lost=20)]}, Rules()).cases == 0


def times(*seconds):
    return [
        ConvergenceRecord(change="c", node=f"n{at}", os="linux", cases=1, seconds=one, never=0, slowest=f"case-{at}")
        for at, one in enumerate(seconds)
    ]


def test_changes_that_show_later_are_told_by_the_slowest_case():
    before, after = {"c on linux nodes": times(*[0.1] * 8)}, {"c on linux nodes": times(*[3.0] * 7, 3.5)}
    (one,) = convergences(before, after, Rules()).worse
    assert (one.case_id, one.after) == ("case-7", "c on linux nodes showed after 3000 ms (median of 8 times)")
    assert convergences(after, before, Rules()).worse == ()


def test_a_change_that_shows_less_than_a_second_later_does_not_count():
    before, after = {"c": times(*[0.1] * 8)}, {"c": times(*[1.0] * 8)}
    assert convergences(before, after, Rules()).worse == ()


def test_few_nodes_show_nothing():
    assert convergences({"c": times(0.1, 0.1)}, {"c": times(9.0, 9.0)}, Rules()).able == 0
