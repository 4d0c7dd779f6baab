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


def dns_service(target="dns", **labels):
    ports = [{"port": 53, "protocol": of, **({"targetPort": target} if target else {})} for of in ("UDP", "TCP")]
    spec = {"clusterIPs": ["10.96.0.10"], "selector": labels or {"k8s-app": "kube-dns"}, "ports": ports}
    return {"metadata": {"name": "kube-dns"}, "spec": spec}


def dns_pod(name, *addresses, ready="True", port=5353, **metadata):
    ports = [{"name": "dns", "containerPort": port, "protocol": "UDP"}]
    return {
        "metadata": {"name": name, "labels": {"k8s-app": "kube-dns"}, **metadata},
        "spec": {"nodeName": name, "containers": [{"name": "dns", "ports": ports}]},
        "status": {"podIPs": [{"ip": one} for one in addresses], "conditions": [{"type": "Ready", "status": ready}]},
    }


def test_the_endpoints_of_the_dns_service_are_its_ready_pods():
    pods = [
        dns_pod("b", "10.244.10.2", "fd00::2"),
        dns_pod("a", "10.244.9.2"),
        dns_pod("c", "10.244.1.3", ready="False"),
        dns_pod("d", "10.244.1.4", deletionTimestamp="2026-01-01T00:00:00Z"),
        dns_pod("e", "10.244.1.5", labels={"k8s-app": "node-local-dns"}),
        {"metadata": {"name": "waits"}, "spec": {}},
    ]
    found, _ = dns(services=[dns_service()], pods=pods)
    assert (found.pods, found.pod_port) == (("10.244.9.2", "10.244.10.2", "fd00::2"), 5353)


@pytest.mark.parametrize(
    ("target", "ports", "found"),
    [(None, (53,), 53), (53, (53,), 53), ("dns", (53, 53), 53), ("dns", (53, 5353), None), ("other", (53,), None)],
)
def test_the_port_of_dns_pods_is_where_the_service_leads_to(target, ports, found):
    pods = [dns_pod(f"n{at}", f"10.244.{at}.2", port=port) for at, port in enumerate(ports)]
    assert dns(services=[dns_service(target)], pods=pods)[0].pod_port == found


def test_a_service_without_selector_has_no_pods_that_podwire_knows():
    service = dns_service()
    service["spec"]["selector"] = None
    found, _ = dns(services=[service], pods=[dns_pod("a", "10.244.1.2")])
    assert (found.pods, found.pod_port) == ((), None)
