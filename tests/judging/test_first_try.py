"""The share of exchanges that are lost at the first try: judged by its chance, with all paths of the run in mind."""

import pytest
from observed import BINDINGS, a_case, a_flow, an_observation

from podwire import answered_by, first_try
from podwire.judging.expectation import Expectation
from podwire.judging.judge import judge
from podwire.model.verdicts import Outcome


def judged(lost, exchanges=260, paths=48, limit="0.002", **more):
    flow = a_flow(protocol="udp", whole_path=True)
    told = {"exchanges": exchanges, "lost": lost, "late": 0, "unknown": 0, "vanished": (), **more}
    symbols = {f"{group}.{name}": value for group in ("path", "families") for name, value in told.items()}
    symbols |= {"path.number": paths, "path.limit": limit}
    expectation = Expectation((answered_by(flow.server), first_try()))
    return judge(a_case(flow), expectation, an_observation(bindings={**BINDINGS, **symbols}))


@pytest.mark.parametrize(
    ("lost", "changes", "outcome"),
    [
        (0, {}, Outcome.PASS),
        (6, {}, Outcome.PASS),
        (7, {}, Outcome.FAIL),
        (6, {"paths": 2}, Outcome.FAIL),
        (7, {"limit": "0.02"}, Outcome.PASS),
        (0, {"exchanges": 0}, Outcome.INCONCLUSIVE),
        (0, {"late": 200}, Outcome.PASS),
        (0, {"unknown": 6}, Outcome.PASS),
        (0, {"unknown": 7}, Outcome.INCONCLUSIVE),
        (3, {"unknown": 4}, Outcome.INCONCLUSIVE),
        (7, {"unknown": 200}, Outcome.FAIL),
    ],
)
def test_a_share_is_too_great_when_a_healthy_run_would_hardly_have_it(lost, changes, outcome):
    assert judged(lost, **changes).outcome is outcome


def test_the_finding_tells_path_counts_interval_place_and_chance():
    places = ("request between client-node and server-node: 7",)
    found = judged(7, vanished=places, late=3, unknown=1).findings[-2]
    assert found.expected == (
        "at most 0.20% of the 260 exchanges from windows to windows, cross-node, udp over ipv4 by pod-ip lost at the "
        "first try"
    )
    assert found.actual.startswith("7 lost at first, a share between 0.")
    for words in (*places, "3 more only late", "1 more of which the captures say nothing", "judged on 48 paths"):
        assert words in found.actual


def test_without_the_symbols_of_its_path_a_case_tells_nothing():
    flow = a_flow(protocol="udp", whole_path=True)
    verdict = judge(a_case(flow), Expectation((answered_by(flow.server), first_try())), an_observation())
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_it_is_asked_of_flows_that_stand_for_a_path_only():
    assert "whole_path" in first_try().unfit(a_flow())
    assert first_try().unfit(a_flow(whole_path=True)) is None


@pytest.mark.parametrize(("exchanges", "outcome"), [(0, Outcome.INCONCLUSIVE), (260, Outcome.PASS)])
def test_a_path_of_look_ups_without_any_proves_nothing(exchanges, outcome):
    flow = a_flow(protocol="dns", via="unknown-name", whole_path=True)
    told = {"exchanges": exchanges, "lost": 0, "late": 0, "unknown": 0, "vanished": ()}
    symbols = {f"{group}.{name}": value for group in ("path", "families") for name, value in told.items()}
    symbols |= {"path.number": 4, "path.limit": "0.002", "dns.ip": "10.96.0.10", "dns.placement": "cross-node"}
    verdict = judge(a_case(flow), Expectation((first_try(),)), an_observation(bindings={**BINDINGS, **symbols}))
    assert verdict.outcome is outcome
