"""The plan: same facts, same ids; what the facts rule out has a reason; the listing of each lab profile is kept."""

from collections import Counter
from pathlib import Path

import pytest
from changed import replace

from podwire.catalogue.load import load
from podwire.content import manifests_folder, suites_folder
from podwire.judging.expectation import expectation_of
from podwire.model.facts import ClusterFacts
from podwire.planning.assignment import BALANCED
from podwire.planning.listing import listing
from podwire.planning.plan import Selection, make_plan
from podwire_lab.model.planned import planned_facts
from podwire_lab.model.profiles import PROFILES

GOLDEN = Path(__file__).parents[1] / "golden"
CATALOGUE, TESTS = load(suites_folder())
OVERLAY = planned_facts(PROFILES["overlay-win-overlay"])


def plan(facts=OVERLAY, **selection):
    return make_plan(CATALOGUE, TESTS, facts, Selection(**selection))


def without(facts: ClusterFacts, os: str) -> ClusterFacts:
    return replace(facts, nodes=tuple(node for node in facts.nodes if node.os != os))


# Every case of these is kept. Of the other profiles it is how many cases each requirement has.
REVIEWED = ("overlay-win-overlay", "l2bridge-win-bridge", "overlay-flannel-vxlan", "nat")


@pytest.mark.parametrize("profile", REVIEWED)
def test_the_plan_of_a_profile_is_the_one_that_was_reviewed(profile, request):
    by_name = {f"{test.module}::{test.name}": test for test in TESTS}
    made = plan(planned_facts(PROFILES[profile]))
    sentences = {one.id: tuple(expectation_of(by_name[one.test], one.flow).sentences()) for one in made.cases.values()}
    text, golden = listing(made, sentences), GOLDEN / f"plan-{profile}.txt"
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text(), f"the plan changed; if that is meant: pytest {__file__} --update-golden"


def test_each_profile_judges_the_requirements_that_it_did(request):
    lines = []
    for name, profile in PROFILES.items():
        cases = Counter(case.requirement for case in plan(planned_facts(profile)).cases.values())
        lines.append(f"{name}: {cases.total()} cases")
        lines += [f"  {requirement} {count}" for requirement, count in sorted(cases.items())]
    text, golden = "\n".join(lines) + "\n", GOLDEN / "plan-profiles.txt"
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text(), f"the plan changed; if that is meant: pytest {__file__} --update-golden"


def test_a_default_run_has_three_hundred_cases_or_more():
    assert len(plan().cases) >= 300


def test_the_same_facts_give_the_same_plan():
    assert plan() == plan()


def test_ids_name_no_node_and_no_function():
    for identity in plan().cases:
        assert "linux-1" not in identity
        assert "test_" not in identity


def test_every_usable_node_takes_part():
    used = {slot.node for case in plan().cases.values() for slot in (case.client, case.server)}
    assert used >= {"linux-1", "linux-2", "windows-1", "windows-2"}


def test_a_linux_only_cluster_runs_what_applies():
    made = plan(without(OVERLAY, "windows"))
    assert made.cases
    assert "windows" not in {peer.os for one in made.cases.values() for peer in (one.flow.client, one.flow.server)}
    assert any(exclusion.reason == "needs a usable Windows node" for exclusion in made.exclusions)


def test_an_unknown_mode_excludes_the_rows_of_modes_with_a_reason():
    made = plan(replace(OVERLAY, mode="unknown"))
    assert not any(identity.startswith("encapsulation/OVL") for identity in made.cases)
    assert any("this cluster's is unknown" in exclusion.reason for exclusion in made.exclusions)


def test_without_an_outside_host_egress_is_excluded_with_a_reason():
    made = plan(replace(OVERLAY, external=None))
    assert not any(case.flow.server.kind == "outside" for case in made.cases.values())
    assert any("--external-host" in exclusion.reason for exclusion in made.exclusions)


def test_without_load_balancers_their_services_are_excluded_whatever_the_way():
    kinds = {case.flow.service.kind for case in plan(replace(OVERLAY, load_balancer=False)).cases.values()}
    assert not kinds & BALANCED


def test_the_services_that_wait_for_an_address_are_those_of_type_load_balancer():
    files = (manifests_folder() / "services").glob("*.yaml")
    assert {file.stem for file in files if "type: LoadBalancer" in file.read_text()} == BALANCED


def test_one_node_of_an_os_excludes_its_cross_node_flows():
    made = plan(nodes_per_os=1)
    assert not any(
        case.flow.placement == "cross-node" and case.flow.client.os == case.flow.server.os
        for case in made.cases.values()
    )
    assert any(exclusion.reason == "needs two usable Linux nodes" for exclusion in made.exclusions)


@pytest.mark.parametrize(
    ("build", "limited"), [("10.0.17763.300", True), ("10.0.17763.379", False), ("10.0.20348.1", False)]
)
def test_a_known_issue_applies_within_its_builds_only(build, limited):
    nodes = tuple(replace(node, kernel_version=build if node.os == "windows" else "6.1") for node in OVERLAY.nodes)
    cases = plan(replace(OVERLAY, nodes=nodes), requirements=("OVL-VXLAN",)).cases.values()
    windows = [case for case in cases if "windows" in (case.flow.client.os, case.flow.server.os)]
    assert windows
    assert all((case.limitation == "KI-OVL-KB4489899") is limited for case in windows)


def test_nothing_is_planned_for_a_cluster_without_nodes():
    assert not plan(replace(OVERLAY, nodes=())).cases


def test_selection_narrows_without_renaming():
    everything = plan()
    some = plan(areas=("egress",), families=("ipv4",))
    assert set(some.cases) < set(everything.cases)
    assert all(case.area == "egress" and case.flow.family == "ipv4" for case in some.cases.values())


@pytest.mark.parametrize("profile", ["l2bridge-win-bridge", "awsvpc", "overlay-win-overlay"])
def test_a_cluster_that_was_given_no_ipv6_is_asked_for_no_second_family(profile):
    facts = planned_facts(PROFILES[profile])
    assert plan(facts, areas=("dual_stack",)).cases
    alone = plan(replace(facts, families=("ipv4",), windows_families=("ipv4",)), areas=("dual_stack",))
    assert not alone.cases
    whys = {
        exclusion.requirement: exclusion.reason
        for exclusion in alone.exclusions
        if "network mode" not in exclusion.reason
    }
    assert set(whys.values()) == {"needs a dual-stack cluster; pods of Linux nodes have IPv4 only"}
    assert "DUAL-PODS" in whys or "IPV6-OVERLAY" in whys
