"""The acts of a run: which changes are made together, which apart, and which cases belong to which act."""

import pytest
from changed import replace
from plans_for_tests import cases

from podwire.catalogue.load import load
from podwire.content import suites_folder
from podwire.model.changes.table import CHANGES, ChangeRow
from podwire.model.symbols import ServiceSymbols
from podwire.planning.acts import acts_of, sittings, uses
from podwire.planning.listing import listing, tree
from podwire.planning.plan import Plan, Selection, make_plan
from podwire_lab.model.planned import planned_facts
from podwire_lab.model.profiles import PROFILES

CASE = next(iter(cases()))


def row(name, *touches, **more):
    return ChangeRow(name=name, does="It changes.", shows="a fact", touches=frozenset(touches), **more)


def rows(*changes):
    return {change.name: change for change in changes}


def a_case(after="", service="echo", number=0, **more):
    flow = CASE.flow.but(after=after, via="cluster-ip", service=ServiceSymbols(service), **more)
    return replace(CASE, id=f"a/R[{after or 'none'}-{service}-{number}]", flow=flow)


def placed(acts):
    return [act.changes for act in acts]


def test_without_a_change_there_is_the_act_of_the_cluster_as_found():
    (act,) = acts_of([a_case()], rows())
    assert (act.number, act.changes, act.cases) == (0, (), (a_case(),))


def test_changes_that_touch_nothing_of_each_other_share_an_act():
    acts = acts_of([a_case(), a_case("x", "s1"), a_case("y", "s2")], rows(row("x", "s1"), row("y", "s2")))
    assert placed(acts) == [(), ("x", "y")]
    assert acts[1].cases == (a_case("x", "s1"), a_case("y", "s2"))


@pytest.mark.parametrize(
    ("first", "second", "used"),
    [
        (row("x", "s1"), row("y", "s1"), "s2"),
        # The second change touches what the first one's case asks for, and the other way round.
        (row("x", "s1"), row("y", "s2"), "s2"),
        (row("y", "s2"), row("x", "s1"), "s2"),
    ],
)
def test_a_change_that_touches_what_another_or_its_cases_use_has_an_act_of_its_own(first, second, used):
    acts = acts_of([a_case("x", used), a_case("y", "s3")], rows(first, second))
    assert [len(names) for names in placed(acts)] == [0, 1, 1]


def test_a_change_that_follows_another_one_comes_later_and_brings_it_along():
    changes = rows(row("gone", "s1"), row("back", "s1", follows="gone"), row("other", "s2"))
    assert placed(acts_of([a_case("back", "s1"), a_case("other", "s2")], changes)) == [(), ("gone", "other"), ("back",)]


def test_a_change_that_needs_a_whole_node_comes_last_and_is_played_by_itself(monkeypatch):
    acts = acts_of([a_case("vpc-node-filled"), a_case("service-recreated", "recreated"), a_case()])
    assert placed(acts) == [(), ("service-recreated",), ("vpc-node-filled",)]
    assert [[act.number for act in sitting] for sitting in sittings(acts)] == [[0, 1], [2]]


def test_a_repeated_case_is_sent_in_the_act_before_too():
    changes = rows(row("gone", "s1"), row("back", "s1", follows="gone"))
    again = a_case("back", "s1", repeated=True)
    acts = acts_of([a_case("gone", "s1"), again], changes)
    assert [act.before for act in acts] == [(), (again,), ()]


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "nat"])
def test_no_change_touches_what_cases_of_another_change_of_its_act_use(profile):
    selection = Selection(fill_nodes=True, disruptive=True)
    planned = make_plan(*load(suites_folder()), planned_facts(PROFILES[profile]), selection)
    acts = acts_of(planned.cases.values())
    assert sum(len(act.cases) for act in acts) == len(planned.cases)
    for act in acts:
        for name in act.changes:
            others = [case for case in act.cases if case.flow.change.after != name]
            assert not [case.id for case in others if uses(case) & CHANGES[name].touches]


def test_a_plan_shows_its_acts():
    planned = Plan(cases={case.id: case for case in (a_case(), a_case("pods-leaving", "leaving"))})
    sentences = dict.fromkeys(planned.cases, ("It answers.",))
    lines = listing(planned, sentences).splitlines()
    at = lines.index("2 acts")
    assert lines[at + 1 : at + 4] == [
        "  act 0, the cluster as found: 1 case",
        "  act 1, the cluster after 1 change: 1 case",
        "    pods-leaving (1 case): Pods are deleted that serve until their grace period ends.",
    ]
    shown = tree(planned, sentences, {}, ["a note"])
    assert [(case["id"], case["act"]) for case in shown["cases"]] == [
        ("a/R[none-echo-0]", 0),
        ("a/R[pods-leaving-leaving-0]", 1),
    ]
    assert [(act["number"], [change["name"] for change in act["changes"]]) for act in shown["acts"]] == [
        (0, []),
        (1, ["pods-leaving"]),
    ]


@pytest.mark.parametrize("requirement", ["CHURN-KUBEPROXY-RESTART", "CHURN-HNS-RESTART"])
def test_a_restart_is_planned_where_the_user_asks_for_it_and_excluded_with_the_option_elsewhere(requirement):
    facts = planned_facts(PROFILES["l2bridge-win-bridge"])

    def planned(**more):
        return make_plan(*load(suites_folder()), facts, Selection(requirements=(requirement,), **more))

    assert not planned().cases
    reasons = {excluded.reason for excluded in planned().exclusions if excluded.cases != "some"}
    assert any("--disruptive" in reason for reason in reasons)
    asked = planned(disruptive=True)
    acts = acts_of(asked.cases.values())
    assert [(act.alone, len(act.changes)) for act in acts] == [(False, 0), (True, 1)]
    assert "restart" in listing(asked, dict.fromkeys(asked.cases, ()))
