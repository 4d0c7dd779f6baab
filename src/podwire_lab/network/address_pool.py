"""The host numbers of pods in their node's pod CIDR; the address follows from the number."""

from __future__ import annotations

import time
from collections.abc import Set

from podwire_lab.model.addresses import PodNetworks
from podwire_lab.model.interfaces import NoAddressLeft
from podwire_lab.model.network_card import NetworkCard


class AddressPool:
    """Assigns numbers in turn, like host-local: an address is not reused at once.

    `rest` is how long, in seconds, no pod gets a number that was given back. `refusal` is the message when none is
    left. `card` is the network card that must have an address before a pod can get it, or None. Faults change all
    three.
    """

    def __init__(self, pods: PodNetworks, *, rest: float, refusal: str, card: NetworkCard | None) -> None:
        self.rest, self.refusal, self.card = rest, refusal, card
        self._next = pods.first
        self._given_back: dict[int, float] = {}
        if card:
            card.keep_ready(pods, set())

    def take(self, pods: PodNetworks, in_use: Set[int]) -> int:
        """A free number for another pod; `pods` are those of the node.

        Raises:
            NoAddressLeft: all are in use, or were given back too recently.
        """
        rested = time.monotonic() - self.rest
        self._given_back = {number: when for number, when in self._given_back.items() if when > rested}
        taken, card = in_use | self._given_back.keys(), self.card
        if card:
            card.prepare(pods, taken)
        for offset in range(pods.size):
            number = pods.first + (self._next - pods.first + offset) % pods.size
            if number not in taken and (card is None or card.has(number)):
                self._next = number + 1
                if card:
                    card.keep_ready(pods, taken | {number})
                return number
        raise NoAddressLeft(self.refusal)

    def give_back(self, number: int) -> None:
        """Give a pod's number back."""
        self._given_back[number] = time.monotonic()
