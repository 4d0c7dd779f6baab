"""What HNS of a Windows node lists: networks, endpoints, load balancers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from podwire.judging.listings import WHERE, Listing
from podwire.judging.parts import Observed, Wanted
from podwire.model.flows import Peer
from podwire.model.patterns import Unbound, meets
from podwire.model.verdicts import Finding
from podwire.platforms.hns import HnsEndpoint, endpoints_in, load_balancers_in, mode_told_by, networks_in


@dataclass(frozen=True)
class SubnetOf(Listing):
    """The address is of a subnet that HNS lists."""

    word, tool, subject = "hns.subnet_of", "hns-networks", "the networks of HNS"
    address: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"{self.address} is of a subnet that HNS lists"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        networks = self.listed(networks_in, observed)
        subnets = ", ".join(f"{network.name} {' and '.join(network.subnets) or 'none'}" for network in networks)
        met = any(network.has_room_for(str(bound.address)) for network in networks)
        expected = f"{self.address} ({bound.address}) of a subnet that HNS lists"
        yield Finding(expected=expected, actual=f"they are: {subnets or 'none'}", where=WHERE, met=met)


@dataclass(frozen=True)
class NetworksOf(Listing):
    """The networks that HNS lists are of this network mode."""

    word, tool, subject = "hns.networks_of", "hns-networks", "the networks of HNS"
    mode: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"the networks that HNS lists are of {self.mode}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        network_mode = mode_told_by(self.listed(networks_in, observed))
        expected = f"networks of HNS of the mode {bound.mode}"
        yield Finding(expected=expected, actual=network_mode.words, where=WHERE, met=network_mode.mode == bound.mode)


@dataclass(frozen=True)
class EndpointOf(Listing):
    """HNS has one endpoint for the pod, with its MAC; with `mode`, on a network of that mode."""

    word, tool, subject = "hns.endpoint_of", "hns-endpoints", "the endpoints of HNS"
    pod: Peer
    mode: Wanted = None

    def sentences(self) -> Iterator[str]:
        network = f", on a network of {self.mode}" if self.mode is not None else ""
        yield f"HNS has one endpoint for {self.pod}{network}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        endpoints = self.listed(endpoints_in, observed)
        address, mac = str(bound.pod.ip), str(bound.pod.mac)
        of_the_pod = [endpoint for endpoint in endpoints if endpoint.address == address]
        yield Finding(
            expected=f"one endpoint of HNS for {self.pod.ip} ({address}), with the MAC {mac}",
            actual=f"{len(of_the_pod)}: {', '.join(map(str, of_the_pod))}"
            if of_the_pod
            else f"none of {len(endpoints)}{_nowhere(endpoints)}",
            where=WHERE,
            met=[(endpoint.mac, endpoint.remote) for endpoint in of_the_pod] == [(mac, False)],
        )
        if self.mode is None or not of_the_pod:
            return
        modes = {endpoint.mode for endpoint in of_the_pod}
        if "" in modes:
            raise Unbound(f"the type of the network that the endpoint of {address} is of")
        expected, actual = f"its network of the mode {bound.mode}", f"it is {', '.join(sorted(modes))}"
        yield Finding(expected=expected, actual=actual, where=WHERE, met=modes == {bound.mode})


def _nowhere(endpoints: Sequence[HnsEndpoint]) -> str:
    """How many of them have no address, in words."""
    number = sum(not endpoint.address for endpoint in endpoints)
    return f", of which {number} {'has' if number == 1 else 'have'} no address" if number else ""


@dataclass(frozen=True)
class LoadBalancers(Listing):
    """HNS has so many load balancers."""

    word, tool, subject = "hns.load_balancers", "hns-load-balancers", "the load balancers of HNS"
    number: int

    def sentences(self) -> Iterator[str]:
        yield f"HNS has {self.number} load balancers"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        balancers = self.listed(load_balancers_in, observed)
        some = ", ".join(map(str, balancers[:5]))
        actual = f"{len(balancers)}{f': {some}' if some else ''}"
        expected = f"{self.number} load balancers of HNS"
        yield Finding(expected=expected, actual=actual, where=WHERE, met=len(balancers) == self.number)


@dataclass(frozen=True)
class Balances(Listing):
    """HNS has load balancers for the address, and all of these use Direct Server Return (`dsr=True`), or none does."""

    word, tool, subject = "hns.balances", "hns-load-balancers", "the load balancers of HNS"
    address: Wanted
    dsr: bool = field(kw_only=True)

    def sentences(self) -> Iterator[str]:
        yield f"HNS balances {self.address} {'with' if self.dsr else 'without'} DSR"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        balancers = self.listed(load_balancers_in, observed)
        of_it = [balancer for balancer in balancers if any(meets(ip, bound.address) for ip in balancer.addresses)]
        expected = f"load balancers of HNS for {self.address} ({bound.address}) {'with' if self.dsr else 'without'} DSR"
        actual = ", ".join(map(str, of_it)) if of_it else f"none of {len(balancers)}"
        met = bool(of_it) and all(balancer.dsr is self.dsr for balancer in of_it)
        yield Finding(expected=expected, actual=actual, where=WHERE, met=met)
