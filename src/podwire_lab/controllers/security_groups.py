"""Security groups for pods, as EKS has them on Linux nodes: a pod that a SecurityGroupPolicy selects gets an interface
of its own in the VPC, to which the policy's groups apply.

Sources: AWS, EKS user guide, security groups for pods; amazon-vpc-resource-controller-k8s, pod-eni, which serves no
Windows nodes. All groups of the lab are one group without inbound rules: it admits answers only. The pod's node
enforces it, not the hosts of the VPC.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from podwire_lab.controllers.controller import Controller
from podwire_lab.engines.selecting import selects
from podwire_lab.model.interfaces import NodeNetwork, Object, Store

POD_ENI = "vpc.amazonaws.com/pod-eni"
POLICIES = "securitygrouppolicies"


def awaits_interface(store: Store, pod: Object, supported: bool) -> bool:
    """Whether a pod cannot start yet: its node gives it an interface of its own, and the controller has not noted it.

    The VPC CNI plugin does not set a pod up before it finds the note (amazon-vpc-cni-k8s, ipamd: pod ENI).
    """
    noted = POD_ENI in (pod["metadata"].get("annotations") or {})
    return supported and not noted and _is_selected(pod, list(store.view(POLICIES)))


def _is_selected(pod: Object, policies: Sequence[Object]) -> bool:
    labels, namespace = pod["metadata"].get("labels") or {}, pod["metadata"]["namespace"]
    return not pod["spec"].get("hostNetwork") and any(
        policy["metadata"]["namespace"] == namespace and selects(policy["spec"]["podSelector"], labels)
        for policy in policies
        if "podSelector" in policy["spec"]
    )


class SecurityGroups(Controller):
    """Annotates each selected pod with its interface, and tells its node to admit nobody. `systems` are the operating
    systems of the nodes that support it.
    """

    watches = (POLICIES, "pods")

    def __init__(self, store: Store, nodes: Mapping[str, NodeNetwork], systems: Callable[[], Set[str]]) -> None:
        super().__init__(store)
        self._nodes, self._systems = nodes, systems

    def reconcile(self) -> None:
        closed: dict[str, list[str]] = {name: [] for name in self._nodes}
        for pod in list(self._selected()):
            node = self._nodes.get(pod["spec"].get("nodeName", ""))
            if node is None or node.os not in self._systems():
                continue
            if POD_ENI not in (pod["metadata"].get("annotations") or {}):
                self._note(pod)
            closed[node.name] += [address["ip"] for address in (pod.get("status") or {}).get("podIPs") or ()]
        for name, addresses in closed.items():
            self._nodes[name].set_closed(sorted(addresses))

    def _selected(self) -> Iterator[Object]:
        policies = list(self._store.view(POLICIES))
        for pod in self._store.view("pods") if policies else ():
            if _is_selected(pod, policies):
                yield pod

    def _note(self, pod: Object) -> None:
        """The controller's annotation, as far as the lab has such an interface."""
        meta = pod["metadata"]
        current = self._store.get("pods", meta["namespace"], meta["name"])
        if current is not None:
            note = [{"eniId": f"eni-{meta['uid'].replace('-', '')[:17]}", "vlanId": 1}]
            current["metadata"].setdefault("annotations", {})[POD_ENI] = json.dumps(note)
            self._store.update("pods", current)
