"""Every fault of network policies changes who reaches whom, with real packets."""

import asyncio
from types import SimpleNamespace

import pytest
from faulty import breaks
from netlab import HOST_PORT, NetLab
from policed import Policed, block, pods, policy, team

from podwire_lab.faults.fault import Injection
from podwire_lab.faults.policies import lifetimes
from podwire_lab.faults.policies.mistakes import ENGINES
from podwire_lab.faults.registry import FAULTS
from podwire_lab.kernel import nft
from podwire_lab.model.policy_objects import NamedPort, PolicyObjects, PolicyPod
from podwire_lab.model.profiles import profile_named
from podwire_lab.network.policies import NodePolicies

LIN, LIN_B, LIN_2 = "linux-1/a", "linux-1/b", "linux-2/a"
WIN, WIN_B, WIN_2 = "windows-1/a", "windows-1/b", "windows-2/a"
VIP = "10.96.3.1"
MORE = (8081, 8082, 8083)
# The namespaces of pods that are not at home, and their labels beside their places.
PLACES = {LIN_2: "blue", WIN_B: "blue", WIN_2: "green"}
LABELS = {LIN_B: {"tier": "web", "zone": "1"}, LIN_2: {"tier": "web"}, WIN_B: {"tier": "db", "team": "green"}}


@pytest.fixture(scope="module")
def lab():
    with NetLab("overlay-calico-vxlan") as running:
        for server in (LIN, WIN):
            for port in MORE:
                running.serve(server, port)
        running.service(VIP, LIN)
        yield running


def term(key, operator, *values):
    return {"podSelector": {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}}


def lets_in(reached, *peers, server=LIN, asking=(LIN_B, LIN_2, WIN_B, WIN_2), options=None, **rule):
    """With one rule for a server, these clients reach it and the others do not."""

    def check(lab):
        net = Policed(lab)
        ingress = [{**({"from": list(peers)} if peers else {}), **rule}]
        net.apply(policy(server, ingress=ingress), places=PLACES, labels=LABELS)
        return net.reach(server, *asking, **(options or {})) == list(reached)

    return check


def holds(*policies, reached, **more):
    """With these policies, of these exchanges `(client, server, options)` only the given ones have an answer."""

    def check(lab):
        net = Policed(lab)
        net.apply(*policies, places=PLACES, **{"labels": LABELS, **more})
        return all(bool(net.reach(server, client, **options)) is wanted for client, server, options, wanted in reached)

    return check


def over(*ports, proto="tcp", server=LIN):
    """From the pod beside the server to these of its ports, and to no other."""
    return [(LIN_B, server, {"port": port, "proto": proto}, port in ports) for port in (8080, *MORE)]


def in_turn(*turns):
    """Each turn holds, one after the other."""
    return lambda lab: all(turn(lab) for turn in turns)


CLOSED = policy(LIN, ingress=[])
OPEN = (LIN_B, LIN, {}, True)
SHUT = (LIN_B, LIN, {}, False)
NAMED = [{"ports": [{"port": "web"}]}]
NAMES = {
    LIN: [NamedPort(name="web", protocol="TCP", number=8082)],
    LIN_2: [NamedPort(name="x", protocol="TCP", number=1)],
}
RANGE = {"port": 8081, "endPort": 8082}
OUT = {"policyTypes": ["Egress"]}
ONE_WAY = (
    policy(LIN, name="in", ingress=[]),
    policy(LIN, name="out", egress=[{"to": [pods(pod=LIN_B)]}], **OUT),
)


FROM_WEB = policy(LIN, ingress=[{"from": [pods(tier="web")]}])
TIMED = {"policies-late"}


def blocks_but(net_check):
    """A check that needs addresses of the lab."""
    return lambda lab: net_check(Policed(lab))(lab)


CHECKS = {
    "policies-not-held-to": lets_in([LIN_B], pods(pod=LIN_B)),
    "policies-allow-nothing": lets_in([LIN_B], pods(pod=LIN_B)),
    "policies-on-linux-only": lets_in([], pods(pod=LIN_B), server=WIN, asking=[LIN_2]),
    "policies-on-windows-only": lets_in([], pods(pod=LIN_B), asking=[LIN_2]),
    "pods-closed-without-policies": holds(reached=[(WIN, LIN, {}, True), (LIN, WIN, {}, True)]),
    "policies-selectors-of-a-peer-or": lets_in([LIN_2], {**team("blue"), **pods(tier="web")}),
    "policies-peers-and": lets_in([LIN_B, LIN_2, WIN_B], team("blue"), pods(tier="web")),
    "policies-first-peer-only": lets_in([LIN_B, LIN_2, WIN_B], team("blue"), pods(tier="web")),
    "policies-pod-selector-in-all-namespaces": lets_in([LIN_B], pods(tier="web")),
    "policies-pod-selector-ignored": lets_in([], pods(tier="none")),
    "policies-namespace-selector-ignored": lets_in([LIN_2, WIN_B], team("blue")),
    "policies-namespace-selector-of-own": lets_in([LIN_2, WIN_B], team("blue")),
    "policies-namespace-labels-of-pods": lets_in([WIN_2], team("green")),
    "policies-empty-pod-selector-of-none": lets_in([LIN_B], {"podSelector": {}}),
    "policies-empty-namespace-selector-of-none": lets_in([LIN_B, LIN_2, WIN_B, WIN_2], {"namespaceSelector": {}}),
    "policies-empty-selector-as-missing": lets_in([LIN_B, LIN_2, WIN_B, WIN_2], {"namespaceSelector": {}}),
    "policies-missing-peers-mean-nobody": lets_in([LIN_B, LIN_2, WIN_B, WIN_2]),
    "policies-missing-peers-mean-pods": lets_in([LIN_B, LIN_2, WIN_B, WIN_2]),
    "policies-expressions-ignored": lets_in([], term("tier", "In", "db")),
    "policies-in-first-value-only": lets_in([LIN_B], term("tier", "In", "db", "web")),
    "policies-not-in-needs-the-label": lets_in([LIN_B], term("team", "NotIn", "green")),
    "policies-not-in-as-in": lets_in([], term("tier", "NotIn", "web")),
    "policies-exists-by-empty-value": lets_in([LIN_B], term("tier", "Exists")),
    "policies-does-not-exist-as-exists": lets_in([], term("tier", "DoesNotExist")),
    "policies-labels-or": lets_in([], pods(tier="web", zone="2")),
    "policies-in-all-namespaces": holds(
        policy({"tier": "web"}, ingress=[]), reached=[(LIN, LIN_B, {}, False), (LIN, LIN_2, {}, True)]
    ),
    "policies-select-all-pods": holds(CLOSED, reached=[SHUT, (LIN, LIN_B, {}, True)]),
    "policies-know-pods-of-own-node-only": lets_in([LIN_2], {**team("blue"), **pods(tier="web")}),
    "policies-ports-ignored": holds(policy(LIN, ingress=[{"ports": [{"port": 8081}]}]), reached=over(8081)),
    "policies-first-port-only": holds(
        policy(LIN, ingress=[{"ports": [{"port": 8081}, {"port": 8083}]}]), reached=over(8081, 8083)
    ),
    "policies-source-ports": holds(policy(LIN, ingress=[{"ports": [{"port": 8081}]}]), reached=over(8081)),
    "policies-missing-port-is-none": holds(
        policy(LIN, ingress=[{"ports": [{"protocol": "TCP"}]}]), reached=over(8080, *MORE)
    ),
    "policies-end-port-ignored": holds(policy(LIN, ingress=[{"ports": [RANGE]}]), reached=over(8081, 8082)),
    "policies-end-port-excluded": holds(policy(LIN, ingress=[{"ports": [RANGE]}]), reached=over(8081, 8082)),
    "policies-end-port-open": holds(policy(LIN, ingress=[{"ports": [RANGE]}]), reached=over(8081, 8082)),
    "policies-protocol-ignored": lets_in([], ports=[{"protocol": "UDP", "port": 8080}]),
    "policies-udp-rules-skipped": lets_in(
        [LIN_B], pods(), ports=[{"protocol": "UDP", "port": 8080}], options={"proto": "udp"}
    ),
    "policies-udp-as-tcp": lets_in([], ports=[{"protocol": "UDP", "port": 8080}]),
    "policies-named-ports-skipped": holds(policy(LIN, ingress=NAMED), reached=[OPEN]),
    "policies-named-ports-open": holds(policy(LIN, ingress=NAMED), reached=over(8080)),
    "policies-named-port-of-the-first-pod": holds(
        policy(LIN_2, namespace="blue", ingress=NAMED), reached=[(LIN, LIN_2, {}, True)], ports={LIN: NAMES[LIN]}
    ),
    "policies-ports-of-any-rule": holds(
        policy(
            LIN,
            ingress=[
                {"from": [pods(pod=LIN_B)], "ports": [{"port": 8081}]},
                {"from": [team("green")], "ports": [{"port": 8082}]},
            ],
        ),
        reached=over(8081),
    ),
    "policies-except-ignored": blocks_but(
        lambda net: lets_in([LIN_B, LIN_2, WIN_2], block("0.0.0.0/0", net.ip(WIN_B)))
    ),
    "policies-except-skips-the-rule-on-linux": blocks_but(
        lambda net: lets_in([LIN_B, LIN_2, WIN_2], block("0.0.0.0/0", net.ip(WIN_B)))
    ),
    "policies-first-exception-only": blocks_but(
        lambda net: lets_in([LIN_B, LIN_2], block("0.0.0.0/0", net.ip(WIN_B), net.ip(WIN_2)))
    ),
    "policies-except-denies-in-all-rules": blocks_but(
        lambda net: lets_in(
            [LIN_B, LIN_2, WIN_B, WIN_2], block("0.0.0.0/0", net.ip(WIN_B)), {**team("blue"), **pods(tier="db")}
        )
    ),
    "policies-blocks-skipped": blocks_but(lambda net: lets_in([WIN_2], block(net.ip(WIN_2)))),
    "policies-blocks-mean-everybody": blocks_but(lambda net: lets_in([WIN_2], block(net.ip(WIN_2)))),
    "policies-blocks-mean-one-address": lets_in([LIN_B, LIN_2, WIN_B, WIN_2], block("10.0.0.0/8")),
    "policies-on-ipv4-only": lets_in([], pods(tier="none"), asking=[LIN_B, LIN_2], options={"family": "ipv6"}),
    "policies-allow-nothing-over-ipv6": lets_in(
        [LIN_B], pods(tier="web"), asking=[LIN_B, LIN_2], options={"family": "ipv6"}
    ),
    "policies-ingress-only": holds(policy(LIN, egress=[], **OUT), reached=[(LIN, LIN_B, {}, False)]),
    "policies-egress-only": holds(CLOSED, reached=[SHUT]),
    "policies-isolate-both-directions": holds(CLOSED, reached=[SHUT, (LIN, LIN_B, {}, True)]),
    "policies-empty-direction-is-open": holds(CLOSED, reached=[SHUT]),
    "policies-directions-swapped": holds(CLOSED, reached=[SHUT, (LIN, LIN_B, {}, True)]),
    "policies-add-up-as-and": holds(policy(LIN, name="a", ingress=[{}]), {**CLOSED}, reached=[OPEN]),
    "policies-last-one-counts": holds(policy(LIN, name="a", ingress=[{}]), {**CLOSED}, reached=[OPEN]),
    "policies-first-rule-only": holds(
        policy(LIN, ingress=[{"ports": [{"port": 8081}]}, {"ports": [{"port": 8082}]}]), reached=over(8081, 8082)
    ),
    "policies-one-end-is-enough": holds(CLOSED, policy(LIN_B, name="out", egress=[{}], **OUT), reached=[SHUT]),
    "policies-drop-answers": holds(*ONE_WAY, reached=[(LIN, LIN_B, {}, True), SHUT]),
    "policies-drop-answers-on-windows": holds(
        policy(WIN, ingress=[]), policy(WIN, name="out", egress=[{}], **OUT), reached=[(WIN, LIN, {}, True)]
    ),
    "policies-udp-passes": lets_in([], pods(tier="none"), options={"proto": "udp"}),
    "policies-within-a-node-pass": lets_in([], pods(tier="none")),
    "policies-from-other-nodes-pass": lets_in([], pods(tier="none")),
    "policies-deny-the-own-node": holds(CLOSED, reached=[("linux-1", LIN, {}, True), SHUT]),
    "policies-deny-a-pod-itself": holds(CLOSED, reached=[(LIN, VIP, {"port": 80}, True), SHUT]),
    "policies-before-services": holds(
        policy(LIN_B, egress=[{"to": [pods(pod=LIN)]}], **OUT), reached=[(LIN_B, VIP, {"port": 80}, True)]
    ),
    "policies-source-hidden-for-services": holds(
        policy(LIN, ingress=[{"from": [team("green")]}]), reached=[(WIN_2, VIP, {"port": 80}, True)]
    ),
    "policies-stay-after-deletion": in_turn(holds(CLOSED, reached=[SHUT]), holds(reached=[OPEN])),
    "policies-keep-their-first-content": in_turn(
        holds(CLOSED, reached=[SHUT]), holds(policy(LIN, ingress=[{}]), reached=[OPEN])
    ),
    "policies-first-pod-labels": in_turn(
        holds(FROM_WEB, reached=[OPEN], labels=LABELS), holds(FROM_WEB, reached=[SHUT], labels={})
    ),
    "hns-startup-deny-stays": holds(policy(LIN, ingress=[]), reached=[(LIN_B, WIN, {}, True)]),
}


@pytest.mark.parametrize("fault", CHECKS)
def test_a_fault_of_policies_shows(lab, fault):
    try:
        breaks(lab, fault, CHECKS[fault])
    finally:
        Policed(lab).apply()


def test_every_fault_of_policies_is_tried():
    of_room = {name for name, fault in FAULTS.items() if ".policies." in fault.change.__module__}
    assert of_room == set(CHECKS) | TIMED
    assert len(of_room) >= 40
    assert all(set(FAULTS[name].profiles or ENGINES) >= {"overlay-calico-vxlan"} for name in of_room)


async def changed_with(fault, monkeypatch):
    """The rulesets that a node gets while a policy is made and removed, with a fault whose delay is short."""
    written = []
    monkeypatch.setattr(nft, "apply", lambda _netns, text: written.append(text))
    monkeypatch.setattr(lifetimes, "LATE_SECONDS", 0.01)
    profile = profile_named("overlay-calico-vxlan")
    plan = profile.nodes[0]
    node = SimpleNamespace(name=plan.name, os=plan.os, policies=NodePolicies(None, plan, profile))
    FAULTS[fault].change(Injection(fault, SimpleNamespace(nodes={plan.name: node})))
    server = PolicyPod(name=LIN, namespace="home", node=plan.name, labels={"pod": LIN}, addresses=("10.244.1.10",))
    node.policies.set_objects(PolicyObjects(policies=(CLOSED,), pods=(server,), namespaces={"home": {}}))
    at_once = list(written)
    while not written:
        await asyncio.sleep(0.005)
    return at_once, written


def test_with_a_late_engine_a_policy_takes_effect_after_a_while(monkeypatch):
    at_once, (text,) = asyncio.run(changed_with("policies-late", monkeypatch))
    assert at_once == []
    assert "10.244.1.10 goto ingress-0" in text


def test_the_own_node_reaches_its_pods_and_is_reached(lab):
    net = Policed(lab)
    net.apply(policy(LIN, egress=[], ingress=[], policyTypes=["Ingress", "Egress"]))
    assert net.reach("linux-1", LIN, port=HOST_PORT) == [LIN]
    net.apply()
