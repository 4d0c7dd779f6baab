"""The cases that network policies rule: every rule of the model decides some, of each OS, protocol and decision."""

from collections import defaultdict
from itertools import product

import pytest
from changed import replace

from podwire.catalogue.load import load
from podwire.content import suites_folder
from podwire.model.facts import NetworkPolicies
from podwire.planning.plan import Selection, make_plan
from podwire.planning.prerequisites import needs_of
from podwire.planning.rulings import Rulings, connection_of
from podwire.platforms.policy_engines import engine
from podwire.policies.cast import NODES, SCENES
from podwire.policies.network_policy import policy_of
from podwire.policies.oracle import decide
from podwire.policies.world import World
from podwire_lab.model.planned import planned_facts
from podwire_lab.model.profiles import PROFILES

CATALOGUE, TESTS = load(suites_folder())
FACTS = planned_facts(PROFILES["overlay-calico-vxlan"])
OPEN_ONLY = {"NP-DEFAULT-OPEN", "NP-ANY-PEER", "NP-ITSELF", "NP-REMOVED"}
"""Requirements that nothing can be denied by."""


def with_engines(linux, windows):
    return replace(FACTS, policies=NetworkPolicies(linux=engine(linux, "linux"), windows=engine(windows, "windows")))


def a_plan(facts=None, **selected):
    chosen = {"areas": ("policies",), **selected}
    return make_plan(CATALOGUE, TESTS, facts or with_engines("calico", "calico"), Selection(**chosen))


CASES = [case for case in a_plan().cases.values() if case.flow.ruling.decision]


def test_each_requirement_allows_and_denies_between_all_systems_over_tcp_and_udp():
    seen = defaultdict(set)
    for case in CASES:
        flow = case.flow
        seen[case.requirement].add((flow.client.os, flow.server.os, flow.protocol, flow.ruling.decision))
    systems = ("linux", "windows")
    for requirement, combinations in seen.items():
        wanted = set(product(systems, systems, ("tcp", "udp"), ("allowed", "denied")))
        if requirement in OPEN_ONLY:
            wanted = {each for each in wanted if each[-1] == "allowed"}
        if requirement == "NP-ITSELF":
            wanted = {each for each in wanted if each[0] == each[1]}
        if requirement == "NP-PROTOCOL":  # What one protocol is allowed the other one is denied, and so on each port.
            wanted = {(*each[:3], decision) for each in wanted for decision in ("allowed", "denied")}
        if requirement == "NP-NODE":
            wanted = {each for each in wanted if each[-1] == "denied" or each[0] == each[1]}
        assert wanted <= combinations, (requirement, sorted(wanted - combinations))


def test_the_cases_use_every_sentence_of_the_model_of_network_policies():
    rulings = Rulings(CATALOGUE.policies)
    used = set()
    for case in CASES:
        scene = case.flow.change.after
        world = World(
            namespaces=rulings._worlds[scene].namespaces,
            policies=tuple(policy_of(CATALOGUE.policies[name]) for name in SCENES[scene]),
        )
        used |= set(decide(world, connection_of(case.flow, scene)).sentences)
    by_rules = {
        "any-peer",
        "one-peer",
        "pods",
        "namespaces",
        "both",
        "block",
        "any-port",
        "port",
        "range",
        "named-port",
    }
    assert used >= by_rules | {"itself", "own-node", "not-isolated", "isolated", "both-ends", "add-up"}


def test_the_report_names_the_sentence_that_decides():
    (case,) = (
        case
        for case in CASES
        if case.id
        == "policies/NP-SELECTORS-AND[in-tcp-both-selectors-v4-linux-windows-cross-node-from-np-green-denied]"
    )
    assert case.flow.ruling.because == (
        "A pod that a policy selects for a direction is isolated in it: what no rule allows is denied."
        " (ingress: np-ports)"
    )


def test_a_run_needs_twelve_more_pods_at_most_each_on_one_node_of_its_system():
    needs = needs_of(CASES, FACTS)
    assert len(needs.pods) == 12
    assert {slot for _, slot in needs.pods} == set(NODES)
    assert {node for node, slot in needs.pods if NODES[slot] == 0} == {"linux-1", "windows-1"}
    assert {node for node, slot in needs.pods if NODES[slot] == 1} == {"linux-2", "windows-2"}


def test_flows_between_pods_that_stand_elsewhere_are_no_cases():
    for case in CASES:
        same = case.client.node == case.server.node
        assert same is (case.flow.placement in ("same-node", "itself")), case.id


@pytest.mark.parametrize(
    ("linux", "windows", "reason"),
    [
        ("none", "none", "nothing enforces network policies on Linux nodes, so they have no effect there"),
        ("calico", "none", "nothing enforces network policies on Windows nodes, so they have no effect there"),
        ("calico", "unknown", "state `windows_policies` in --facts, or `none`"),
        ("calico", "azure-npm", "azure-npm does not support named ports on Windows nodes"),
        ("cilium", "calico", "cilium does not support IP blocks that select pods on Linux nodes"),
    ],
)
def test_what_nobody_enforces_is_left_out_with_the_reason(linux, windows, reason):
    plan = a_plan(with_engines(linux, windows))
    assert any(reason in exclusion.reason for exclusion in plan.exclusions)
    requirements = {case.requirement for case in plan.cases.values()}
    assert "NP-DEFAULT-OPEN" in requirements
    if "none" in (linux, windows):
        systems = {(case.flow.client.os, case.flow.server.os) for case in plan.cases.values() if case.flow.change.after}
        assert systems == ({("linux", "linux")} if linux == "calico" else set())


def test_calico_on_windows_is_judged_by_the_rules_that_it_skips_as_a_limitation():
    limited = {case.id: case for case in CASES if case.limitation}
    assert {case.requirement for case in limited.values()} == {"NP-EXCEPT", "NP-NAMED-PORT"}
    for case in limited.values():
        assert case.flow.ruling.decision == "allowed"
        enforcing = case.flow.server.os if case.flow.server.pod == "np-ports" else case.flow.client.os
        assert enforcing == "windows"
    assert not any(case.limitation for case in a_plan(with_engines("calico", "antrea")).cases.values())


def test_a_run_in_one_namespace_has_no_case_that_needs_another_one():
    plan = a_plan(own_namespaces=False)
    pods = {peer.pod for case in plan.cases.values() for peer in (case.flow.client, case.flow.server)}
    assert not pods & {"np-blue", "np-green"}
    assert any("--namespace gives podwire one only" in exclusion.reason for exclusion in plan.exclusions)


def test_with_one_node_of_each_system_pods_of_a_system_share_it():
    plan = a_plan(nodes_per_os=1)
    assert {case.flow.placement for case in plan.cases.values() if case.flow.client.os == case.flow.server.os} == {
        "same-node",
        "itself",
    }
