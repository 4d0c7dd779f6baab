"""The cluster's DNS and the caches before it, from objects of the API as clusters have them."""

import pytest
from api_objects import node

from podwire.cluster.discovery.discover import facts_from_objects


def dns(**objects):
    facts = facts_from_objects({"nodes": [node("l")], **objects})
    return facts.dns, [signal for signal in facts.origin.signals if signal.startswith("DNS cache")]


def node_local(*words, where="args"):
    container = {"name": "node-cache", where: list(words)}
    meta = {"namespace": "kube-system", "name": "node-local-dns"}
    return {"metadata": meta, "spec": {"template": {"spec": {"containers": [container]}}}}


def pod(name, **more):
    return {"metadata": {"name": name, **more.pop("metadata", {})}, "spec": {"nodeName": name}, **more}


@pytest.mark.parametrize(
    ("daemonset", "caches"),
    [
        (node_local("-localip", "169.254.20.10", "-conf", "/etc/Corefile"), ("169.254.20.10",)),
        (node_local("-localip", "169.254.20.10,10.96.0.10"), ("169.254.20.10", "10.96.0.10")),
        (node_local("/node-cache", "--localip=fe80::10,169.254.20.10", where="command"), ("fe80::10", "169.254.20.10")),
        (node_local("-localip"), ()),
        (node_local("-localip", "__PILLAR__LOCAL__DNS__"), ()),
        (node_local("localip", "169.254.20.10"), ()),
        ({"metadata": {"name": "x"}}, ()),
    ],
)
def test_a_cache_of_nodes_listens_where_its_daemonset_says(daemonset, caches):
    found, signals = dns(daemonsets=[daemonset])
    assert found.caches == caches
    assert signals == [f"DNS cache on Linux nodes: {one} (DaemonSet kube-system/node-local-dns)" for one in caches]


@pytest.mark.parametrize(("state", "caches"), [("enabled", ("169.254.10.11",)), ("disabled", ()), (None, ())])
def test_a_node_of_aks_says_by_a_label_whether_it_runs_local_dns(state, caches):
    linux = node("aks-1")
    if state:
        linux["metadata"].setdefault("labels", {})["kubernetes.azure.com/localdns-state"] = state
    found, signals = dns(nodes=[linux])
    assert found.caches == caches
    assert len(signals) == len(caches)


def test_a_dns_pod_that_goes_or_has_ended_is_nowhere():
    pods = [
        pod("l1"),
        pod("l2", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
        pod("l3", status={"phase": "Failed"}),
        pod("l4", status={"phase": "Running"}),
        {"metadata": {"name": "waits"}, "spec": {}},
    ]
    found, _ = dns(pods=pods)
    assert found.nodes == ("l1", "l4")
