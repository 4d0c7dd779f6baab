"""The readiness of a node, from its Node object. Pure."""

from __future__ import annotations

from typing import Any

from podwire.model.node_notes import SILENT

Object = dict[str, Any]
_MOST = 300
NO_CONDITION = "its kubelet has not reported yet"


def why_not_ready(node: Object) -> str:
    """The API's reason why a node is not ready, on one line without control characters; '' for a ready node.

    Any status but True is not ready. It is Unknown if the kubelet does not report (kubernetes.io: Node Status).
    """
    conditions = (node.get("status") or {}).get("conditions") or []
    ready: Object | None = next((condition for condition in conditions if condition.get("type") == "Ready"), None)
    if ready is None:
        return NO_CONDITION
    if ready.get("status") == "True":
        return ""
    words = str(ready.get("message") or ready.get("reason") or "")
    shown = "".join(mark if mark.isprintable() else " " for mark in words)
    return " ".join(shown.split())[:_MOST] or SILENT
