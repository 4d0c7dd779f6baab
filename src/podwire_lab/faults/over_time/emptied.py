"""Faults of Services that lose all their endpoints, and get them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from podwire_lab.faults.fault import Injection, fault
from podwire_lab.faults.over_time.churn import Key, key_of
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.network.node import Node

Change = Callable[[ServiceRule, ServiceRule], ServiceRule]
NOBODY_EVEN_SO = ("CHURN-NONE-AND-BACK", "STREAM-ONE-WAY", "STREAM-ONE-WAY-WINDOWS")


def _once_emptied(do: Injection, nodes: Sequence[Node], change: Change) -> None:
    """Change each Service that has lost all its endpoints, from then on. `change` gets what it was when it had some
    last, and what it is."""
    for node in nodes:
        do.rewrite(node, _Emptied(change))


class _Emptied:
    def __init__(self, change: Change) -> None:
        self._change = change
        self._served: dict[Key, ServiceRule] = {}
        self._emptied: set[Key] = set()

    def __call__(self, services: Sequence[ServiceRule]) -> Sequence[ServiceRule]:
        return [self._changed(service) for service in services]

    def _changed(self, service: ServiceRule) -> ServiceRule:
        key = key_of(service)
        if service.endpoints:
            self._served[key] = service
        elif key in self._served:
            self._emptied.add(key)
        return self._change(self._served[key], service) if key in self._emptied else service


@fault("emptied-services-keep-the-last-endpoints", kills=NOBODY_EVEN_SO)
def emptied_services_keep_the_last_endpoints(do: Injection) -> None:
    """All nodes go on with the endpoints that a Service had last when it loses all of them."""
    _once_emptied(do, do.nodes(), lambda served, now: replace(now, endpoints=served.endpoints))


@fault("emptied-services-stay-empty-on-linux", kills=("CHURN-NONE-AND-BACK", "STREAM-ONE-WAY"))
def emptied_services_stay_empty_on_linux(do: Injection) -> None:
    """Linux nodes refuse connections to a Service that has lost all its endpoints, also when it gets them back."""
    _once_emptied(do, do.nodes("linux"), lambda served, now: replace(now, endpoints=()))


@fault("services-come-back-with-one-endpoint", kills=("CHURN-NONE-AND-BACK",))
def services_come_back_with_one_endpoint(do: Injection) -> None:
    """A Service that had lost all its endpoints has the first of them only, on all nodes, when it gets them back."""
    _once_emptied(do, do.nodes(), lambda served, now: replace(now, endpoints=now.endpoints[:1]))
