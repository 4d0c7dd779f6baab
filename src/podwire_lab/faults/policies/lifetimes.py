"""Faults of time: policies that come late, stay, or do not follow what changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from podwire_lab.faults.fault import CALICO, Injection, fault
from podwire_lab.faults.policies.mistakes import ALL, ENGINES, VARIATION, misremember, miswrite
from podwire_lab.model.policy_objects import PolicyObjects
from podwire_lab.network.policies import ObjectsChange

LATE_SECONDS = 60.0


@fault("policies-late", kills=("NP-INGRESS",), profiles=ENGINES)
def late(do: Injection) -> None:
    """Every change of a policy takes effect 60 seconds late."""
    for node in do.nodes():
        do.undone_by(partial(setattr, node.policies, "delay", node.policies.delay))
        node.policies.delay = LATE_SECONDS


@fault("policies-stay-after-deletion", kills=("NP-REMOVED",), profiles=ALL, variations=VARIATION)
def stay_after_deletion(do: Injection) -> None:
    """Policies that are deleted go on being enforced."""
    misremember(do, _kept)


def _kept() -> ObjectsChange:
    known: dict[tuple[str, str], dict[str, object]] = {}
    last = [PolicyObjects()]

    def remember(objects: PolicyObjects) -> PolicyObjects:
        known.update({(p["metadata"]["namespace"], p["metadata"]["name"]): p for p in objects.policies})
        # Without any policy, an engine of the lab gets no pods either.
        last[0] = objects if objects.pods else last[0]
        return replace(last[0], policies=tuple(known.values()))

    return remember


@fault("policies-keep-their-first-content", kills=("NP-CHANGED",), profiles=ENGINES)
def keep_their_first_content(do: Injection) -> None:
    """A policy that is changed goes on being enforced as it was made."""
    misremember(do, _first_content)


def _first_content() -> ObjectsChange:
    known: dict[tuple[str, str], dict[str, object]] = {}

    def remember(objects: PolicyObjects) -> PolicyObjects:
        policies = [known.setdefault((p["metadata"]["namespace"], p["metadata"]["name"]), p) for p in objects.policies]
        return replace(objects, policies=tuple(policies))

    return remember


@fault("policies-first-pod-labels", kills=("NP-CHANGED",), profiles=ENGINES)
def first_pod_labels(do: Injection) -> None:
    """A pod whose labels change goes on being selected by its first labels."""
    misremember(do, _first_labels)


def _first_labels() -> ObjectsChange:
    known: dict[tuple[str, ...], Mapping[str, str]] = {}

    def remember(objects: PolicyObjects) -> PolicyObjects:
        pods = [
            replace(pod, labels=known.setdefault((pod.namespace, pod.name, *pod.addresses), pod.labels))
            for pod in objects.pods
        ]
        return replace(objects, pods=tuple(pods))

    return remember


@fault("hns-startup-deny-stays", kills=("NP-DIRECTIONS",), profiles=CALICO)
def hns_startup_deny_stays(do: Injection) -> None:
    """On Windows nodes the ACL policy that blocks a new endpoint stays: while there are policies, pods get nothing."""
    miswrite(do, _nobody_known, "windows")


def _nobody_known(text: str) -> str:
    return text.replace("!= @known drop", "!= 0.0.0.0 drop")
