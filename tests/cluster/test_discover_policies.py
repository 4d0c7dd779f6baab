"""Who enforces network policies on the nodes of each OS, by the objects of the API."""

import pytest
from changed import replace

from podwire.cluster.discovery.discover import facts_from_objects
from podwire.platforms.policy_engines import engine
from podwire_lab.model.profiles import profile_named
from podwire_lab.model.seed import seeds


def node(name, os, provider="", **notes):
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/os": os}, "annotations": notes},
        "spec": {"providerID": provider},
        "status": {"nodeInfo": {"operatingSystem": os}},
    }


NODES = [node("l", "linux"), node("w", "windows")]
FLANNEL = {
    "metadata": {"name": "kube-flannel-cfg", "namespace": "kube-flannel"},
    "data": {"net-conf.json": '{"Backend": {"Type": "vxlan"}}'},
}


def daemonset(name, *containers):
    listed = [{"name": part, "image": image} for part, image in containers]
    spec = {"template": {"spec": {"containers": listed}}}
    return {"metadata": {"name": name, "namespace": "kube-system"}, "spec": spec}


def policies(*daemonsets, nodes=NODES, configs=(FLANNEL,), **more):
    facts = facts_from_objects({"nodes": nodes, "daemonsets": list(daemonsets), "configmaps": list(configs), **more})
    return facts.policies, [text for text in facts.origin.signals if "network policies" in text]


def names(*daemonsets, **more):
    found, _ = policies(*daemonsets, **more)
    return found.linux.name, found.windows.name


@pytest.mark.parametrize(
    ("daemonsets", "linux", "windows"),
    [
        ([], "none", "none"),
        ([("canal", "v3.30.1")], "calico", "unknown"),
        ([("calico-node", "v3.30.1"), ("calico-node-windows", "v3.30.1")], "calico", "calico"),
        ([("azure-npm", "v1.6.1"), ("azure-npm-win", "v1.6.1")], "azure-npm", "azure-npm"),
        ([("cilium", "v1.18.2"), ("cilium-envoy", "v1.35.3")], "cilium", "unknown"),
        ([("kube-router", "v2.5.0")], "kube-router", "none"),
        ([("kube-network-policies", "v0.9.2")], "kube-network-policies", "none"),
        ([("calico-node", "v3.30.1"), ("cilium", "v1.18.2")], "unknown", "unknown"),
    ],
)
def test_daemonsets_tell_the_engines(daemonsets, linux, windows):
    made = [daemonset(name, ("main", f"example.org/{name}:{tag}")) for name, tag in daemonsets]
    assert names(*made) == (linux, windows)


def test_two_engines_for_one_os_are_a_conflict_that_names_both():
    _, signals = policies(daemonset("calico-node"), daemonset("cilium"))
    assert signals[0] == (
        "conflict: network policies on Linux nodes calico (DaemonSet kube-system/calico-node) and cilium "
        "(DaemonSet kube-system/cilium); taken as unknown"
    )


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("docker.io/calico/node:v3.32.2", "3.32.2"),
        ("gke.gcr.io:5000/calico/node:v3.29.3-gke.4", "3.29.3"),
        ("calico/node:master", ""),
        ("calico/node@sha256:00", ""),
    ],
)
def test_the_version_is_that_of_the_image(image, version):
    found, _ = policies(daemonset("calico-node-windows", ("node", image)))
    assert found.windows == engine("calico", "windows", version)


def test_the_support_of_azure_npm_has_an_end():
    _, signals = policies(daemonset("azure-npm-win", ("npm", "azure-npm:v1.6.1")))
    assert "network policies on Windows nodes: azure-npm is supported until 2026-09-30; plan for another engine" in (
        signals
    )


@pytest.mark.parametrize(("switch", "linux"), [("true", "vpc-network-policy"), ("false", "none")])
def test_the_agent_of_the_vpc_cni_enforces_where_it_is_turned_on(switch, linux):
    data = {"enable-windows-ipam": "true", "enable-network-policy-controller": switch}
    config = {"metadata": {"name": "amazon-vpc-cni", "namespace": "kube-system"}, "data": data}
    agent = ("aws-eks-nodeagent", "example.org/aws-network-policy-agent:v1.2.7")
    found, _ = policies(daemonset("aws-node", ("aws-node", "x:v1.20.4"), agent), configs=[config])
    assert (found.linux.name, found.windows.name) == (linux, "none")
    assert found.linux.version == ("1.2.7" if switch == "true" else "")


def test_calico_shows_on_windows_nodes_by_its_annotations():
    nodes = [NODES[0], node("w", "windows", **{"projectcalico.org/IPv4Address": "10.0.0.5/24"})]
    assert names(daemonset("calico-node"), nodes=nodes)[1] == "calico"


def test_what_cannot_be_read_is_unknown():
    facts = facts_from_objects({"nodes": NODES, "configmaps": [FLANNEL]})
    assert (facts.policies.linux.name, facts.policies.windows.name) == ("unknown", "unknown")
    assert "network policies on Linux nodes: no signal of an engine; taken as unknown" in facts.origin.signals


def test_an_unknown_network_may_have_an_engine_on_windows():
    assert names(configs=()) == ("none", "unknown")


@pytest.mark.parametrize("profile", ["awsvpc", "l2bridge-azure-cni", "l2tunnel-azure-cni"])
def test_calico_for_policies_only_leaves_the_network_as_it_is(profile):
    def facts(*variations):
        objects = {}
        for resource, obj in seeds(profile_named(profile, variations=variations)):
            objects.setdefault(resource, []).append(obj)
        return facts_from_objects(objects)

    plain, varied = facts(), facts("calico-for-policies")
    assert (plain.policies.linux.name, plain.policies.windows.name) == ("none", "none")
    assert (varied.policies.linux.name, varied.policies.windows.name) == ("calico", "calico")
    assert varied.network == plain.network
    assert not any(text.startswith("conflict") for text in varied.origin.signals)
    assert replace(varied, signals=(), components={}).policies.windows.version == "3.30.0"
