"""Whether the account may do what a run does: the API server is asked about every right of podwire's manifests.

The API server answers a SelfSubjectAccessReview for each verb (kubernetes.io: Authorization, "Checking API access").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from podwire.cluster.rest import RestClient
from podwire.cluster.threads import workers
from podwire.doctor.remark import Remark
from podwire.errors import ApiError, ClusterError

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_NEEDED = ("nodes", "namespaces", "pods", "services", "configmaps", "pods/exec")
"""Without these no run works; what else the manifests grant makes facts surer, or cases possible."""


@dataclass(frozen=True, order=True)
class Right:
    """A verb on a kind of object, as a rule of a Role has it. An empty namespace stands for all."""

    group: str
    resource: str
    verb: str
    namespace: str = ""

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{where}"


def rights_of(manifest: Path, namespace: str = "") -> Sequence[Right]:
    """The rights that the roles of a manifest grant, each once.

    `namespace` is the one that a run uses instead of its own; a Role there has the placeholder's name in the file.
    """
    rights: set[Right] = set()
    for role in yaml.safe_load_all(manifest.read_text("utf-8")):
        if (role or {}).get("kind") not in ("ClusterRole", "Role"):
            continue
        own = role["metadata"].get("namespace", "")
        where = namespace if namespace and own not in ("", "kube-system") else own
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                rights |= {Right(group, kind, verb, where) for kind in rule["resources"] for verb in rule["verbs"]}
    return sorted(rights)


def remarks_on_rights(rest: RestClient, rights: Sequence[Right], manifest: str) -> Iterator[Remark]:
    """A remark for each kind of object that the account may not use as a run does, or one that it may all.

    `manifest` is the file that grants the rights, as its path below the checkout.
    """
    with workers(8, "doctor") as threads:
        answers = list(threads.map(lambda right: _allowed(rest, right), rights))
    unasked = [why for why in answers if isinstance(why, str)]
    if unasked:
        yield Remark(
            state="unknown",
            what=f"rights: {len(unasked)} of {len(rights)} could not be asked for: {unasked[0]}",
            why="a right that is missing shows in the middle of a run",
        )
    missing = [right for right, allowed in zip(rights, answers, strict=True) if allowed is False]
    for (resource, needed), verbs in _by_resource(missing):
        yield Remark(
            state="stop" if needed else "note",
            what=f"rights: this account may not {verbs}",
            why=f"a run uses {resource} in this way" if needed else f"facts or cases that need {resource} are missing",
            do=f"kubectl apply -f {manifest}, and use its account",
        )
    if not missing and not unasked:
        yield Remark(state="good", what=f"rights: all {len(rights)} that a run uses")


def _allowed(rest: RestClient, right: Right) -> bool | str:
    """Whether the account has the right, or why that could not be asked."""
    resource, _, subresource = right.resource.partition("/")
    attributes: dict[str, Any] = {"group": right.group, "resource": resource, "verb": right.verb}
    attributes |= {"subresource": subresource} if subresource else {}
    attributes |= {"namespace": right.namespace} if right.namespace else {}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        answer = rest.request("create", "POST", _REVIEWS, body=review, what="an access review", repeatable=True)
    except (ApiError, ClusterError) as problem:
        return str(problem)
    status = answer.get("status")
    return bool(isinstance(status, dict) and status.get("allowed") is True)


def _by_resource(missing: Iterable[Right]) -> Iterator[tuple[tuple[str, bool], str]]:
    """The missing rights of each kind of object, as `create and get pods/exec in kube-system`."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for right in missing:
        kinds.setdefault((right.resource, right.namespace), []).append(right.verb)
    for (resource, namespace), verbs in kinds.items():
        where = f" in {namespace}" if namespace else ""
        yield (resource, resource in _NEEDED), f"{' or '.join(verbs)} {resource}{where}"
