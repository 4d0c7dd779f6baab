"""Cases of names: which node asks, and whether its questions can be followed to the DNS server."""

import pytest
from changed import replace

from podwire.catalogue.load import load
from podwire.content import suites_folder
from podwire.planning.plan import Selection, make_plan
from podwire_lab.model.planned import planned_facts
from podwire_lab.model.profiles import PROFILES

CATALOGUE, TESTS = load(suites_folder())
FACTS = planned_facts(PROFILES["overlay-win-overlay"])


def plan(requirement, facts=FACTS, **selection):
    return make_plan(CATALOGUE, TESTS, facts, Selection(requirements=(requirement,), **selection))


def followed(made):
    return [case for case in made.cases.values() if case.flow.placement == "cross-node"]


def test_a_question_is_followed_from_another_node_to_that_of_the_dns_server():
    cases = followed(plan("DNS-SERVERADDR"))
    assert {case.client.os for case in cases} == {"linux", "windows"}
    for case in cases:
        assert case.server.node == "linux-1"
        assert case.client.node != "linux-1"
        assert "server-node" in case.points


def test_where_the_client_is_the_neighbour_of_the_dns_server_nothing_is_seen_between_them():
    cases = [case for case in plan("DNS-SERVERADDR").cases.values() if case.client.node == case.server.node]
    assert cases
    assert not any("server-node" in case.points for case in cases)


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ((), "the cluster's DNS runs on an unknown node, so podwire cannot follow its packets"),
        (("linux-1", "linux-2"), "the cluster's DNS runs on several nodes, so podwire cannot follow its packets"),
        (("control-plane",), "the cluster's DNS runs on a node without probes, so podwire cannot follow its packets"),
    ],
)
def test_what_cannot_be_followed_is_left_out_with_a_reason_and_asked_all_the_same(nodes, reason):
    made = plan("DNS-SERVERADDR", replace(FACTS, dns_nodes=nodes))
    assert not followed(made)
    assert reason in {exclusion.reason for exclusion in made.exclusions}
    assert any(case.flow.placement == "anywhere" for case in made.cases.values())


def test_with_a_single_linux_node_only_windows_is_beside_the_dns_server():
    made = plan("DNS-SERVERADDR", nodes_per_os=1)
    assert {case.client.os for case in followed(made)} == {"windows"}
    reasons = {exclusion.reason for exclusion in made.exclusions}
    assert "needs a usable Linux node other than the one of the cluster's DNS" in reasons


def test_every_node_asks_its_thousand_questions():
    cases = list(plan("DNS-BURST").cases.values())
    assert [case.client.node for case in cases] == ["windows-1", "windows-2"]
    assert [case.words.rpartition("-dns-")[2] for case in cases] == ["node-1", "node-2"]
    assert {case.flow.load.connections for case in cases} == {1000}


def test_names_are_asked_from_pods_of_their_own():
    cases = [case for case in plan("DNS-FQDN").cases.values() if case.flow.protocol == "dns"]
    assert {case.client.probe for case in cases} == {"b"}


@pytest.mark.parametrize(
    ("pods", "port", "reason"),
    [
        ((), None, "the API shows no ready pods of the cluster's DNS that its Service selects"),
        (("10.129.0.5",), 5353, "the cluster's DNS pods listen on 5353; podwire reads DNS packets of port 53"),
        (
            ("10.129.0.5",),
            None,
            "the cluster's DNS pods listen on several ports or an unknown one; podwire reads DNS packets of port 53",
        ),
        (("10.129.0.5",), 53, "the pods of the cluster's DNS have no IPv6 address"),
    ],
)
def test_pods_of_the_clusters_dns_that_cannot_be_asked_are_left_out_with_a_reason(pods, port, reason):
    made = plan("DNS-EACH-POD", replace(FACTS, dns_pods=pods, dns_pod_port=port))
    assert reason in {one.reason for one in made.exclusions}
    assert {case.flow.family for case in made.cases.values()} == ({"ipv4"} if port == 53 else set())
