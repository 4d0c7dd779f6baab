"""Pods: what is refused, what is filled in, how they end."""

from __future__ import annotations

from typing import Any

import pytest

PODS = "/api/v1/namespaces/default/pods"


def pod(name: str = "p", *containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    given = list(containers) or [{"name": "x", "image": "local:1"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": given, **spec}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**pod(), "spec": {"containers": []}}, "spec.containers: Required value"),
        (pod("p", {"name": "x"}), "spec.containers[0].image: Required value"),
        (pod("p", {"name": "X", "image": "i"}), 'spec.containers[0].name: Invalid value: "X"'),
        (
            pod("p", {"name": "x", "image": "i"}, {"name": "x", "image": "i"}),
            "spec.containers[1].name: Duplicate value",
        ),
        (
            pod("p", {"name": "x", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ),
        (pod("p", {"name": "x", "image": "i", "ports": [{"containerPort": 70000}]}), "must be between 1 and 65535"),
        (pod(restartPolicy="Sometimes"), "spec.restartPolicy: Unsupported value"),
    ],
)
def test_a_wrong_pod_is_invalid(api: Any, body: dict[str, Any], message: str) -> None:
    reply = api.ask("POST", PODS, body)
    assert (reply.status, reply.json["reason"]) == (422, "Invalid")
    assert message in reply.json["message"]


@pytest.mark.parametrize("spec", [{"containers": "x"}, {"containers": ["x"]}, "x", {"containers": [{"ports": 5}]}])
def test_a_value_of_a_wrong_type_is_a_bad_request_or_invalid(api: Any, spec: Any) -> None:
    reply = api.ask("POST", PODS, {**pod(), "spec": spec})
    assert reply.status in (400, 422)
    assert reply.json["kind"] == "Status"


def test_the_quality_of_service_follows_requests_and_limits(api: Any) -> None:
    equal = {"limits": {"cpu": "1", "memory": "1Gi"}}
    part = {"requests": {"cpu": "1"}}
    kinds = [
        api.ask("POST", PODS, pod(name, {"name": "x", "image": "i", "resources": resources})).json["status"]["qosClass"]
        for name, resources in (("a", {}), ("b", equal), ("c", part))
    ]
    assert kinds == ["BestEffort", "Guaranteed", "Burstable"]


def test_a_pod_on_a_node_goes_when_its_node_agent_is_done(api: Any) -> None:
    api.nodes.slow_deletion = True
    api.ask("POST", PODS, pod(nodeName="n1", terminationGracePeriodSeconds=7))
    marked = api.ask("DELETE", f"{PODS}/p").json["metadata"]
    assert (marked["deletionGracePeriodSeconds"], marked["generation"]) == (7, 2)
    again = api.ask("DELETE", f"{PODS}/p").json["metadata"]
    assert again["resourceVersion"] == marked["resourceVersion"] or again["deletionGracePeriodSeconds"] == 7
    sooner = api.ask("DELETE", f"{PODS}/p", {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 1}).json
    assert sooner["metadata"]["deletionGracePeriodSeconds"] == 1
    assert api.ask("DELETE", f"{PODS}/p?gracePeriodSeconds=0").status == 200
    assert api.ask("GET", f"{PODS}/p").status == 404


def test_a_pod_without_a_node_goes_at_once(api: Any) -> None:
    api.ask("POST", PODS, pod())
    assert api.ask("DELETE", f"{PODS}/p").status == 200
    assert api.ask("GET", f"{PODS}/p").status == 404


def test_a_deletion_with_a_wrong_precondition_is_a_conflict(api: Any) -> None:
    api.ask("POST", PODS, pod())
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "other"}}
    reply = api.ask("DELETE", f"{PODS}/p", options)
    assert (reply.status, reply.json["reason"]) == (409, "Conflict")


def test_finalizers_hold_an_object_until_they_are_gone(api: Any) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "finalizers": ["podwire.dev/hold"]}}
    api.ask("POST", path, body)
    assert "deletionTimestamp" in api.ask("DELETE", f"{path}/m").json["metadata"]
    assert api.ask("GET", f"{path}/m").status == 200
    api.ask("PATCH", f"{path}/m", {"metadata": {"finalizers": None}}, kind="application/merge-patch+json")
    assert api.ask("GET", f"{path}/m").status == 404


def test_the_status_is_written_by_its_own_path_only(api: Any) -> None:
    api.ask("POST", PODS, pod())
    patch, kind = {"status": {"phase": "Running"}, "metadata": {"labels": {"a": "b"}}}, "application/merge-patch+json"
    plain = api.ask("PATCH", f"{PODS}/p", patch, kind=kind).json
    assert (plain["status"]["phase"], plain["metadata"]["labels"]) == ("Pending", {"a": "b"})
    by_path = api.ask("PATCH", f"{PODS}/p/status", patch, kind=kind).json
    assert by_path["status"]["phase"] == "Running"
    assert by_path["metadata"]["managedFields"][-1]["subresource"] == "status"


def test_the_spec_of_a_pod_stays_as_it_is(api: Any) -> None:
    api.ask("POST", PODS, pod())
    patch = {"spec": {"hostNetwork": True}}
    reply = api.ask("PATCH", f"{PODS}/p", patch, kind="application/merge-patch+json")
    assert reply.status == 422
    assert "pod updates may not change fields" in reply.json["message"]


def test_a_binding_puts_a_pod_on_its_node(api: Any) -> None:
    api.ask("POST", PODS, pod())
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": "n2"},
    }
    assert api.ask("POST", f"{PODS}/p/binding", binding).status == 201
    assert api.ask("GET", f"{PODS}/p").json["spec"]["nodeName"] == "n2"


def test_logs_of_a_container_that_waits_say_so(api: Any) -> None:
    api.ask("POST", PODS, pod("p", {"name": "x", "image": "none:1"}, nodeName="n1"))
    api.until(f"{PODS}/p", lambda reply: "containerStatuses" in reply.json["status"])
    reply = api.ask("GET", f"{PODS}/p/log")
    assert reply.status == 400
    assert reply.json["message"] == 'container "x" in pod "p" is waiting to start: trying and failing to pull image'
