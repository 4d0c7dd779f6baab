"""What HNS of a Windows node lists, where it is read at the start and at the end of each act."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from podwire.judging.listings import WHERE, EachReading, Listing
from podwire.judging.parts import Observed, Wanted
from podwire.model.facts import FAMILIES
from podwire.model.machines import ANY_FRONTEND, NODE_PORT
from podwire.model.patterns import OneOf, Unbound
from podwire.model.verdicts import Finding
from podwire.platforms.hns import ATTACHED, HnsEndpoint, endpoints_in, load_balancers_in
from podwire.platforms.hns_processes import Processes, as_text, processes_in
from podwire.platforms.vmswitch import ports_in

MOST_NAMED = 5
NO_MAC = "00:00:00:00:00:00"


def _texts(value: Wanted) -> tuple[str, ...]:
    return tuple(map(str, value.values)) if isinstance(value, OneOf) else (str(value),)


def _named(texts: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    more = f" and {len(texts) - MOST_NAMED} more" if len(texts) > MOST_NAMED else ""
    return ", ".join(texts[:MOST_NAMED]) + more


@dataclass(frozen=True)
class Attached(EachReading):
    """The HNS endpoints of these addresses are attached, all in one state, which endpoints of `others` have too."""

    word, tool, subject = "hns.attached", "hns-endpoints", "the endpoints of HNS"
    addresses: Wanted
    others: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"the HNS endpoints of {self.addresses} are attached, in one state, which is that of {self.others} too"

    def of_listing(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        listed = {endpoint.address: endpoint for endpoint in self.listed(endpoints_in, observed) if not endpoint.remote}
        own = [listed[address] for address in _texts(bound.addresses) if address in listed]
        missing = [address for address in _texts(bound.addresses) if address not in listed]
        others = [listed[address] for address in _texts(bound.others) if address in listed]
        if any(not endpoint.state for endpoint in (*own, *others)):
            raise Unbound("the state of an endpoint of HNS")
        states = {endpoint.state for endpoint in own}
        yield Finding(
            expected=f"HNS endpoints of the pods of this node ({', '.join(_texts(bound.addresses))}), all attached",
            actual=_states(own) + (f"; none for {', '.join(missing)}" if missing else ""),
            where=WHERE,
            met=not missing and states <= set(ATTACHED),
        )
        yield Finding(expected="all of them in one state", actual=_states(own), where=WHERE, met=len(states) < 2)
        if others:
            yield Finding(
                expected=f"a state that endpoints of other pods of this node have too ({_states(others)})",
                actual=_states(own),
                where=WHERE,
                met=states <= {endpoint.state for endpoint in others},
            )


def _states(endpoints: Sequence[HnsEndpoint]) -> str:
    return _named([f"{endpoint.address} {endpoint.state}" for endpoint in endpoints]) or "none"


@dataclass(frozen=True)
class MacsDiffer(EachReading):
    """No two ports of the virtual switch have one MAC; the ports of the network card and of the node itself may."""

    word, tool, subject = "hns.macs_differ", "vmswitch-ports", "the ports of the virtual switch"
    mac: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"no two ports of the virtual switch have one MAC, and one of them is {self.mac}"

    def of_listing(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        ports = self.listed(ports_in, observed)
        # The node's own virtual card takes the MAC of the network card that the switch is bound to.
        shared = {port.mac for port in ports if port.external} | {"", NO_MAC}
        counted = Counter(port.mac for port in ports if port.mac not in shared)
        twice = [str(port) for port in ports if counted[port.mac] > 1]
        listed = counted[str(bound.mac)] > 0  # A list without the pod's port would be an empty word.
        yield Finding(
            expected=f"one port for each MAC, and one with that of the pod ({bound.mac})",
            actual=f"one MAC at {_named(twice)}"
            if twice
            else f"{len(counted)} ports with a MAC each"
            if listed
            else f"none of {len(ports)} ports has that MAC",
            where=WHERE,
            met=listed and not twice,
        )


@dataclass(frozen=True)
class ServesServices(EachReading):
    """HNS has one load balancer for each of the `wanted` frontends, and none but these and the `possible` ones."""

    word, tool, subject = "hns.serves", "hns-load-balancers", "the load balancers of HNS"
    wanted: Wanted
    possible: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"HNS has one load balancer for each of {self.wanted}, and no other but {self.possible}"

    def of_listing(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        balancers = self.listed(load_balancers_in, observed)
        if any(balancer.port is None for balancer in balancers):
            raise Unbound("the port of a load balancer of HNS")
        counted = Counter(frontend for balancer in balancers for frontend in balancer.frontends)
        wanted, possible = set(_texts(bound.wanted)), set(_texts(bound.possible))
        missing = sorted(wanted - counted.keys())
        twice = sorted(frontend for frontend, number in counted.items() if number > _most(frontend))
        unknown = sorted(counted.keys() - wanted - possible) if ANY_FRONTEND not in possible else []
        most = "" if ANY_FRONTEND in possible else f" to {len(wanted | possible)}"
        problems = (("none for", missing), ("more than one for", twice), ("that no Service needs:", unknown))
        described = "; ".join(f"{words} {_named(frontends)}" for words, frontends in problems if frontends)
        yield Finding(
            expected=f"{len(wanted)}{most} load balancers of HNS, one for each address and port of a Service that the "
            "node serves",
            actual=f"{len(balancers)}{f': {described}' if described else ''}",
            where=WHERE,
            met=not described,
        )


def _most(frontend: str) -> int:
    """How many load balancers serve it: a node port has no address, and one load balancer for each family."""
    return len(FAMILIES) if frontend.startswith(f"{NODE_PORT} ") else 1


@dataclass(frozen=True)
class NotRestarted(Listing):
    """HNS and kube-proxy of the node are the processes that they were at the first reading."""

    word, tool, subject = "hns.not_restarted", "hns-processes", "the processes of HNS and kube-proxy"

    def sentences(self) -> Iterator[str]:
        yield "HNS and kube-proxy of the node run since before the first reading"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        readings = observed.observation.readings
        if len(readings) < 2:
            raise Unbound("the second reading of the processes of HNS and kube-proxy")
        (_, first), *later = [(reading.moment, self.listed(processes_in, observed, reading)) for reading in readings]
        moment, other = next(((moment, then) for moment, then in later if then.hns != first.hns), later[-1])
        yield Finding(
            expected=f"HNS running since {as_text(first.hns)}",
            actual=f"it runs since {as_text(other.hns)}, {moment}",
            where=WHERE,
            met=other.hns == first.hns,
        )
        moment, other = next(((moment, then) for moment, then in later if then.proxies != first.proxies), later[-1])
        if first.proxies or other.proxies:
            yield Finding(
                expected=f"kube-proxy running since {_since(first)}",
                actual=f"it runs since {_since(other)}, {moment}",
                where=WHERE,
                met=other.proxies == first.proxies,
            )


def _since(processes: Processes) -> str:
    return " and ".join(map(as_text, processes.proxies)) or "never: there is no such process"
