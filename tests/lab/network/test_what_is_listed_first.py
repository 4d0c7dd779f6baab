"""HNS lists a load balancer before packets show it, so who sees a change in packets finds it in the list too."""

from types import SimpleNamespace

from podwire_lab.model.interfaces import EndpointRule, ServiceRule
from podwire_lab.model.profiles import PROFILES
from podwire_lab.network import node_rules
from podwire_lab.network.node_rules import NodeRules

SERVICE = ServiceRule(
    name="default/echo",
    address="10.96.0.10",
    protocol="tcp",
    port=80,
    target_port=8080,
    endpoints=(EndpointRule(address="10.244.1.10", node="linux-1"),),
)


def test_load_balancers_are_listed_before_their_rules_are_loaded(monkeypatch):
    profile = PROFILES["l2bridge-win-bridge"]
    plan = next(node for node in profile.nodes if node.os == "windows")
    machine = SimpleNamespace(os="windows", plan=plan, profile=profile, host=SimpleNamespace(netns=None))
    diary = []
    monkeypatch.setattr(node_rules.nft, "apply", lambda netns, text: diary.append("loaded"))
    monkeypatch.setattr(node_rules.conntrack, "forget_untranslated", lambda netns, gained: None)
    monkeypatch.setattr(node_rules.conntrack, "forget_backends", lambda netns, lost, mark: None)
    rules = NodeRules(machine, SimpleNamespace(lead_untranslated=lambda addresses: None))
    rules.programmed = lambda: diary.append(f"listed {sum(map(len, rules.load_balancers.held.values()))}")
    rules.set_services([SERVICE])
    rules.set_services([])
    assert diary == ["listed 1", "loaded", "listed 0", "loaded"]
