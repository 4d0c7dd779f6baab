"""The namespace that a run is given: its Pod Security level and its quotas. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from podwire.doctor.remark import Remark

Object = dict[str, Any]
_LEVEL = "pod-security.kubernetes.io/enforce"


def remarks_on_namespace(namespace: Object, quotas: Sequence[Object]) -> Iterator[Remark]:
    """Remarks on a namespace that a run uses instead of its own."""
    name = namespace["metadata"]["name"]
    level = str((namespace["metadata"].get("labels") or {}).get(_LEVEL, ""))
    if level in ("baseline", "restricted"):
        yield Remark(
            state="stop",
            what=f"namespace: {name} enforces the Pod Security level {level}",
            why="host probes are on the node's network and HostProcess on Windows, which only privileged admits",
            do=f"kubectl label --overwrite namespace {name} {_LEVEL}=privileged",
        )
    for quota in quotas:
        hard, used = (quota.get("status") or {}).get("hard") or {}, (quota.get("status") or {}).get("used") or {}
        for kind in ("pods", "services", "count/pods", "count/services"):
            if kind in hard:
                yield Remark(
                    state="note",
                    what=f"namespace: its quota admits {hard[kind]} {kind}, and {used.get(kind, '0')} are used",
                    why="a pod or Service that the quota refuses costs the cases that need it",
                    do="compare with the pods of `podwire plan`, and raise the quota where it is less",
                )
    if level not in ("baseline", "restricted") and not quotas:
        yield Remark(state="good", what=f"namespace: {name} admits privileged pods and has no quota")
