"""From NetworkPolicy objects to what each pod may take and send, and to the rules of a node."""

import pytest

from podwire_lab.controllers.network_policies import policy_rules, selects
from podwire_lab.model.interfaces import Allowance, PolicyRule
from podwire_lab.network.policies import ruleset

NAMESPACES = [
    {"metadata": {"name": "here", "labels": {"team": "a"}}},
    {"metadata": {"name": "there", "labels": {"team": "b"}}},
]


def pod(name, *ips, namespace="here", ports=(), **labels):
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": "c", "ports": list(ports)}]},
        "status": {"podIPs": [{"ip": ip} for ip in ips]},
    }


SERVER = pod("s", "10.0.0.1", "fd00::1", ports=[{"name": "web", "containerPort": 8080}], app="server")
FRIEND = pod("f", "10.0.0.2", "fd00::2", app="friend")
STRANGER = pod("x", "10.0.0.3", app="stranger")
AWAY = pod("w", "10.0.0.4", namespace="there", app="friend")
PODS = [SERVER, FRIEND, STRANGER, AWAY]


def policy(**spec):
    selector = {"matchLabels": {"app": "server"}}
    return {"metadata": {"name": "p", "namespace": "here"}, "spec": {"podSelector": selector, **spec}}


def rules_of(*policies, address="10.0.0.1", side="ingress"):
    found = policy_rules(policies, PODS, NAMESPACES)
    return next(({*one.allowed} for one in found if (one.address, one.side) == (address, side)), None)


def to(network, **more):
    return Allowance(network=network, **more)


def test_only_selected_pods_are_held_to_anything():
    assert {rule.address for rule in policy_rules([policy()], PODS, NAMESPACES)} == {"10.0.0.1", "fd00::1"}
    assert policy_rules([], PODS, NAMESPACES) == []


@pytest.mark.parametrize(
    ("ingress", "allowed"),
    [
        ([], set()),
        ([{}], {Allowance()}),
        ([{"from": []}], {Allowance()}),
        ([{"ports": [{"port": 8080}]}], {Allowance(protocol="tcp", port="8080")}),
        ([{"ports": [{"protocol": "UDP"}]}], {Allowance(protocol="udp")}),
        ([{"ports": [{"port": "web"}, {"port": "none"}]}], {Allowance(protocol="tcp", port="8080")}),
        ([{"ports": [{"port": 80, "endPort": 90}]}], {Allowance(protocol="tcp", port="80-90")}),
        ([{"from": [{"podSelector": {"matchLabels": {"app": "friend"}}}]}], {to("10.0.0.2")}),
        ([{"from": [{"podSelector": {}}]}], {to("10.0.0.1"), to("10.0.0.2"), to("10.0.0.3")}),
        ([{"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}], {to("10.0.0.4")}),
        (
            [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "friend"}}}]}],
            {to("10.0.0.2"), to("10.0.0.4")},
        ),
        (
            [{"from": [{"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.7/32"]}}]}],
            {to("192.0.2.0/24", excepted=("192.0.2.7/32",))},
        ),
        ([{"from": [{"ipBlock": {"cidr": "fd99::/64"}}]}], set()),
    ],
)
def test_what_a_policy_lets_in(ingress, allowed):
    assert rules_of(policy(ingress=ingress)) == allowed


def test_policies_add_up():
    first, second = (policy(ingress=[{"ports": [{"port": number}]}]) for number in (1, 2))
    assert {one.port for one in rules_of(first, second)} == {"1", "2"}


def test_directions_are_those_that_are_named_or_follow_from_the_rules():
    out = [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]
    assert rules_of(policy(), side="egress") is None
    assert rules_of(policy(egress=out), side="egress") == {to("192.0.2.0/24")}
    assert rules_of(policy(egress=out), side="ingress") == set()
    assert rules_of(policy(policyTypes=["Egress"]), side="ingress") is None
    assert rules_of(policy(policyTypes=["Egress"]), side="egress") == set()


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ({"operator": "In", "values": ["a", "b"]}, True),
        ({"operator": "NotIn", "values": ["a"]}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "DoesNotExist"}, False),
    ],
)
def test_expressions_select(expression, selected):
    assert selects({"matchExpressions": [{"key": "k", **expression}]}, {"k": "a"}) is selected


def test_a_pod_of_the_host_network_is_not_selected():
    of_the_node = {**SERVER, "spec": {**SERVER["spec"], "hostNetwork": True}}
    assert policy_rules([policy()], [of_the_node], NAMESPACES) == []


def test_the_rules_of_a_node_let_in_what_is_allowed_and_answers():
    rules = [
        PolicyRule(
            address="10.0.0.1",
            side="ingress",
            allowed=(
                to("192.0.2.0/24", excepted=("192.0.2.7/32",), protocol="tcp", port="80-90"),
                Allowance(protocol="udp"),
                Allowance(protocol="tcp", port="8080"),
            ),
        ),
        PolicyRule(address="fd00::1", side="egress"),
    ]
    text = ruleset(rules)
    for line in (
        "ip daddr 10.0.0.1 ip saddr 192.0.2.0/24 ip saddr != { 192.0.2.7/32 } tcp dport 80-90 accept",
        "ip daddr 10.0.0.1 meta l4proto udp accept",
        "ip daddr 10.0.0.1 tcp dport 8080 accept",
        "ip daddr 10.0.0.1 drop",
        "ip6 saddr fd00::1 drop",
    ):
        assert f"    {line}\n" in text
    assert text.count("ct state established,related accept") == 4
    assert text.count(" drop\n") == 2
    assert text.count("nd-neighbor-solicit") == 2
