"""The objects of a run, made from the files in `manifests/`: load the YAML, set the fields that differ.

The files are valid as they stand, not text templates.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import re
from typing import Any

import yaml

from podwire.facts import NodeFacts
from podwire.layout import manifests_folder

Object = dict[str, Any]

MANAGED_BY = "app.kubernetes.io/managed-by"
RUN_LABEL = "podwire.dev/run"
PROBE_LABEL = "podwire.dev/probe"
KIND_LABEL = "podwire.dev/kind"
OWNER = "podwire.dev/owner"
MANAGER = "podwire"
PREFIX = "podwire-"
AGENT_CONFIGMAP = "podwire-agent"
AGENT_KEY = "agent.py"
HEADLESS_SERVICE = "pods"
CONTAINER = "probe"

_LONGEST = 40
"""Characters of a node's part in a probe's name: `echo-<node>-host` must stay a DNS label of 63."""


@functools.cache
def _documents(file: str) -> tuple[Object, ...]:
    with (manifests_folder() / file).open(encoding="utf-8") as stream:
        return tuple(yaml.safe_load_all(stream))


def _fresh(file: str, number: int = 0) -> Object:
    return copy.deepcopy(_documents(file)[number])


def namespace_name(run_id: str) -> str:
    """The namespace of a run."""
    return f"{PREFIX}{run_id}"


def namespace(run_id: str, owner: str) -> Object:
    """The Namespace; `owner` says in words who runs it (`user@host`)."""
    obj = _fresh("namespace.yaml")
    obj["metadata"]["name"] = namespace_name(run_id)
    obj["metadata"]["labels"][RUN_LABEL] = run_id
    obj["metadata"]["annotations"] = {OWNER: owner}
    return obj


def agent_configmap(run_id: str, agent: str) -> Object:
    """The ConfigMap that carries the agent's source into the pods."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": AGENT_CONFIGMAP,
            "namespace": namespace_name(run_id),
            "labels": {MANAGED_BY: MANAGER, RUN_LABEL: run_id},
        },
        "data": {AGENT_KEY: agent},
    }


def probe_pod(run_id: str, name: str, kind: str, node: NodeFacts, hostname: str, image: str, deadline: int) -> Object:
    """A probe on that node. `kind` is `pod` or `host`; `hostname` is the node's label, `deadline` seconds of life."""
    obj = _fresh(f"{'host' if kind == 'host' else 'probe'}-{node.os}.yaml")
    metadata, spec = obj["metadata"], obj["spec"]
    metadata["name"] = name
    metadata["namespace"] = namespace_name(run_id)
    metadata["labels"] |= {RUN_LABEL: run_id, PROBE_LABEL: name, KIND_LABEL: kind}
    spec["nodeSelector"]["kubernetes.io/hostname"] = hostname
    spec["activeDeadlineSeconds"] = deadline
    spec["containers"][0]["image"] = image
    if kind == "pod":
        spec["hostname"] = name
    return obj


def headless_service(run_id: str) -> Object:
    """The Service that gives pods their names."""
    return _service(_fresh("services.yaml", 0), run_id, HEADLESS_SERVICE)


def echo_service(run_id: str, pod: str) -> Object:
    """The ClusterIP Service whose only backend is that pod."""
    obj = _service(_fresh("services.yaml", 1), run_id, echo_service_name(pod))
    obj["metadata"]["labels"][PROBE_LABEL] = pod
    obj["spec"]["selector"][PROBE_LABEL] = pod
    return obj


def echo_service_name(pod: str) -> str:
    return f"echo-{pod}"


def _service(obj: Object, run_id: str, name: str) -> Object:
    obj["metadata"]["name"] = name
    obj["metadata"]["namespace"] = namespace_name(run_id)
    obj["metadata"]["labels"][RUN_LABEL] = run_id
    obj["spec"]["selector"][RUN_LABEL] = run_id
    return obj


def command_of(pod: Object) -> tuple[str, ...]:
    """What to exec in a probe for the agent's RPC: the same interpreter and file as the pod's own process."""
    words: list[str] = pod["spec"]["containers"][0]["command"]
    return (*words[: words.index("serve")], "rpc")


def short_names(nodes: tuple[str, ...]) -> dict[str, str]:
    """For each node's name a DNS label that is different from all others; a plain name stays as it is."""
    short: dict[str, str] = {}
    for node in nodes:
        label = re.sub(r"[^a-z0-9-]+", "-", node.lower().split(".")[0]).strip("-")
        if not label or len(label) > _LONGEST or label in short.values():
            digest = hashlib.sha256(node.encode()).hexdigest()[:8]
            label = f"{label[: _LONGEST - 9].rstrip('-') or 'node'}-{digest}"
        short[node] = label
    return short
