"""kube-proxy: gates that its version refuses, and pods of it that end again and again. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from podwire.cluster.discovery.kube_proxy import all_arguments, all_configs
from podwire.doctor.remark import Remark
from podwire.doctor.versions import minor

Object = dict[str, Any]

LAST_KNOWN: Mapping[str, tuple[int, int]] = {
    "IPv6DualStack": (1, 24),
    "WindowsEndpointSliceProxying": (1, 24),
    "ServiceInternalTrafficPolicy": (1, 27),
    "ProxyTerminatingEndpoints": (1, 29),
}
"""The last version that knows a gate (kubernetes.io: Feature Gates (removed)). A later kube-proxy does not start."""

LOCKED: Mapping[str, tuple[int, int]] = {"WinDSR": (1, 34), "WinOverlay": (1, 34)}
"""Gates that are true and locked from this version on: a kube-proxy that is told `false` ends at its start (kubernetes
133042; Azure/AgentBaker 6925: Windows pods without Services and DNS)."""


def remarks_on_kube_proxy(
    objects: Mapping[str, Sequence[Object]], pods: Sequence[Object], server: str
) -> Iterator[Remark]:
    """Remarks on gates in kube-proxy's configurations and command lines, and on restarts of its pods.

    `objects` are ConfigMaps and DaemonSets by kind; the version of a kube-proxy is taken to be the API server's.
    """
    ours, wrong = minor(server), False
    for source, gate, on in _gates(objects):
        if ours and gate in LAST_KNOWN and ours > LAST_KNOWN[gate]:
            last = ".".join(map(str, LAST_KNOWN[gate]))
            problem = f"sets the feature gate {gate}, which no version after {last} knows"
        elif ours and gate in LOCKED and ours >= LOCKED[gate] and not on:
            first = ".".join(map(str, LOCKED[gate]))
            problem = f"sets the feature gate {gate} to false, and it is locked to true since {first}"
        else:
            continue
        wrong = True
        yield Remark(
            state="note",
            what=f"kube-proxy: {source} {problem}",
            why="a kube-proxy of this version does not start with it: no Service and no DNS on its nodes",
            do=f"take {gate} out of it",
        )
    for pod in pods:
        if "kube-proxy" in pod["metadata"]["name"] and (told := _trouble(pod)):
            wrong = True
            yield Remark(
                state="note",
                what=f"kube-proxy: pod {pod['metadata'].get('namespace', '')}/{pod['metadata']['name']} {told}",
                why="Services and DNS of its node may be stale or dead",
                do=f"kubectl -n {pod['metadata'].get('namespace', '')} logs --previous {pod['metadata']['name']}",
            )
    if not wrong:
        yield Remark(state="good", what="kube-proxy: no restart, and no gate that its version refuses")


def _gates(objects: Mapping[str, Sequence[Object]]) -> Iterator[tuple[str, str, bool]]:
    """Each gate that is set: where, its name, and whether it is on."""
    lists = {kind: list(items) for kind, items in objects.items()}
    for _, source, tree in all_configs(lists):
        gates = tree.get("featureGates")
        for gate, on in (gates if isinstance(gates, dict) else {}).items():
            yield source, str(gate), bool(on)
    for _, source, words in all_arguments(lists):
        for told in re.findall(r"--feature-gates[=\s]([\w=,]+)", words):
            for pair in told.split(","):
                gate, _, on = pair.partition("=")
                yield source, gate, on.lower() == "true"


def _trouble(pod: Object) -> str:
    """What is wrong with a pod by the status of its containers, in words; '' for nothing."""
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "", "ContainerCreating"):
            return f"is in {waiting['reason']}"
        if container.get("restartCount"):
            count = container["restartCount"]
            return f"has started again {count} time{'' if count == 1 else 's'}"
    return ""
