"""Versions of the API server, kubelets and runtimes that do not fit each other. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from podwire.doctor.remark import Remark
from podwire.model.facts import NodeFacts

OLDEST_KUBELET = 3
"""A kubelet may be up to three minor versions older than the API server and never newer (kubernetes.io: Version Skew
Policy)."""

_THROUGH_KUBELET = "ExtendWebSocketsToKubelet"
"""The API server of 1.36 hands the WebSocket of an exec on to a kubelet that declares this (kubernetes 136256). With
cri-dockerd the exec then ends in "server gave HTTP response to HTTPS client" (cri-dockerd 560)."""


def minor(version: str) -> tuple[int, int] | None:
    """`(1, 36)` of `v1.36.2-gke.100`; None for what is no version."""
    match = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else None


def remarks_on_versions(server: str, nodes: Iterable[NodeFacts]) -> Iterator[Remark]:
    """Remarks on the kubelets of the nodes, and on runtimes that break an exec."""
    ours, nodes = minor(server), tuple(nodes)
    if ours is None:
        yield Remark(
            state="unknown", what="versions: the API server hides its version", why="skew of kubelets cannot be told"
        )
    skewed = defaultdict(list)
    for node in nodes:
        kubelet = minor(node.software.kubelet)
        if ours and kubelet and not 0 <= ours[1] - kubelet[1] <= OLDEST_KUBELET:
            skewed[node.software.kubelet].append(node.name)
    for kubelet_version, names in skewed.items():
        yield Remark(
            state="note",
            what=f"versions: kubelet {kubelet_version} of {_some(names)} beside API server {server}",
            why="Kubernetes supports kubelets of up to three minor versions before the API server's, and none after it",
            do="upgrade these nodes, or leave them out with --nodes or --node-selector",
        )
    broken = [
        node.name
        for node in nodes
        if node.software.runtime.startswith("docker://") and _THROUGH_KUBELET in node.software.features
    ]
    if broken:
        yield Remark(
            state="stop",
            what=f"versions: {_some(broken)} run Docker by cri-dockerd, and their kubelet takes WebSockets itself",
            why="an exec there ends in 'server gave HTTP response to HTTPS client' (cri-dockerd 560)",
            do=f"turn the feature gate {_THROUGH_KUBELET} of the API server off, or use a cri-dockerd that mends it",
        )
    if ours and not skewed and not broken:
        kubelets = sorted({node.software.kubelet for node in nodes if node.software.kubelet})
        theirs = f"kubelets {', '.join(kubelets)}" if kubelets else "and its kubelets tell none"
        yield Remark(state="good", what=f"versions: API server {server}, {theirs}")


def _some(names: list[str]) -> str:
    """Up to three names, and how many more."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
