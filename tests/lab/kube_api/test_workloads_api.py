"""Workloads at the API: defaults, validation, scale, deletion policies, warnings, and what there is not."""

from __future__ import annotations

from typing import Any

import pytest

APPS = "/apis/apps/v1/namespaces/default"
MERGE = "application/merge-patch+json"


def deployment(name: str = "web", **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "a:1"}]}}
    body = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def test_a_deployment_gets_the_defaults_of_a_real_server(api: Any) -> None:
    made = api.ask("POST", f"{APPS}/deployments", deployment()).json["spec"]
    assert made["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
    assert (made["replicas"], made["revisionHistoryLimit"], made["progressDeadlineSeconds"]) == (1, 10, 600)
    pod = made["template"]["spec"]
    assert (pod["restartPolicy"], pod["dnsPolicy"], pod["containers"][0]["imagePullPolicy"]) == (
        "Always",
        "ClusterFirst",
        "IfNotPresent",
    )
    assert "serviceAccountName" not in pod


def test_a_template_is_validated_as_its_pods_are(api: Any) -> None:
    body = deployment(replicas=-1)
    body["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    body["spec"]["template"]["spec"] = {"containers": [], "restartPolicy": "Never"}
    reply = api.ask("POST", f"{APPS}/deployments", body)
    assert (reply.status, reply.json["reason"]) == (422, "Invalid")
    assert {cause["field"] for cause in reply.json["details"]["causes"]} == {
        "spec.template.spec.containers",
        "spec.template.metadata.labels",
        "spec.template.spec.restartPolicy",
        "spec.replicas",
    }


def test_a_selector_cannot_be_changed(api: Any) -> None:
    api.ask("POST", f"{APPS}/deployments", deployment())
    patch = {"spec": {"selector": {"matchLabels": {"app": "b"}}, "template": {"metadata": {"labels": {"app": "b"}}}}}
    reply = api.ask("PATCH", f"{APPS}/deployments/web", patch, kind=MERGE)
    assert (reply.status, "field is immutable" in reply.json["message"]) == (422, True)


def test_the_scale_of_a_workload_is_read_patched_and_replaced(api: Any) -> None:
    api.ask("POST", f"{APPS}/deployments", deployment())
    path = f"{APPS}/deployments/web/scale"
    scale = api.ask("GET", path).json
    assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {"replicas": 1})
    assert scale["status"] == {"replicas": 0, "selector": "app=web"}
    assert api.ask("PATCH", path, {"spec": {"replicas": 3}}, kind=MERGE).json["spec"] == {"replicas": 3}
    assert api.ask("PUT", path, scale).status == 409
    del scale["metadata"]["resourceVersion"]
    assert api.ask("PUT", path, {**scale, "spec": {"replicas": 2}}).json["spec"] == {"replicas": 2}
    kept = api.ask("GET", f"{APPS}/deployments/web").json
    assert (kept["spec"]["replicas"], kept["metadata"]["generation"]) == (2, 3)
    assert api.ask("PATCH", path, {"spec": {"replicas": -1}}, kind=MERGE).status == 422
    assert api.ask("PATCH", path, {"spec": {"replicas": 1}}, kind="application/apply-patch+yaml").status == 415
    assert api.ask("GET", f"{APPS}/daemonsets/web/scale").status == 404


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
def test_a_deletion_policy_is_a_finalizer_for_the_garbage_collector(api: Any, policy: str, finalizer: str) -> None:
    api.ask("POST", f"{APPS}/deployments", deployment())
    api.ask("DELETE", f"{APPS}/deployments/web?propagationPolicy={policy}")
    meta = api.ask("GET", f"{APPS}/deployments/web").json["metadata"]
    assert (meta["finalizers"], "deletionTimestamp" in meta) == ([finalizer], True)


def test_a_pod_can_be_evicted(api: Any) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
           "spec": {"containers": [{"name": "c", "image": "a:1"}]}}  # fmt: skip
    assert api.ask("POST", "/api/v1/namespaces/default/pods", pod).status == 201
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"}}
    path = "/api/v1/namespaces/default/pods/a"
    assert api.ask("POST", f"{path}/eviction", {**body, "deleteOptions": {"dryRun": ["All"]}}).status == 201
    assert api.ask("GET", path).status == 200
    assert api.ask("POST", f"{path}/eviction", body).json["status"] == "Success"
    assert api.ask("GET", path).status == 404


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/api/v1/namespaces/default/foos", "foos in v1"),
        ("GET", "/apis/batch/v1/namespaces/default/cronjobs", "cronjobs in batch/v1"),
        ("POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets", "poddisruptionbudgets in policy/v1"),
        ("GET", "/api/v1/namespaces/default/pods/a/attach", "pods/attach in v1"),
        ("GET", "/apis/apps/v2/deployments", "deployments in apps/v2"),
    ],
)
def test_what_the_lab_does_not_have_it_says_in_a_status(api: Any, method: str, path: str, name: str) -> None:
    reply = api.ask(method, path, None if method == "GET" else {})
    assert (reply.status, reply.json["kind"], reply.json["reason"]) == (404, "Status", "NotFound")
    assert reply.json["message"].endswith(f"the lab's API has no {name}")


def test_a_verb_that_a_kind_does_not_have_is_405(api: Any) -> None:
    reply = api.ask("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
    assert (reply.status, reply.json["reason"]) == (405, "MethodNotAllowed")


def test_what_has_no_effect_is_a_warning(api: Any) -> None:
    body = deployment()
    assert api.ask("POST", f"{APPS}/deployments", body).headers.get("Warning") is None
    body["metadata"]["name"] = "apart"
    body["spec"]["template"]["spec"]["topologySpreadConstraints"] = [{"maxSkew": 1, "topologyKey": "zone"}]
    warning = api.ask("POST", f"{APPS}/deployments", body).headers["Warning"]
    assert warning.startswith('299 - "podwire lab: spec.template.spec.topologySpreadConstraints: ')


def test_who_asks_is_told_its_name(api: Any) -> None:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    weak = api.ask("POST", path, {}, token="weak").json["status"]["userInfo"]
    assert weak == {"username": "system:serviceaccount:rec:weak", "groups": ["system:authenticated"]}
