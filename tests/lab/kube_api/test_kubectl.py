"""The machine's kubectl against this server: what an engineer types."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl on this machine: nothing of it was tested")

OBJECTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: COLOUR}
---
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {app: echo}}
spec:
  nodeName: n1
  terminationGracePeriodSeconds: 1
  containers:
  - {name: probe, image: "local/python:1", command: [sleep, infinity], ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec:
  selector: {app: echo}
  ports: [{name: tcp, port: 80, targetPort: 8080}]
"""

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def kubectl(api: Any, tmp_path: Path) -> Kubectl:
    environment = {**os.environ, "KUBECONFIG": str(api.kubeconfig), "HOME": str(tmp_path)}

    def run(*words: str, code: int = 0, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        assert KUBECTL is not None
        done = subprocess.run(
            [KUBECTL, "--cache-dir", str(tmp_path / "cache"), *words],
            env=environment, input=stdin, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"kubectl {' '.join(words)}: {done.stdout}{done.stderr}"
        return done

    return run


def write(tmp_path: Path, colour: str) -> str:
    path = tmp_path / "objects.yaml"
    path.write_text(OBJECTS.replace("COLOUR", colour))
    return str(path)


@pytest.fixture
def applied(kubectl: Kubectl, tmp_path: Path) -> Kubectl:
    kubectl("apply", "-f", write(tmp_path, "red"))
    kubectl("wait", "--for=condition=Ready", "pod/a", "--timeout=10s")
    return kubectl


def test_get_shows_the_columns_of_a_stock_cluster(applied: Kubectl) -> None:
    narrow, wide = applied("get", "pods").stdout, applied("get", "pods", "-o", "wide").stdout
    assert narrow.splitlines()[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert narrow.splitlines()[1].split()[:4] == ["a", "1/1", "Running", "0"]
    assert wide.splitlines()[0].split()[5:7] == ["IP", "NODE"]
    assert applied("get", "nodes").stdout.splitlines()[1].split()[:3] == ["n1", "Ready", "<none>"]
    assert "ClusterIP" in applied("get", "service", "echo").stdout
    assert applied("get", "pods", "-A", "-l", "app in (echo)", "-o", "name").stdout == "pod/a\n"


def test_apply_on_the_client_side_creates_then_changes_then_leaves_alone(kubectl: Kubectl, tmp_path: Path) -> None:
    first = kubectl("apply", "-f", write(tmp_path, "red")).stdout
    assert first.split("\n")[:3] == ["configmap/settings created", "pod/a created", "service/echo created"]
    second = kubectl("apply", "-f", write(tmp_path, "blue")).stdout
    assert second.split("\n")[:3] == ["configmap/settings configured", "pod/a unchanged", "service/echo unchanged"]
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data.colour}").stdout == "blue"


def test_apply_on_the_server_side_reports_a_conflict_until_forced(applied: Kubectl, tmp_path: Path) -> None:
    changed = write(tmp_path, "green")
    applied("apply", "--server-side", "--field-manager=one", "--force-conflicts", "-f", changed)
    refused = applied("apply", "--server-side", "--field-manager=two", "-f", write(tmp_path, "blue"), code=1)
    assert 'conflict with "one": .data.colour' in refused.stderr
    applied("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", write(tmp_path, "blue"))
    assert applied("get", "cm", "settings", "-o", "jsonpath={.data.colour}").stdout == "blue"


def test_a_dry_run_changes_nothing(kubectl: Kubectl, tmp_path: Path) -> None:
    assert "pod/a created (server dry run)" in kubectl("apply", "--dry-run=server", "-f", write(tmp_path, "x")).stdout
    assert "No resources found" in kubectl("get", "pods").stderr


def test_exec_carries_output_input_and_the_exit_code(applied: Kubectl) -> None:
    assert applied("exec", "a", "--", "echo", "hi").stdout == "hi\n"
    assert applied("exec", "-i", "a", "--", "cat", stdin="to and fro").stdout == "to and fro"
    failed = applied("exec", "a", "--", "sh", "-c", "echo bad >&2; exit 3", code=3)
    assert "exit code 3" in failed.stderr


def test_logs_can_be_cut_to_the_last_lines(applied: Kubectl) -> None:
    assert applied("logs", "a").stdout == "started\nready\n"
    assert applied("logs", "a", "--tail=1").stdout == "ready\n"


def test_describe_names_node_address_and_endpoints(applied: Kubectl) -> None:
    pod = applied("describe", "pod", "a").stdout
    assert "Node:             n1/172.31.0.1" in pod
    assert "QoS Class:" in pod
    assert "IP Families:" in applied("describe", "service", "echo").stdout
    assert "InternalIP:" in applied("describe", "node", "n1").stdout


def test_delete_waits_until_the_pod_is_gone(applied: Kubectl) -> None:
    assert 'pod "a" deleted' in applied("delete", "pod", "a", "--wait=true", "--grace-period=1").stdout
    assert "NotFound" in applied("get", "pod", "a", code=1).stderr
    applied("wait", "--for=delete", "pod/a", "--timeout=5s")


def test_a_namespace_goes_with_all_that_is_in_it(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", "-", stdin="---\n{apiVersion: v1, kind: Namespace, metadata: {name: short}}")
    kubectl("apply", "-n", "short", "-f", write(tmp_path, "red"))
    kubectl("delete", "namespace", "short", "--timeout=10s")
    assert "NotFound" in kubectl("get", "namespace", "short", code=1).stderr
    assert "No resources found" in kubectl("get", "pods,services,configmaps", "-n", "short").stderr


def test_the_questions_about_the_server_are_answered(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "create", "pods", "--subresource=exec").stdout == "yes\n"
    assert "*.*" in kubectl("auth", "can-i", "--list").stdout
    assert "Server Version: v1.36.2" in kubectl("version").stdout
    resources = kubectl("api-resources").stdout
    assert "endpointslices" in resources
    assert "networking.k8s.io/v1" in resources


@pytest.mark.parametrize(
    "words",
    [
        "namespace made",
        "configmap made --from-literal=a=b",
        "secret generic made --from-literal=a=b",
        "serviceaccount made",
        "service clusterip made --tcp=80:8080",
        "service nodeport made --tcp=80:http",
        "service externalname made --external-name=a.example",
        "quota made --hard=pods=3",
        "role made --verb=get --resource=pods",
        "rolebinding made --role=made --serviceaccount=default:made",
        "clusterrole made --verb=get --resource=nodes",
        "clusterrolebinding made --clusterrole=made --user=somebody",
        "deployment made --image=a:1 --replicas=0 --port=80",
        "job made --image=a:1 -- echo hi",
    ],
)
def test_a_kind_is_created_by_its_name_as_from_a_file(kubectl: Kubectl, words: str) -> None:
    """kubectl sends protobuf; what a dry run on its side shows is what it would have sent as JSON."""
    head, dashes, command = words.partition(" -- ")
    tail = ["--", *command.split()] if dashes else []
    shown = kubectl("create", *head.split(), "--dry-run=client", "-o", "json", *tail)
    wanted = json.loads(shown.stdout)
    kubectl("create", *words.split())
    made = json.loads(kubectl("get", words.split(maxsplit=1)[0], "made", "-o", "json").stdout)
    for part in wanted.keys() - {"metadata", "status"}:
        assert within(wanted[part], made[part]), part


def within(wanted: Any, made: Any) -> bool:
    """Whether all that was asked for is there; a server adds defaults."""
    if isinstance(wanted, dict) and isinstance(made, dict):
        return all(value in (None, {}) or within(value, made.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(made, list):
        return len(wanted) == len(made) and all(map(within, wanted, made))
    return bool(wanted == made)


def test_a_patch_merges_a_list_by_its_key(applied: Kubectl) -> None:
    patch = '{"spec": {"ports": [{"port": 81, "name": "second"}]}}'
    applied("patch", "service", "echo", "-p", patch)
    assert applied("get", "service", "echo", "-o", "jsonpath={.spec.ports[*].port}").stdout == "80 81"


def test_refused_objects_are_named(kubectl: Kubectl) -> None:
    pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: none}, spec: {containers: []}}"
    assert "spec.containers: Required value" in kubectl("apply", "-f", "-", stdin=pod, code=1).stderr
