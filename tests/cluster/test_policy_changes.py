"""The network policies of a run: in its own namespaces, with the addresses of its pods, changed and deleted."""

from changed import replace
from fake_rest import FakeRest

from podwire.cluster.deployment.changes.making import make_change
from podwire.cluster.deployment.changes.policies import policy_object
from podwire.cluster.deployment.services import Services
from podwire.cluster.deployment.workloads import Deployment, Probe

SPACES = {"np-blue": "podwire-r1-blue", "np-green": "podwire-r1-green"}


class Rest(FakeRest):
    """Takes merge patches too, and knows in which namespace it is told to place things."""

    def __init__(self):
        super().__init__()
        self.merged = []

    def placing_in(self, namespace):
        assert namespace == ""
        return self

    def merge(self, resource, namespace, name, patch):
        self.merged.append((resource, namespace, name, patch))


def a_probe(node, slot, number):
    addresses = {"ipv4": f"10.244.0.{number}", "ipv6": f"fd00::{number}"}
    return Probe(
        pod=f"{node}-{slot}", node=node, os="linux", slot=slot, addresses=addresses, namespace=SPACES.get(slot, "")
    )


def a_deployment(*slots, problems=None):
    probes = [a_probe("l1", slot, number) for number, slot in enumerate(("a", "b", *slots), 1)]
    probes.append(a_probe("l2", "a", 9))
    services = Services(None, "podwire-r1", "r1", ())
    return Deployment(
        namespace="podwire-r1", run_id="r1", probes=tuple(probes), services=services, problems=problems or {}
    )


WHOLE = a_deployment("np-ports", "np-blue", "np-green")


def rule_of_port(policy, number):
    return next(
        rule for rule in policy["spec"]["ingress"] if any(port.get("port") == number for port in rule.get("ports", ()))
    )


def test_a_policy_is_one_of_the_run_with_the_namespaces_of_the_run():
    policy = policy_object("np-ports", WHOLE)
    assert policy["metadata"]["namespace"] == "podwire-r1"
    assert policy["metadata"]["labels"]["podwire.dev/run"] == "r1"
    (expression,) = rule_of_port(policy, 8104)["from"][0]["namespaceSelector"]["matchExpressions"]
    assert expression["values"] == ["podwire-r1-blue"]
    assert policy_object("np-green", WHOLE)["metadata"]["namespace"] == "podwire-r1-green"


def test_addresses_that_stand_for_pods_become_those_of_all_such_pods_that_are_there():
    blocks = [peer["ipBlock"] for peer in rule_of_port(policy_object("np-ports", WHOLE), 8111)["from"]]
    assert blocks == [
        {"cidr": "10.244.0.1/32"},
        {"cidr": "10.244.0.9/32"},
        {"cidr": "fd00::1/128"},
        {"cidr": "fd00::9/128"},
    ]
    excepted = rule_of_port(policy_object("np-ports", WHOLE), 8112)["from"]
    assert excepted[0]["ipBlock"] == {"cidr": "0.0.0.0/0", "except": ["10.244.0.2/32"]}
    absent = replace(WHOLE, problems={"l2-a": "it is not there"})
    assert len(rule_of_port(policy_object("np-ports", absent), 8111)["from"]) == 2


def test_a_policy_of_a_namespace_that_the_run_does_not_have_is_not_made():
    rest = Rest()
    assert policy_object("np-green", a_deployment("np-ports")) is None
    assert make_change(rest, a_deployment("np-ports"), "policies-made").problem == ""
    assert {obj["metadata"]["namespace"] for obj in rest.applied} == {"podwire-r1"}


def test_all_policies_are_made_one_is_changed_with_a_label_and_all_are_deleted():
    rest = Rest()
    assert make_change(rest, WHOLE, "policies-made").problem == ""
    made = [obj["metadata"]["name"] for obj in rest.applied]
    assert made == ["np-ports", "np-closed", "np-egress", "np-union", "np-union-out", "np-green"]
    rest.applied.clear()
    assert make_change(rest, WHOLE, "policies-changed").problem == ""
    assert [obj["metadata"]["name"] for obj in rest.applied] == ["np-union"]
    label = {"metadata": {"labels": {"podwire.dev/role": "friend"}}}
    assert rest.merged == [("pods", "podwire-r1-blue", "l1-np-blue", label)]
    assert make_change(rest, WHOLE, "policies-removed").problem == ""
    assert rest.deleted == [("networkpolicies", name) for name in made]
