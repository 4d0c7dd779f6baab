"""From NetworkPolicy objects to what each pod may take and send, and to the rules of a node."""

import pytest

from podwire_lab.engines.calico_windows import as_hns_takes_them
from podwire_lab.engines.rules import policy_rules
from podwire_lab.engines.selecting import selects
from podwire_lab.linux.policy_rules import ruleset
from podwire_lab.model.addresses import PodNetworks, nodes_of
from podwire_lab.model.interfaces import Allowance, PolicyRule
from podwire_lab.model.policy_objects import policy_objects
from podwire_lab.windows.acl_policies import acl_ruleset

NAMESPACES = [
    {"metadata": {"name": "here", "labels": {"team": "a"}}},
    {"metadata": {"name": "there", "labels": {"team": "b"}}},
]


def pod(name, *ips, namespace="here", ports=(), **labels):
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "ports": list(ports)}]},
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
    found = rules(*policies)
    return next(({*one.allowed} for one in found if (one.address, one.side) == (address, side)), None)


def rules(*policies, pods=PODS, node="n1"):
    return policy_rules(policy_objects(policies, pods, NAMESPACES), node)


def to(network, **more):
    return Allowance(network=network, **more)


def test_only_selected_pods_are_held_to_anything():
    assert {rule.address for rule in rules(policy())} == {"10.0.0.1", "fd00::1"}
    assert rules() == ()


def test_a_node_has_the_rules_of_its_own_pods():
    assert rules(policy(), node="n2") == ()


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
    assert rules(policy(), pods=[of_the_node]) == ()


def test_the_rules_of_a_node_let_in_what_is_allowed_and_answers():
    listed = [
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
    text = ruleset(listed)
    for line in (
        "ip saddr 10.0.0.1 accept",
        "ip saddr 192.0.2.0/24 ip saddr != { 192.0.2.7/32 } tcp dport 80-90 accept",
        "meta l4proto udp accept",
        "tcp dport 8080 accept",
        "ip daddr 10.0.0.1 goto ingress-0",
        "ip6 saddr fd00::1 goto egress-0",
    ):
        assert f"    {line}\n" in text
    assert text.count("ct state established,related accept") == 4
    assert text.count(" drop\n") == 2
    assert text.count("nd-neighbor-solicit") == 2


def test_a_pod_that_the_engine_does_not_know_is_closed():
    text = ruleset([], known=["10.0.0.1", "fd00::1"], closed={"ipv4": "10.0.0.0/24", "ipv6": "fd00::/64"})
    for line in ("daddr 10.0.0.0/24 ip daddr", "saddr 10.0.0.0/24 ip saddr", "daddr fd00::/64 ip6 daddr"):
        assert f" {line} != @known drop\n" in text
    assert "elements = { 10.0.0.1 }" in text


def test_a_named_port_of_an_egress_rule_is_the_port_of_each_peer():
    ports = [{"name": "web", "containerPort": 9000}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]
    pods = [SERVER, pod("p", "10.0.0.7", "fd00::7", ports=ports, app="friend"), pod("q", "10.0.0.8", app="friend")]
    out = [{"ports": [{"port": "web"}], "to": [{"podSelector": {"matchLabels": {"app": "friend"}}}]}]
    rule = next(r for r in rules(policy(egress=out), pods=pods) if (r.address, r.side) == ("10.0.0.1", "egress"))
    assert rule.allowed == (to("10.0.0.7", protocol="tcp", port="9000"),)
    everybody = [{"ports": [{"port": "dns", "protocol": "UDP"}]}]
    rule = next(r for r in rules(policy(egress=everybody), pods=pods) if (r.address, r.side) == ("fd00::1", "egress"))
    assert rule.allowed == (to("fd00::7", protocol="udp", port="53"),)
    block = [{"ports": [{"port": "web"}], "to": [{"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.7/32"]}}]}]
    rule = next(r for r in rules(policy(egress=block), pods=pods) if (r.address, r.side) == ("10.0.0.1", "egress"))
    assert rule.allowed == (to("10.0.0.1", protocol="tcp", port="8080"),)


def test_a_named_port_has_its_protocol():
    assert rules_of(policy(ingress=[{"ports": [{"port": "web", "protocol": "UDP"}]}])) == set()


def test_a_pod_that_has_ended_is_no_peer():
    ended = {**FRIEND, "status": {**FRIEND["status"], "phase": "Succeeded"}}
    found = rules(policy(ingress=[{"from": [{"podSelector": {}}]}]), pods=[SERVER, ended])
    assert next(r for r in found if r.address == "10.0.0.1").allowed == (to("10.0.0.1"),)


BLOCK = {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.7/32"]}}
PLAIN = {"ipBlock": {"cidr": "198.51.100.0/24"}}


@pytest.mark.parametrize(
    ("ingress", "kept"),
    [
        ([{"from": [BLOCK]}], []),
        ([{"from": [BLOCK, PLAIN]}], [{"from": [PLAIN]}]),
        ([{"ports": [{"port": "web"}]}], []),
        # All ports of one protocol are one rule to Felix.
        ([{"ports": [{"port": "web"}, {"port": 80}]}], []),
        (
            [{"ports": [{"port": "web"}, {"port": 80, "protocol": "UDP"}]}],
            [{"ports": [{"port": 80, "protocol": "UDP"}], "from": []}],
        ),
        ([{}], [{"from": []}]),
        ([{"ports": [{"port": 80, "endPort": 90}]}], [{"ports": [{"port": 80, "endPort": 90}], "from": []}]),
    ],
)
def test_rules_that_hns_cannot_hold_are_skipped_as_a_whole(ingress, kept):
    (taken,) = as_hns_takes_them(policy_objects([policy(ingress=ingress)], PODS, NAMESPACES)).policies
    assert taken["spec"]["ingress"] == kept


def test_a_pod_stays_isolated_when_all_its_rules_are_skipped():
    objects = as_hns_takes_them(policy_objects([policy(egress=[{"to": [BLOCK]}])], PODS, NAMESPACES))
    assert {(rule.side, rule.allowed) for rule in policy_rules(objects, "n1") if rule.address == "10.0.0.1"} == {
        ("ingress", ()),
        ("egress", ()),
    }


def test_an_endpoint_has_its_acl_policies_by_priority():
    node = next(plan for plan in nodes_of(PodNetworks(), PodNetworks()) if plan.os == "windows")
    listed = [
        PolicyRule(address="10.0.0.1", side="ingress", allowed=(Allowance(protocol="tcp", port="80"),)),
        PolicyRule(address="10.0.0.1", side="egress"),
        PolicyRule(address="fd00::1", side="ingress"),
    ]
    text = acl_ruleset(listed, node, ["10.0.0.1", "fd00::1"])
    inbound = text[text.index("chain ingress-0") : text.index("chain ingress {")]
    assert [line.strip() for line in inbound.splitlines()[1:-2]] == [
        "ip saddr 10.0.0.1 accept",
        f'ip saddr {node.address("ipv4")} accept comment "priority 900"',
        'tcp dport 80 accept comment "priority 1000"',
        'drop comment "priority 1001"',
    ]
    assert f'ip daddr {node.pod_cidr("ipv4")} ip daddr != @known drop comment "priority 65500"' in text
    assert "ip saddr != @known" not in text, "a new endpoint may send"
    assert "fd00" not in text, "Calico for Windows has IPv4 only"
