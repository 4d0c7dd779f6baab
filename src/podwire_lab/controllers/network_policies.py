"""Brings network policies, and what they refer to, to the policy engines of the nodes."""

from __future__ import annotations

from collections.abc import Mapping

from podwire_lab.controllers.controller import Controller
from podwire_lab.model.interfaces import NodeNetwork, Store
from podwire_lab.model.policy_objects import PolicyObjects, policy_objects


class NetworkPolicies(Controller):
    """Gives the engine of every node the same objects; each makes its own rules of them, for its own pods."""

    watches = ("networkpolicies", "pods", "namespaces")

    def __init__(self, store: Store, nodes: Mapping[str, NodeNetwork]) -> None:
        super().__init__(store)
        self._nodes = nodes
        self._given = PolicyObjects()

    def reconcile(self) -> None:
        policies = self._store.view("networkpolicies")
        objects = PolicyObjects()
        if policies:
            objects = policy_objects(policies, self._store.view("pods"), self._store.view("namespaces"))
        if objects == self._given:
            return
        for node in self._nodes.values():
            node.set_policies(objects)
        self._given = objects
