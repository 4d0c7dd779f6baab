"""The addresses of a Windows node's one network card on EC2, and the controller that keeps some ready for pods.

Sources: amazon-vpc-resource-controller-k8s, docs/windows, configuration options of both modes. It assigns what is
wanted at once, which takes the real one a second or two, and takes nothing back: no document tells when that is done.
"""

from __future__ import annotations

from collections.abc import Set

from podwire_lab.model.addresses import PodNetworks

WARM, MINIMUM, WARM_PREFIXES = 3, 3, 1
"""As the ConfigMap of the lab has it, and `MINIMUM`, of which that says nothing, as documented."""
PREFIX = 16


class NetworkCard:
    """Numbers of pods' addresses in their node's part of the network: those that the card has.

    A pod gets one that the card has already. Without `keeps_ready`, which is a fault, one is assigned when a pod needs
    it.
    """

    def __init__(self, *, prefixes: bool) -> None:
        self.prefixes, self.keeps_ready = prefixes, True
        self._assigned: list[int] = []

    @property
    def assigned(self) -> tuple[int, ...]:
        """What it has for pods, in order; in prefix mode the first number of each prefix."""
        return tuple(self._assigned)

    def has(self, number: int) -> bool:
        """Whether a pod may get this one."""
        return (number - number % PREFIX if self.prefixes else number) in self._assigned

    def prepare(self, pods: PodNetworks, taken: Set[int]) -> None:
        """Assign one to the card if a pod could get none of those that it has."""
        if not any(self.has(number) for number in set(range(pods.first, pods.last + 1)) - taken):
            self._assign(pods)

    def keep_ready(self, pods: PodNetworks, taken: Set[int]) -> None:
        """Assign what the controller is told to keep ready beside those that are taken, as far as there is any."""
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
