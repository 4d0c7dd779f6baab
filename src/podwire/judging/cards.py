"""What EC2 tells of the network cards of the client's node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from podwire.judging.listings import WHERE, Listing
from podwire.judging.parts import Observed, Wanted
from podwire.model.verdicts import Finding
from podwire.platforms.warm_pools import card_in


@dataclass(frozen=True)
class HasAddress(Listing):
    """The network card has this address."""

    word, tool, subject = "card.has_address", "ec2-card", "the addresses of the network card"
    address: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"the network card has the address {self.address}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        card, address = self.listed(card_in, observed), str(bound.address)
        expected = f"{self.address} ({address}) an address of the network card"
        yield Finding(expected=expected, actual=f"they are: {card}", where=WHERE, met=card.has(address))


@dataclass(frozen=True)
class HasForPods(Listing):
    """The network card has at least so many addresses for pods."""

    word, tool, subject = "card.has_for_pods", "ec2-card", "the addresses of the network card"
    number: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"the network card has {self.number} addresses for pods, or more"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        card, least = self.listed(card_in, observed), int(bound.number)
        expected = f"{least} addresses for pods on the network card, or more"
        yield Finding(expected=expected, actual=f"{card.for_pods}: {card}", where=WHERE, met=card.for_pods >= least)


@dataclass(frozen=True)
class Count(Listing):
    """The node has so many network cards."""

    word, tool, subject = "card.count", "ec2-card", "the network cards"
    number: int

    def sentences(self) -> Iterator[str]:
        yield f"the number of network cards is {self.number}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        macs = self.listed(card_in, observed).macs
        expected = f"{self.number} network card{'' if self.number == 1 else 's'} of the node"
        met = len(macs) == self.number
        yield Finding(expected=expected, actual=f"{len(macs)}: {', '.join(macs)}", where=WHERE, met=met)
