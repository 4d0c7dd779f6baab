"""Changes of network policies: some are made, one is changed with the label of a pod, all are deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.changes.waits import Shown, is_gone
from podwire.cluster.deployment.workloads import Deployment
from podwire.cluster.rest import RestClient
from podwire.model.facts import family_of
from podwire.policies import cast

Object = dict[str, Any]


def policies_made(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Make network policies in all namespaces of the run."""
    for kind in cast.MADE:
        _apply(kind, rest, deployment)
    return ()


def policies_changed(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Let one policy admit other pods, and give one kind of pod a label that another policy selects."""
    for kind in cast.CHANGED.values():
        _apply(kind, rest, deployment)
    for probe in deployment.probes:
        if probe.slot == cast.FRIEND and probe.pod not in deployment.problems:
            label = {"metadata": {"labels": {cast.ROLE: "friend"}}}
            rest.merge("pods", deployment.namespace_of(probe.pod), probe.pod, label)
    return ()


def policies_removed(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Delete these policies."""
    gone = []
    for policy in filter(None, (policy_object(kind, deployment) for kind in cast.MADE)):
        namespace, name = policy["metadata"]["namespace"], policy["metadata"]["name"]
        rest.delete("networkpolicies", namespace, name)
        gone.append(is_gone(rest, "networkpolicies", namespace, name))
    return gone


def _apply(kind: str, rest: RestClient, deployment: Deployment) -> None:
    policy = policy_object(kind, deployment)
    if policy is not None:
        rest.placing_in("").apply(policy)


def policy_object(kind: str, deployment: Deployment) -> Object | None:
    """The policy of a file, for this run: with its namespaces, and with the addresses of its pods in the place of those
    that stand for them. None where the run has no such namespace."""
    policy = manifests.network_policy(deployment.run_id, kind)
    space = policy["metadata"]["namespace"].removeprefix(cast.EXAMPLE).removeprefix("-")
    namespace = manifests.namespace_name(deployment.run_id, space) if space else deployment.namespace
    if space and namespace not in deployment.spaces:
        return None
    policy["metadata"]["namespace"] = namespace
    policy["spec"] = _for_the_run(policy["spec"], deployment)
    return policy


def _for_the_run(value: Any, deployment: Deployment) -> Any:
    if isinstance(value, dict):
        return {key: _for_the_run(part, deployment) for key, part in value.items()}
    if isinstance(value, list):
        return [part for entry in value for part in _entries(entry, deployment)]
    if isinstance(value, str) and value.startswith(f"{cast.EXAMPLE}-"):
        return manifests.namespace_name(deployment.run_id, value.removeprefix(f"{cast.EXAMPLE}-"))
    return value


def _entries(entry: Any, deployment: Deployment) -> Iterator[Any]:
    """What an entry of a list becomes: a network that stands for pods, one for each of their addresses."""
    if isinstance(entry, str) and cast.stood_in(entry):
        yield from _networks(entry, deployment)
    elif isinstance(entry, Mapping) and cast.stood_in((entry.get("ipBlock") or {}).get("cidr", "")):
        yield from ({"ipBlock": {"cidr": network}} for network in _networks(entry["ipBlock"]["cidr"], deployment))
    else:
        yield _for_the_run(entry, deployment)


def _networks(stand_in: str, deployment: Deployment) -> Iterator[str]:
    address, _, length = stand_in.partition("/")
    slot, family = cast.stood_in(stand_in), family_of(address)
    for probe in deployment.available():
        if probe.slot == slot and family in probe.addresses:
            yield f"{probe.addresses[family]}/{length}"
