"""What a Node object says of its readiness. Pure."""

from __future__ import annotations

from typing import Any

from podwire.model.node_notes import SILENT

Object = dict[str, Any]
_MOST = 300
NO_CONDITION = "its kubelet has not reported yet"


def why_not_ready(node: Object) -> str:
    """The API's words for a node that is not ready, one line without control characters; '' for one that is.

    A status other than True is not ready. It is Unknown when the kubelet is not heard of (kubernetes.io: Node Status).
    """
    conditions = (node.get("status") or {}).get("conditions") or []
    ready: Object | None = next((one for one in conditions if one.get("type") == "Ready"), None)
    if ready is None:
        return NO_CONDITION
    if ready.get("status") == "True":
        return ""
    words = str(ready.get("message") or ready.get("reason") or "")
    shown = "".join(mark if mark.isprintable() else " " for mark in words)
    return " ".join(shown.split())[:_MOST] or SILENT
