"""The sentences that decide without a rule of a policy, and those of cluster policies."""

import pytest

from podwire.policies.cluster_policy import cluster_policy_of
from podwire.policies.network_policy import policy_of
from podwire.policies.oracle import decide
from podwire.policies.world import Connection, Machine, Pod, World

A = Pod(name="a", namespace="x", node="one", labels={"app": "a"}, addresses=("10.0.0.1", "fd00::1"))
B = Pod(name="b", namespace="x", node="two", labels={"app": "b"}, addresses=("10.0.0.2", "fd00::2"))
DENY = {"metadata": {"name": "deny", "namespace": "x"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
DENY_ALL = {**DENY, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}


def decided(world, source, target, *, protocol="TCP", family=0, **more):
    connection = Connection(
        source=source,
        target=target,
        source_ip=source.addresses[family],
        target_ip=target.addresses[family],
        protocol=protocol,
        port=80,
        **more,
    )
    decision = decide(world, connection)
    return decision.outcome, decision.sentences[0]


def denying(*cluster, all_ways=False):
    return World(policies=(policy_of(DENY_ALL if all_ways else DENY),), cluster_policies=cluster)


NODE_OF_A, OTHER_NODE = Machine(name="one", addresses=("192.0.2.1",)), Machine(name="two", addresses=("192.0.2.2",))
OUTSIDE = Machine(addresses=("203.0.113.9",))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (A, A, ("allowed", "itself")),
        (NODE_OF_A, A, ("allowed", "own-node")),
        (A, NODE_OF_A, ("allowed", "own-node")),
        (OTHER_NODE, A, ("denied", "isolated")),
        (A, OTHER_NODE, ("denied", "isolated")),
        (OUTSIDE, A, ("denied", "isolated")),
        (A, OUTSIDE, ("denied", "isolated")),
        (B, A, ("denied", "isolated")),
    ],
)
def test_a_pod_that_is_denied_everything_still_reaches_itself_and_its_node(source, target, expected):
    assert decided(denying(all_ways=True), source, target) == expected


def test_a_pod_with_its_nodes_network_and_other_protocols_are_not_defined():
    on_node = Pod(name="h", namespace="x", node="one", addresses=("192.0.2.1",), on_node_network=True)
    assert decided(denying(), on_node, A) == ("undefined", "node-network")
    assert decided(denying(), B, A, protocol="ICMP") == ("undefined", "protocols")


def test_an_answer_on_an_allowed_connection_passes():
    assert decided(denying(all_ways=True), A, B, answers=True) == ("allowed", "answer")


def test_a_pod_that_starts_is_isolated_at_once_and_allowed_eventually():
    allow = {**DENY, "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}}
    starting = Pod(name="s", namespace="x", node="one", addresses=("10.0.0.9",), starting=True)
    assert decided(denying(), B, starting) == ("denied", "isolated")
    assert decided(World(policies=(policy_of(allow),)), B, starting) == ("undefined", "starting")
    assert decided(World(), B, starting) == ("allowed", "not-isolated")


@pytest.mark.parametrize(
    ("spec", "sides"),
    [
        ({}, {"ingress"}),
        ({"egress": []}, {"ingress"}),
        ({"egress": [{}]}, {"ingress", "egress"}),
        ({"policyTypes": ["Egress"], "ingress": [{}]}, {"egress"}),
        ({"policyTypes": []}, {"ingress"}),
    ],
)
def test_policy_types_have_their_documented_default(spec, sides):
    policy = policy_of({"metadata": {"name": "p", "namespace": "x"}, "spec": {"podSelector": {}, **spec}})
    assert policy.directions == sides


def test_an_ip_block_of_one_family_admits_nobody_of_the_other():
    spec = {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}
    world = World(policies=(policy_of({**DENY, "spec": spec}),))
    assert decided(world, B, A) == ("allowed", "block")
    assert decided(world, B, A, family=1) == ("denied", "isolated")


def cluster(name, *rules, tier="Admin", priority=10, **more):
    return cluster_policy_of(
        {
            "metadata": {"name": name},
            "spec": {
                "tier": tier,
                "priority": priority,
                "subject": {"namespaces": {}},
                "ingress": [{"action": action, "from": [{"namespaces": {}}], **rule} for action, rule in rules],
                **more,
            },
        }
    )


ACCEPT, REFUSE, PASS = ("Accept", {}), ("Deny", {}), ("Pass", {})
PORT_80 = {"protocols": [{"tcp": {"destinationPort": {"range": {"start": 79, "end": 80}}}}]}


@pytest.mark.parametrize(
    ("policies", "isolated", "expected"),
    [
        ([cluster("a", ACCEPT)], True, ("allowed", "admin")),
        ([cluster("a", REFUSE)], False, ("denied", "admin")),
        ([cluster("a", PASS, REFUSE)], False, ("allowed", "not-isolated")),
        ([cluster("a", PASS)], True, ("denied", "isolated")),
        ([cluster("a", ACCEPT, REFUSE)], True, ("allowed", "admin")),
        ([cluster("late", ACCEPT, priority=20), cluster("early", REFUSE)], False, ("denied", "admin")),
        ([cluster("one", ACCEPT), cluster("two", REFUSE)], False, ("undefined", "ambiguous")),
        ([cluster("one", REFUSE), cluster("two", REFUSE)], False, ("denied", "admin")),
        ([cluster("b", REFUSE, tier="Baseline")], False, ("denied", "baseline")),
        ([cluster("b", ACCEPT, tier="Baseline")], True, ("denied", "isolated")),
        ([cluster("a", PASS), cluster("b", REFUSE, tier="Baseline")], False, ("denied", "baseline")),
        ([cluster("a", ("Deny", PORT_80))], False, ("denied", "admin")),
        ([cluster("a", ("Deny", {"protocols": [{"udp": {}}]}))], False, ("allowed", "not-isolated")),
        ([cluster("a", ("Accept", {"from": [{"domainNames": ["x."]}]}))], True, ("denied", "isolated")),
        ([cluster("a", ("Pass", {"from": [{"future": {}}]}))], False, ("denied", "unknown-peer")),
        ([cluster("a", subject={"pods": {"podSelector": {"matchLabels": {"app": "b"}}}})], False, None),
    ],
)
def test_tiers_priorities_and_pass_decide_as_documented(policies, isolated, expected):
    world = denying(*policies) if isolated else World(cluster_policies=tuple(policies))
    assert decided(world, B, A) == (expected or ("allowed", "not-isolated"))
