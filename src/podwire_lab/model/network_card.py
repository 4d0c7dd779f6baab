"""The addresses of a Windows node's one network card on EC2, and the controller that keeps some ready for pods.

Source: amazon-vpc-resource-controller-k8s, docs/windows, configuration options of both modes. The lab's controller
assigns
addresses at once, which takes the real one a second or two, and releases none: no document says when that happens.
"""

from __future__ import annotations

from collections.abc import Set

from podwire_lab.model.addresses import NodePlan, PodNetworks

WARM, MINIMUM, WARM_PREFIXES = 3, 3, 1
"""As in the lab's ConfigMap; `MINIMUM` is the documented default, which the ConfigMap leaves out."""
PREFIX = 16


class NetworkCard:
    """The card of one node. A pod gets one of the addresses that the card has already.

    Addresses are known by their number in the node's part of the network. Faults change two things: without
    `keeps_ready` one is assigned when a pod needs it, and `others` are the MACs of further cards that EC2 tells.
    """

    def __init__(self, plan: NodePlan, *, prefixes: bool) -> None:
        self.prefixes, self.keeps_ready = prefixes, True
        self.others: tuple[str, ...] = ()
        self._plan = plan
        self._assigned: list[int] = []

    @property
    def addresses(self) -> list[str]:
        """The numbers of the card's addresses for pods, in the order of assignment; in prefix mode the first of each
        prefix."""
        return [self._plan.pod_address("ipv4", number) for number in self._assigned]

    def has(self, number: int) -> bool:
        """Whether a pod may get this address."""
        return (number - number % PREFIX if self.prefixes else number) in self._assigned

    def prepare(self, pods: PodNetworks, taken: Set[int]) -> None:
        """Assign an address to the card if a pod can get none of those that it has."""
        if not any(self.has(number) for number in set(range(pods.first, pods.last + 1)) - taken):
            self._assign(pods)

    def keep_ready(self, pods: PodNetworks, taken: Set[int]) -> None:
        """Assign the addresses that the controller keeps ready beside those in use, as far as there are any."""
        while self.keeps_ready and self._wants_more(taken) and self._assign(pods):
            pass

    def _wants_more(self, taken: Set[int]) -> bool:
        if self.prefixes:
            started = {number - number % PREFIX for number in taken}
            return len(set(self._assigned) - started) < WARM_PREFIXES
        return len(set(self._assigned) - taken) < WARM or len(self._assigned) < MINIMUM

    def _assign(self, pods: PodNetworks) -> bool:
        step = PREFIX if self.prefixes else 1
        left = next((n for n in range(pods.first, pods.last + 1, step) if n not in self._assigned), None)
        if left is not None:
            self._assigned.append(left)
        return left is not None
