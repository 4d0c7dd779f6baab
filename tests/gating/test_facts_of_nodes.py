"""What nodes told of themselves, held against each other: the gate names each that changed."""

from changed import replace
from facts_by_row import node_with
from records_for_tests import case, facts, record

from podwire.gating.facts import fact_changes
from podwire.model.facts import NetworkPolicies, PolicyEngine

AKS = "tcp ipv4 16385-29999, 32768-65535"
TOLD = {"dynamic_ports": (AKS,), "mtu": 1500, "pod_mtu": 1450, "hns_version": "10.0.20348.1"}


def a_run(*nodes):
    return record(case(), facts=facts(emulated=False, nodes=nodes))


def windows(name="w1", **told):
    return node_with(name=name, os="windows", kernel_version="10.0.20348.1", **told)


def changes(before, after):
    return {one.name: (one.before, one.after) for one in fact_changes([before], [after])}


def test_each_that_changed_is_named():
    before = windows(**TOLD, proxy_mode="kernelspace", feature_overrides=("3105872524=1", "HNSControlFlag=16"))
    before = replace(before, told=replace(before.told, translation=("all but 10.244.0.0/16, 10.96.0.0/12",)))
    after = windows(
        dynamic_ports=("tcp ipv4 33000-65535",),
        mtu=9000,
        pod_mtu=1400,
        hns_version="10.0.20348.2",
        feature_overrides=("3105872524=0", "2629306509=1"),
        outbound_translation=("all but 10.0.0.0/8",),
        declared_features=("GuaranteedQoSPodCPUResize",),
    )
    assert changes(a_run(before), a_run(after)) == {
        "Windows declared features": ("none", "GuaranteedQoSPodCPUResize on 1 node"),
        "Windows dynamic ports, tcp ipv4": ("16385-29999, 32768-65535 on 1 node", "33000-65535 on 1 node"),
        "Windows MTU of nodes": ("1500 on 1 node", "9000 on 1 node"),
        "Windows MTU of pods": ("1450 on 1 node", "1400 on 1 node"),
        "Windows mode of kube-proxy": ("kernelspace on 1 node", "unknown on 1 node"),
        "Windows HNS version": ("10.0.20348.1 on 1 node", "10.0.20348.2 on 1 node"),
        "Windows outbound translation": (
            "all but 10.244.0.0/16, 10.96.0.0/12 on 1 node",
            "all but 10.0.0.0/8 on 1 node",
        ),
        "Windows feature override 3105872524": ("1 on 1 node", "0 on 1 node"),
        "Windows feature override HNSControlFlag": ("16 on 1 node", "none"),
        "Windows feature override 2629306509": ("none", "1 on 1 node"),
    }


def test_a_run_from_before_that_was_not_told_changes_nothing():
    assert changes(a_run(windows()), a_run(windows(**TOLD))) == {}


def test_nodes_of_one_side_that_differ_are_counted():
    mixed = a_run(windows(**TOLD), windows("w2", **{**TOLD, "pod_mtu": 1400}))
    alike = a_run(windows(**TOLD), windows("w2", **TOLD))
    assert changes(alike, mixed) == {"Windows MTU of pods": ("1450 on 2 nodes", "1400 on 1 node, 1450 on 1 node")}


def with_engine(name, version=""):
    engine = PolicyEngine(name=name, version=version)
    return record(case(), facts=replace(facts(emulated=False), policies=NetworkPolicies(windows=engine)))


def test_another_engine_of_network_policies_is_named():
    assert changes(with_engine("calico", "3.31.0"), with_engine("calico", "3.32.2")) == {
        "network policies on Windows nodes": ("calico 3.31.0", "calico 3.32.2")
    }
    assert changes(with_engine("none"), with_engine("calico"))["network policies on Windows nodes"] == (
        "none",
        "calico",
    )


def test_a_run_from_before_engines_were_known_changes_nothing():
    assert changes(with_engine("unknown"), with_engine("calico")) == {}


def test_another_translation_of_linux_nodes_is_named():
    def a_cluster(*told):
        known = facts(emulated=False, nodes=(windows(),))
        return record(case(), facts=replace(known, network=replace(known.network, linux_translation=told)))

    before, after = a_cluster("ipv4 all but 10.0.0.0/8", "ipv6 none"), a_cluster("ipv4 all", "ipv6 none")
    assert changes(before, after) == {
        "Linux outbound translation": ("ipv4 all but 10.0.0.0/8 and ipv6 none", "ipv4 all and ipv6 none")
    }
    assert changes(a_cluster(), a_cluster()) == {}
    assert "Linux outbound translation" in changes(a_cluster(), after)
