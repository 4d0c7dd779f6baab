"""The `kubernetes` package's DynamicClient against this server: what the suite itself does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kubernetes import config
from kubernetes.client import ApiClient
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ConflictError, ForbiddenError, NotFoundError

from podwire_lab.kube_api.server import kubeconfig

WEAK = "weak"
RUN = {"app.kubernetes.io/managed-by": "podwire", "podwire.dev/run": "r1"}


def client_for(api: Any, directory: Path, token: str) -> DynamicClient:
    path = directory / f"{token}.kubeconfig"
    path.write_text(kubeconfig(api.url, token))
    raw: ApiClient = config.new_client_from_config(str(path))
    return DynamicClient(raw, cache_file=str(directory / f"{token}.json"))


@pytest.fixture
def client(api: Any, tmp_path: Path) -> DynamicClient:
    return client_for(api, tmp_path, api.token)


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": RUN}, "data": data}


def test_objects_are_applied_listed_and_deleted_by_label(client: DynamicClient) -> None:
    maps = client.resources.get(api_version="v1", kind="ConfigMap")
    for name in ("one", "two"):
        maps.server_side_apply(
            body=config_map(name, x="1"), name=name, namespace="default", field_manager="podwire", force_conflicts=True
        )
    maps.create(body={**config_map("other"), "metadata": {"name": "other"}}, namespace="default")
    listed = maps.get(namespace="default", label_selector="podwire.dev/run=r1")
    assert [each.metadata.name for each in listed.items] == ["one", "two"]
    maps.delete(namespace="default", label_selector="podwire.dev/run=r1")
    assert [each.metadata.name for each in maps.get(namespace="default").items] == ["other"]


def test_an_apply_by_another_manager_is_a_conflict(client: DynamicClient) -> None:
    maps = client.resources.get(api_version="v1", kind="ConfigMap")
    maps.server_side_apply(body=config_map("one", x="1"), name="one", namespace="default", field_manager="podwire")
    with pytest.raises(ConflictError, match=r"\.data\.x"):
        maps.server_side_apply(body=config_map("one", x="2"), name="one", namespace="default", field_manager="other")


def test_a_lease_is_created_renewed_and_read_back(client: DynamicClient) -> None:
    leases = client.resources.get(api_version="coordination.k8s.io/v1", kind="Lease")
    body = {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": {"name": "run"},
            "spec": {"holderIdentity": "r1", "renewTime": "2026-01-01T00:00:00.000000Z"}}  # fmt: skip
    created = leases.create(body=body, namespace="default").to_dict()
    created["spec"]["renewTime"] = "2026-01-01T00:00:09.000000Z"
    leases.replace(body=created, namespace="default")
    with pytest.raises(ConflictError):
        leases.replace(body=created, namespace="default")


def test_a_watch_tells_of_a_pod_until_it_runs(client: DynamicClient) -> None:
    pods = client.resources.get(api_version="v1", kind="Pod")
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "spec": {"nodeName": "n1", "containers": [{"name": "x", "image": "local:1"}]}}  # fmt: skip
    pods.create(body=body, namespace="default")
    phases = []
    for event in pods.watch(namespace="default", timeout=5):
        phases.append(event["object"].status.phase)
        if phases[-1] == "Running":
            break
    assert phases[-1] == "Running"


def test_a_restricted_token_is_refused_with_verb_and_resource(api: Any, tmp_path: Path) -> None:
    weak = client_for(api, tmp_path, WEAK)
    nodes = weak.resources.get(api_version="v1", kind="Node")
    with pytest.raises(ForbiddenError, match="cannot list resource"):
        nodes.get()
    with pytest.raises(NotFoundError):
        weak.resources.get(api_version="v1", kind="Pod").get(namespace="rec", name="none")
