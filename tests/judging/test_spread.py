"""How connections are shared out: the arithmetic against simulations with a fixed seed, and what each kind admits."""

import itertools
import math
import random
from collections import Counter

import pytest
from changed import replace
from observed import a_case, a_flow, an_attempt, an_observation

from podwire import spread
from podwire.judging.parts import Observed
from podwire.model.flows import Peer
from podwire.model.spread import (
    at_least_of,
    connections_for,
    connections_to_see,
    connections_to_see_half,
    exact_interval,
    interval,
    is_odd,
    is_odd_half,
    share_to_notice,
    tail,
)

NAMES = tuple("abcdefgh")
ROUNDS = 4000


def shares(backends, connections, rng):
    """What a balancer that chooses at random makes of so many connections."""
    return Counter(rng.choice(NAMES[:backends]) for _ in range(connections))


def met(part, counts, backends, total):
    return part.finding(counts, NAMES[:backends], total).met


def exact_miss(backends, connections):
    """The chance to miss one of the backends or more, by inclusion and exclusion."""
    return sum(
        (-1) ** (k + 1) * math.comb(backends, k) * (1 - k / backends) ** connections for k in range(1, backends + 1)
    )


@pytest.mark.parametrize("risk", [0.3, 0.01, 1e-6, 1e-9])
@pytest.mark.parametrize("backends", [2, 3, 4, 8])
def test_the_number_of_connections_keeps_the_risk_and_is_not_wasteful(backends, risk):
    number = connections_for(backends, risk)
    assert exact_miss(backends, number) <= risk
    # The bound adds up the chances of the backends; that is little too much, so one connection less is too few for it.
    assert backends * (1 - 1 / backends) ** (number - 1) > risk


def test_a_random_balancer_misses_a_backend_as_seldom_as_promised():
    rng, risk, backends = random.Random(1), 0.05, 4
    number = connections_for(backends, risk)
    missed = sum(
        not met(spread.to_every_backend(), shares(backends, number, rng), backends, number) for _ in range(ROUNDS)
    )
    expected = exact_miss(backends, number)
    assert expected <= risk
    assert abs(missed / ROUNDS - expected) < 4 * math.sqrt(expected / ROUNDS)


@pytest.mark.parametrize("backends", [0, 1])
def test_one_backend_takes_one_connection(backends):
    assert connections_for(backends, 1e-6) == 1


@pytest.mark.parametrize(("able", "of"), [(4, 64), (4, 65), (4, 1000), (2, 3)])
def test_a_few_of_a_crowd_are_met_within_the_risk(able, of):
    number = connections_for(able, 1e-6, of=of)
    assert (1 - able / of) ** number <= 1e-6 < (1 - able / of) ** (number - 1)


@pytest.mark.parametrize(("able", "of"), [(4, 4), (5, 4)])
def test_when_all_of_a_crowd_answer_one_connection_is_enough(able, of):
    assert connections_for(able, 1e-6, of=of) == 1


@pytest.mark.parametrize(("backends", "total"), [(2, 9), (3, 7), (4, 6)])
def test_a_tail_is_the_sum_of_all_that_is_as_far_out(backends, total):
    ways = Counter(outcome.count(0) for outcome in itertools.product(range(backends), repeat=total))
    for count in range(total + 1):
        side = [k for k in ways if (k <= count if count * backends <= total else k >= count)]
        assert tail(count, total, backends) == pytest.approx(sum(ways[k] for k in side) / backends**total)


def test_one_backend_gets_every_connection():
    assert tail(7, 7, 1) == 1.0


def test_the_connections_for_ten_thousand_backends_are_a_number():
    """Each step of the search once summed up millions of chances."""
    assert connections_for(10_000, 1e-6) < connections_to_see(10_000, 1.6, 1e-6) < 3_000_000


def test_the_connections_that_show_a_half_of_ten_thousand_backends_are_a_number():
    """There are more halves of 1030 backends than any float holds."""
    numbers = [connections_to_see_half(backends, 0.7, 1e-6) for backends in (1000, 1040, 10_000)]
    assert numbers == sorted(numbers)


def test_a_tail_of_thousands_of_connections_is_a_number():
    assert tail(5000, 20000, 4) == pytest.approx(0.5, abs=0.01)
    assert 0 < tail(4700, 20000, 4) < 1e-5


def test_an_even_balancer_is_called_uneven_as_seldom_as_promised():
    rng, backends, connections = random.Random(2), 4, 60
    assert all(met(spread.evenly(), shares(backends, connections, rng), backends, connections) for _ in range(500))
    risky = spread.evenly(risk=0.2)
    uneven = sum(not met(risky, shares(backends, connections, rng), backends, connections) for _ in range(500))
    # The bound adds up the chances of all backends, and shares are whole numbers: it is kept, not met.
    assert 0.02 < uneven / 500 < 0.2


@pytest.mark.parametrize("factor", [3, 5])
def test_a_balancer_that_prefers_one_backend_is_called_uneven(factor):
    rng = random.Random(3)
    weights = (factor, 1, 1, 1)
    counts = Counter(rng.choices(NAMES[:4], weights, k=600))
    assert set(counts) == set(NAMES[:4])
    assert met(spread.to_every_backend(), counts, 4, 600)
    assert not met(spread.evenly(), counts, 4, 600)


def test_the_boundary_of_an_even_share_is_its_risk():
    evenly, total = spread.evenly(), 200
    fair = [k for k in range(1, total) if met(evenly, {"a": k, "b": total - k}, 2, total)]
    # Two backends, two sides: each of the four ways to be uneven has its part of the risk.
    assert tail(fair[0], total, 2) * 4 >= evenly.risk > tail(fair[0] - 1, total, 2) * 4
    assert fair == list(range(fair[0], total - fair[0] + 1))


@pytest.mark.parametrize(
    ("part", "answered", "met_by"),
    [
        (spread.to_one_backend(), {"a": 9}, True),
        (spread.to_one_backend(), {"a": 8, "b": 1}, False),
        (spread.to_one_backend(), {"z": 9}, False),
        (spread.to_one_backend(), {}, False),
        (spread.to_every_backend(), {"a": 8, "b": 1}, True),
        (spread.to_every_backend(), {"a": 9}, False),
        (spread.to_every_backend(), {"a": 4, "b": 4, "z": 1}, False),
        (spread.to_every_backend(), {}, False),
        (spread.evenly(), {"a": 5, "b": 4}, True),
        (spread.evenly(), {"a": 9}, False),
        (spread.to_some_backend(), {"a": 1}, True),
        (spread.to_some_backend(), {"a": 1, "z": 1}, True),
        (spread.to_some_backend(), {"z": 9}, False),
        (spread.to_some_backend(), {}, False),
    ],
)
def test_what_each_kind_of_spread_admits(part, answered, met_by):
    assert met(part, answered, 2, 9) is met_by


def test_one_backend_is_evenly_used():
    assert met(spread.evenly(), {"a": 7}, 1, 7)
    assert not met(spread.evenly(), {}, 1, 7)


def test_nothing_is_met_without_a_backend():
    for part in (spread.to_one_backend(), spread.to_every_backend(), spread.evenly(), spread.to_some_backend()):
        assert not part.finding({}, (), 5).met


def test_the_finding_tells_counts_intervals_and_the_risk():
    told = spread.to_every_backend().finding({"b": 20, "a": 30}, ("a", "b"), 50)
    assert told.expected == (
        "every backend answers at least one connection: 50 connections to 2 backends, chance to miss one 2e-15"
    )
    assert told.actual == "a 30 (29%..85%), b 20 (15%..71%)"
    assert spread.to_one_backend().finding({}, ("a",), 3).actual == "no answer"


@pytest.mark.parametrize("total", [1, 10, 1000])
def test_an_interval_holds_its_share_and_stays_within_bounds(total):
    for count in {0, 1, total // 2, total}:
        low, high = interval(count, total)
        assert 0 <= low <= high <= 1
        assert low - 1e-9 <= count / total <= high + 1e-9
    assert interval(0, 0) == (0, 1)


def test_an_interval_shrinks_with_the_number_of_connections():
    widths = [high - low for low, high in (interval(n // 4, n) for n in (40, 400, 4000))]
    assert widths == sorted(widths, reverse=True)
    # z = 4.9 standard deviations of a share of a quarter.
    assert widths[-1] == pytest.approx(2 * 4.9 * math.sqrt(0.25 * 0.75 / 4000), rel=0.01)


def test_a_single_backend_is_said_with_the_chance_of_it_without_affinity():
    text = spread.to_one_backend().finding({"a": 11}, NAMES[:2], 11).expected
    assert text.endswith("11 connections to 2 backends, chance of that without affinity 1e-03")


@pytest.mark.parametrize(("backends", "times"), [(2, 1.6), (3, 1.6), (4, 1.6), (4, 2.5), (10, 2.0)])
def test_so_many_connections_show_a_favoured_backend_and_hardly_fewer_do(backends, times):
    number, share = connections_to_see(backends, times, 1e-6), times / backends
    assert shown(number, backends, share) >= 0.99 > shown(number * 9 // 10, backends, share)


def shown(total, backends, share):
    """The chance that a backend with that share is called uneven."""
    above = range(total // backends + 1, total + 2)
    return at_least_of(next(count for count in above if is_odd(count, total, backends, 1e-6)), total, share)


def test_where_no_backend_can_be_favoured_so_many_are_enough_as_reach_all():
    assert connections_to_see(1, 1.6, 1e-6) == 1
    assert connections_to_see(2, 2.0, 1e-6) == connections_for(2, 1e-6)


@pytest.mark.parametrize(("count", "total"), [(0, 100), (1, 100), (50, 100), (100, 100)])
def test_an_exact_interval_leaves_the_share_out_as_seldom_as_promised(count, total):
    low, high = exact_interval(count, total, 0.01)
    assert low <= count / total <= high
    assert count == 0 or at_least_of(count, total, low) == pytest.approx(0.005, rel=1e-3)
    assert count == total or 1 - at_least_of(count + 1, total, high) == pytest.approx(0.005, rel=1e-3)
    assert exact_interval(0, 0) == (0.0, 1.0)


def test_affinity_is_asked_for_no_longer_than_it_is_promised():
    part = spread.to_one_backend(within=600.0)
    for later, told in (
        (599.0, None),
        (700.0, "the connections began within 700 s, and affinity is promised for 600 s"),
    ):
        two = (an_attempt(), replace(an_attempt(), started=an_attempt().started + later))
        observed = Observed(a_case(), an_observation(attempts=two), None)
        assert part.tells_nothing(part, observed) == told


@pytest.mark.parametrize("backends", [2, 3, 4, 10])
def test_so_many_connections_show_a_half_with_70_percent_and_hardly_fewer_do(backends):
    number = connections_to_see_half(backends, 0.7, 1e-6)
    assert half_shown(number, backends) >= 0.99
    # Below that, either the half is missed more often, or a backend may be missed altogether.
    fewer = number * 9 // 10
    assert half_shown(fewer, backends) < 0.99 or fewer < connections_for(backends, 1e-6)


def half_shown(total, backends):
    """The chance that a half with 70 % of the connections is called uneven."""
    counts = range(total * (backends // 2) // backends, total + 2)
    return at_least_of(next(count for count in counts if is_odd_half(count, total, backends, 1e-6)), total, 0.7)


@pytest.mark.parametrize(("backends", "share"), [(1, 0.7), (4, 0.5), (4, 1.0)])
def test_where_no_half_can_be_favoured_so_many_are_enough_as_reach_all(backends, share):
    assert connections_to_see_half(backends, share, 1e-6) == connections_for(backends, 1e-6)


def test_a_half_that_is_favoured_shows_where_no_backend_alone_does():
    counts, total = {"a": 120, "b": 120, "c": 52, "d": 52}, 344
    assert not met(spread.evenly(halves=True), counts, 4, total)
    assert met(spread.evenly(), counts, 4, total)


def test_an_even_balancer_has_no_odd_half_more_often_than_promised():
    rng = random.Random(4)
    risky = spread.evenly(risk=0.2, halves=True)
    uneven = sum(not met(risky, shares(4, 60, rng), 4, 60) for _ in range(500))
    assert 0.01 < uneven / 500 < 0.2
    assert all(met(spread.evenly(halves=True), shares(4, 344, rng), 4, 344) for _ in range(200))


def judged(part, attempts, **bindings):
    case = a_case()
    own = {"server.identities": ("a", "b", "c"), **bindings}
    seen = an_observation(attempts=tuple(attempts), bindings=own)
    case = replace(case, flow=a_flow(server=Peer(role="server", kind="backends", os="")))
    return [finding.met for finding in part.findings(part.bound(own), Observed(case, seen, None))]


@pytest.mark.parametrize(
    ("near", "answering", "right"),
    [
        (("a", "b"), "abc", True),  # no hints are heeded, as up to 1.36
        (("a", "b"), "ab", True),  # a mended kube-proxy
        (("a", "b"), "a", False),
        (("a", "b"), "c", False),
        (("a", "b"), "ac", False),
        (("a", "b"), "abz", False),
        ((), "abc", True),
        ((), "ab", False),
        ((), "", False),
    ],
)
def test_near_backends_are_all_of_the_zone_or_all_of_the_service(near, answering, right):
    made = [an_attempt(identity=name) for name in answering] or [an_attempt(error="timeout")]
    bindings = {"server.near_identities": near}
    assert all(judged(spread.to_every_near_backend(), made, **bindings)) is right


@pytest.mark.parametrize(
    ("before", "after", "right"),
    [("aaa", "aaa", True), ("aaa", "bbb", True), ("aab", "aaa", False), ("aaa", "aab", False), ("aaa", "zzz", False)],
)
def test_one_backend_at_a_time_may_change_in_a_silence_only(before, after, right):
    spans = ((before, 1.0), (after, 9.0))
    made = [replace(an_attempt(identity=n), started=t + i / 10) for names, t in spans for i, n in enumerate(names)]
    assert all(judged(spread.to_one_backend_at_a_time(silence=2), made)) is right
    if before != after:
        assert not all(judged(spread.to_one_backend_at_a_time(silence=20), made))


@pytest.mark.parametrize(("total", "limit", "risk"), [(500, 0.002, 1e-5), (2000, 0.002, 1e-4), (50, 0.05, 0.01)])
def test_a_noticed_share_shows_in_99_of_100_runs_and_a_smaller_one_less_often(total, limit, risk):
    share = share_to_notice(total, limit, risk)
    odd = next(count for count in range(total + 1) if at_least_of(count, total, limit) < risk)
    assert at_least_of(odd, total, share) == pytest.approx(0.99, abs=1e-6)
    assert at_least_of(odd, total, 0.9 * share) < 0.99


@pytest.mark.parametrize("total", [0, 1])
def test_too_few_trials_notice_no_share(total):
    assert share_to_notice(total, 0.002, 1e-4) == 1.0
