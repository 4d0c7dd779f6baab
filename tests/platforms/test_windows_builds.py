"""The table of Windows releases, and what a build that is newer than the table is judged as."""

import pytest
from api_objects import node
from changed import replace
from facts_by_row import node_with
from records_for_tests import one_of_each

from podwire.cluster.discovery.discover import facts_from_objects
from podwire.model.conditions import ClusterCondition
from podwire.platforms.windows_builds import BuildTableError, judged_as, named, release_of, releases
from podwire.records.facts_form import facts_in, tree_of_facts
from podwire.reporting.terminal import summary

NEWER = "10.0.28000.1234"


def windows(kernel):
    made = node("w", "windows")
    made["status"]["nodeInfo"]["kernelVersion"] = kernel
    return made


def test_the_table_of_this_project_loads():
    assert [one.build for one in releases()] == [17763, 20348, 25398, 26100]
    assert [one.updates for one in releases() if one.build == 20348] == [(261, 681, 5499)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("releases: []\n", "needs one build or more"),
        ("releases: [{build: 2, name: b}, {build: 1, name: a}]\n", "in order; found [2, 1]"),
        ("releases: [{build: 1, name: a, colour: red}]\n", "colour"),
        ("releases: [{build: one, name: a}]\n", "builds and revisions must be numbers"),
        ("releases: [{build: 1, name: a, updates: [2, 1]}]\n", "revisions must be in order"),
        ("releases: [{build: 1, name: a, updates: [{revision: 2}]}]\n", "builds and revisions must be numbers"),
        ("just text\n", "table.yaml"),
    ],
)
def test_a_wrong_table_is_refused_in_one_line(tmp_path, text, complaint):
    path = tmp_path / "table.yaml"
    path.write_text(text)
    with pytest.raises(BuildTableError) as caught:
        releases(path)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_build_has_the_name_of_its_release():
    assert named((20348, 2762)) == "20348.2762 (Windows Server 2022)"
    assert named((19045, 1)) == "19045.1"
    assert release_of((19045, 1)) is None


def test_only_a_release_newer_than_all_is_taken_as_the_newest_entry():
    newest = releases()[-1].newest
    assert judged_as((28000, 1)) == newest
    assert judged_as((26100, 99999)) is None
    assert judged_as((25398, 1)) is None
    assert judged_as((14393, 1)) is None


def test_discovery_says_which_builds_there_are():
    facts = facts_from_objects({"nodes": [windows("10.0.20348.2762"), node("l")]})
    assert "node w: Windows build 20348.2762 (Windows Server 2022)" in facts.origin.signals
    assert [node.software.judged_as for node in facts.nodes] == [None, None]


def test_a_newer_build_is_judged_as_the_newest_entry_and_the_facts_say_so():
    facts = facts_from_objects({"nodes": [windows(NEWER)]})
    (found,) = facts.nodes
    assert found.build == (28000, 1234)
    assert found.known_build == releases()[-1].newest
    assert any("28000.1234, newer than the table of builds: judged as 26100." in line for line in facts.origin.signals)
    assert facts_in(tree_of_facts(facts)) == facts


@pytest.mark.parametrize(("window", "meant"), [(("26100.0", "26100.99999"), True), (("28000.0", "28000.9"), False)])
def test_windows_of_issues_are_held_against_what_a_build_is_judged_as(window, meant):
    found = facts_from_objects({"nodes": [windows(NEWER)]})
    assert (ClusterCondition(all_builds=window).unmet(found) is None) is meant


def test_the_summary_names_builds_and_says_which_are_newer_than_the_table():
    made = one_of_each()
    old = node_with(name="w1", os="windows", kernel_version="10.0.20348.2762")
    new = node_with(name="w2", os="windows", kernel_version=NEWER, judged_as=(26100, 7))
    head = " ".join(summary(replace(made, facts=replace(made.facts, nodes=(old, new)))).split("\n\n")[0].split())
    assert "Windows build 20348.2762 (Windows Server 2022)" in head
    assert "28000.1234, newer than podwire's table of builds and judged like 26100.7 (Windows Server 2025)" in head
