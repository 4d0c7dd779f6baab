"""The kubelet's events about the schedulability of its node (pkg/kubelet/nodestatus)."""

from __future__ import annotations

from podwire_lab.controllers import events
from podwire_lab.controllers.controller import Controller
from podwire_lab.model.interfaces import Store


class NodeEvents(Controller):
    """Tells when a node is cordoned or uncordoned."""

    watches = ("nodes",)

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._cordoned: dict[str, bool] = {}

    def reconcile(self) -> None:
        for node in self._store.view("nodes"):
            name, cordoned = node["metadata"]["name"], bool((node.get("spec") or {}).get("unschedulable"))
            if self._cordoned.setdefault(name, False) != cordoned:
                self._cordoned[name] = cordoned
                reason = "NodeNotSchedulable" if cordoned else "NodeSchedulable"
                about = {**node, "kind": "Node"}
                events.record(self._store, about, reason, f"Node {name} status is now: {reason}", host=name)
