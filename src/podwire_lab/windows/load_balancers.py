"""The load balancers that HNS of an emulated Windows node holds, from one sync of kube-proxy to the next.

Nearly all of them follow from the Services as they are. One does not: the load balancer of a node port or of an
external address outlives the moment at which all endpoints of a Service with an ingress address stop being ready, if
its endpoints are the same as before. kube-proxy would make none then, but finds the old one to be what it would make,
and leaves it (pkg/proxy/winkernel/proxier.go, deleteExistingLoadBalancer; `tests/recordings/winkernel`: 13 of 400
walks). It goes with the next change of the Service or of these endpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.model.profile import Profile
from podwire_lab.windows.services import Balancer, Held, Identity, balancers


class LoadBalancers:
    """What one kube-proxy has programmed since it started."""

    def __init__(self) -> None:
        self.held: Held = {}
        """Every Service port of the last sync with its load balancers, none for some."""
        self.remembers = True
        """False with a fault: every sync is that of a fresh kube-proxy."""
        self._known: dict[ServiceRule, frozenset[Identity]] = {}

    def sync(self, node: NodePlan, profile: Profile, services: Sequence[ServiceRule]) -> Held:
        """Program these Services on the node, and return what HNS holds then. The same Services change nothing.

        A Service port that differs in anything but its endpoints is a new one: kube-proxy removes all that the old one
        had (serviceMapChange). Where there is no kube-proxy, nothing is remembered.
        """
        families = profile.pod_families("windows")
        remembers = self.remembers and profile.windows.kube_proxy
        held: dict[ServiceRule, tuple[Balancer, ...]] = {}
        known: dict[ServiceRule, frozenset[Identity]] = {}
        for service in services:
            bare = replace(service, endpoints=())
            before = self._known.get(bare, frozenset()) if remembers else frozenset()
            made = tuple(balancers(node, profile, service, before)) if service.family in families else ()
            held[service], known[bare] = made, frozenset(balancer.identity for balancer in made)
        self.held, self._known = held, known
        return held

    def forget(self) -> None:
        """kube-proxy starts anew: it removes all load balancers, and makes at its first sync what a fresh one makes."""
        self.held, self._known = {}, {}
