"""Scheduling, endpoints, garbage collection and namespaces, as their users see them."""

import pytest
from runninglab import Api, phase, ready, start_lab, until

from podwire_lab.controllers.service_rules import KnownRules
from podwire_lab.model.interfaces import EndpointRule

SLEEP = (
    "python",
    "-c",
    "import signal, sys; signal.signal(15, lambda *_: sys.exit()); print('up', flush=True); signal.pause()",
)
SLICES = "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D{}"


@pytest.fixture(scope="module")
def api():
    with start_lab("l2bridge-win-bridge") as lab:
        yield Api(lab)


def slices(api, service, namespace="default"):
    return {each["addressType"]: each for each in api("GET", SLICES.format(namespace, service))["items"]}


def endpoints(api, service, family="IPv4"):
    return slices(api, service).get(family, {}).get("endpoints") or []


def test_a_selector_chooses_the_node(api):
    api.run("anywhere-windows", *SLEEP, nodeSelector={"kubernetes.io/os": "windows"})
    assert api.wait("anywhere-windows", ready)["spec"]["nodeName"].startswith("windows-")


def test_a_pod_for_no_node_stays_pending_until_there_is_one(api):
    api.run("wishes", *SLEEP, nodeSelector={"zone": "blue"})
    pod = api.wait("wishes", lambda pod: pod["status"].get("conditions"))
    scheduled = pod["status"]["conditions"][0]
    assert (scheduled["type"], scheduled["status"], scheduled["reason"]) == ("PodScheduled", "False", "Unschedulable")
    assert "0/4 nodes are available" in scheduled["message"]
    node = api("GET", "/api/v1/nodes/linux-2")
    node["metadata"]["labels"]["zone"] = "blue"
    api("PUT", "/api/v1/nodes/linux-2", node)
    assert api.wait("wishes", ready)["spec"]["nodeName"] == "linux-2"


def test_endpoints_follow_readiness_of_their_pods(api):
    probe = {"readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/go"]}, "periodSeconds": 1}}
    api.run("backend", *SLEEP, nodeName="linux-1", container=probe, hostname="first", subdomain="echo")
    spec = {
        "selector": {"app": "backend"},
        "ipFamilyPolicy": "PreferDualStack",
        "ports": [{"port": 80, "targetPort": 8080}],
    }
    api("POST", "/api/v1/namespaces/default/services", {"metadata": {"name": "echo"}, "spec": spec})
    pod = api.wait("backend", phase("Running"))
    entry = until(lambda: endpoints(api, "echo"))[0]
    assert entry["conditions"] == {"ready": False, "serving": False, "terminating": False}
    assert entry["hostname"] == "first"
    api.exec("backend", "touch", "/tmp/go")
    until(lambda: endpoints(api, "echo")[0]["conditions"]["ready"])
    both = slices(api, "echo")
    assert {kind: each["endpoints"][0]["addresses"][0] for kind, each in both.items()} == {
        "IPv4": pod["status"]["podIPs"][0]["ip"],
        "IPv6": pod["status"]["podIPs"][1]["ip"],
    }
    assert both["IPv4"]["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    older = api("GET", "/api/v1/namespaces/default/endpoints/echo")
    assert older["subsets"][0]["addresses"][0]["ip"] == pod["status"]["podIP"]
    api("DELETE", "/api/v1/namespaces/default/pods/backend")
    until(lambda: not endpoints(api, "echo"))


def test_slices_go_with_their_service(api):
    api(
        "POST",
        "/api/v1/namespaces/default/services",
        {"metadata": {"name": "gone"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}},
    )
    until(lambda: slices(api, "gone"))
    api("DELETE", "/api/v1/namespaces/default/services/gone")
    until(lambda: not slices(api, "gone"))
    until(lambda: not api.exists("/api/v1/namespaces/default/endpoints/gone"))


def test_dependents_go_when_their_owner_is_gone(api):
    owner = api("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    dependent = {"metadata": {"name": "dependent", "ownerReferences": [reference]}}
    api("POST", "/api/v1/namespaces/default/configmaps", dependent)
    assert api.exists("/api/v1/namespaces/default/configmaps/dependent")
    api("DELETE", "/api/v1/namespaces/default/configmaps/owner")
    until(lambda: not api.exists("/api/v1/namespaces/default/configmaps/dependent"))


def test_a_namespace_ends_with_all_that_is_in_it(api):
    api("POST", "/api/v1/namespaces", {"metadata": {"name": "short"}})
    until(lambda: api.exists("/api/v1/namespaces/short/serviceaccounts/default"))
    api.run("inside", *SLEEP, namespace="short", nodeName="windows-1")
    api.wait("inside", ready, namespace="short")
    api("DELETE", "/api/v1/namespaces/short")
    until(lambda: not api.exists("/api/v1/namespaces/short"), 5)


def test_endpoints_of_the_family_become_rules_with_their_conditions():
    service = {
        "metadata": {"namespace": "n", "name": "s", "annotations": {"preserve-destination": "true"}},
        "spec": {
            "type": "LoadBalancer",
            "clusterIPs": ["10.96.0.9", "fd10:96::9"],
            "externalIPs": ["192.0.2.9"],
            "loadBalancerSourceRanges": ["203.0.113.0/24"],
            "sessionAffinity": "ClientIP",
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}},
            "ports": [{"name": "t", "protocol": "TCP", "port": 80, "targetPort": "named", "nodePort": 30080}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "2001:db8::9"}, {"ip": "192.0.2.1", "ipMode": "Proxy"}]}},
    }
    meta = {"namespace": "n", "labels": {"kubernetes.io/service-name": "s"}}
    entries = [
        {"addresses": ["10.244.1.3"], "nodeName": "a", "conditions": {}},
        {"addresses": ["10.244.1.4"], "nodeName": "b", "conditions": {"ready": False}},
        {"addresses": ["10.244.1.5"], "conditions": {"ready": False, "serving": True, "terminating": True}},
    ]
    slice_ = {"metadata": meta, "addressType": "IPv4", "endpoints": entries, "ports": [{"name": "t", "port": 8080}]}
    four, six = KnownRules().of([service], [slice_])
    assert four.endpoints == (
        EndpointRule(address="10.244.1.3", node="a", port=8080),
        EndpointRule(address="10.244.1.4", node="b", port=8080, ready=False, serving=False),
        EndpointRule(address="10.244.1.5", node="", port=8080, ready=False, terminating=True),
    )
    assert (four.target_port, four.node_port, four.affinity_seconds, four.protocol) == (8080, 30080, 5, "tcp")
    assert (four.external_ips, four.ingress_ips, four.source_ranges) == (("192.0.2.9",), (), ("203.0.113.0/24",))
    assert (six.family, six.endpoints, six.ingress_ips) == ("ipv6", (), ("2001:db8::9",))
    assert four.preserve_destination
