"""The Services of a run: made before the pods, complete once these are ready."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.manifests import HEADLESS_SERVICE
from podwire.cluster.deployment.names_of_load_balancers import LookUp, addresses_of
from podwire.cluster.deployment.waiting import wait_for_endpoints
from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.errors import ApiError, ClusterError, MalformedAnswer, concerns_the_run
from podwire.model.addressing.nobody import Nobody, TooFew, nobody_of
from podwire.model.changes.endpoint_lists import AT_FIRST
from podwire.model.facts import ClusterFacts, Family, family_of
from podwire.planning.prerequisites import OWN_SLICES

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ServicePort:
    """A port of a Service. `node_port` is None where it has none; `target` is a number, or a name."""

    port: int
    protocol: str
    node_port: int | None = None
    target: int | str = 0


@dataclass(frozen=True, kw_only=True)
class DeployedService:
    """A Service of the run. Addresses are by family; `ports` by name, in the order of the object. `ingress_names` are
    those of its load balancer, which may have no address that the API tells (AWS)."""

    kind: str
    name: str
    pod: str = ""
    cluster_ips: Mapping[Family, str] = field(default_factory=dict)
    ingress: Mapping[Family, str] = field(default_factory=dict)
    external_ips: Mapping[Family, str] = field(default_factory=dict)
    ports: Mapping[str, ServicePort] = field(default_factory=dict)
    health_port: int | None = None
    is_load_balancer: bool = False
    ingress_names: tuple[str, ...] = ()

    def port_for(self, protocol: str, name: str = "") -> ServicePort | None:
        """The port for a protocol (`tcp`, `udp`, `sctp`; HTTP is TCP), the first one or that whose name begins so."""
        transport = {"http": "tcp"}.get(protocol, protocol)
        for key, port in self.ports.items():
            if port.protocol == transport and key.startswith(name):
                return port
        return None


def deployed(kind: str, pod: str, obj: Object) -> DeployedService:
    """What the API says of a Service."""
    spec, status = obj["spec"], obj.get("status") or {}
    ingress = ((status.get("loadBalancer") or {}).get("ingress")) or []
    return DeployedService(
        kind=kind,
        name=obj["metadata"]["name"],
        pod=pod,
        cluster_ips=_by_family(ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip and ip != "None"),
        ingress=_by_family(entry["ip"] for entry in ingress if entry.get("ip")),
        external_ips=_by_family(spec.get("externalIPs") or ()),
        ports={
            str(port.get("name", "")): ServicePort(
                port=port["port"],
                protocol=port.get("protocol", "TCP").lower(),
                node_port=port.get("nodePort"),
                target=port.get("targetPort", port["port"]),
            )
            for port in spec.get("ports") or ()
        },
        health_port=spec.get("healthCheckNodePort"),
        is_load_balancer=spec.get("type") == "LoadBalancer",
        ingress_names=tuple(str(entry["hostname"]) for entry in ingress if entry.get("hostname")),
    )


def _by_family(addresses: Iterable[str]) -> dict[Family, str]:
    by_family: dict[Family, str] = {}
    for address in addresses:
        by_family.setdefault(family_of(address), address)
    return by_family


class Services:
    """The Services of one run, by kind and by the probe behind them ('' for one with other backends)."""

    def __init__(
        self,
        rest: RestClient,
        namespace: str,
        run_id: str,
        wanted: Sequence[tuple[str, str]],
        look_up: LookUp = addresses_of,
        nobody: Nobody | None = None,
    ) -> None:
        self.nobody = nobody or nobody_of(ClusterFacts())
        """Where addresses that no host has are taken from."""
        self.addressed = 0.0
        """The monotonic second in which the last load balancer had its address; 0: none was awaited."""
        self.resolver = manifests.resolver_of_nobody(self.nobody)
        """The DNS server that no host is, as the run's resolver file has it; '' for none."""
        self._rest, self._namespace, self._run_id, self._look_up = rest, namespace, run_id, look_up
        self._wanted = tuple(wanted)
        self.found: dict[tuple[str, str], DeployedService] = {}
        self.problems: dict[tuple[str, str], str] = {}

    def apply(self, threads: Executor, external_name: str = "") -> None:
        """Make them all, and the one that gives pods their names. One that the API refuses is the problem of the cases
        that need it; others go on."""
        numbers: dict[str, int] = {}
        creations = {}
        names = threads.submit(self._rest.apply, manifests.headless_service(self._run_id))
        for kind, pod in self._wanted:
            numbers[kind] = numbers.get(kind, -1) + 1
            obj = manifests.service(self._run_id, kind, pod, numbers[kind], self.nobody)
            if obj["spec"].get("type") == "ExternalName":
                obj["spec"]["externalName"] = external_name
            creations[kind, pod] = threads.submit(self._rest.apply, obj)
        for key, future in creations.items():
            try:
                self.found[key] = self._read(key, future.result())
            except (ApiError, MalformedAnswer) as error:
                self._refused(key, error)
        try:
            names.result()
        except ApiError as error:
            self._refused((HEADLESS_SERVICE, ""), error)

    def _read(self, key: tuple[str, str], obj: Object) -> DeployedService:
        """What the API says of one Service. Raises `MalformedAnswer`."""
        with understood("its ports"):
            return deployed(*key, obj)
        raise AssertionError("not reached")

    def _refused(self, key: tuple[str, str], error: ApiError | MalformedAnswer) -> None:
        """The problem of one Service, or the error itself where it is the whole run's."""
        if concerns_the_run(error):
            raise error
        why = f"the API server refuses it: {error.message}" if isinstance(error, ApiError) else str(error)
        self.problems[key] = f"Service {manifests.service_name(*key)}: {why}"

    def complete(
        self,
        addresses: Sequence[tuple[str, str]],
        ready: Iterable[str],
        seconds: float = 60.0,
        pods: Mapping[str, tuple[str, Mapping[Family, str]]] = MappingProxyType({}),
    ) -> list[str]:
        """Once the pods are ready: endpoints by hand where a Service has no selector, endpoints and addresses awaited.

        `addresses` are those of the usual probes with their nodes, `ready` the probes that came up, `pods` the node and
        the addresses of each probe. Returns what is not as it should be, a line each; the cases that need it say so
        too.
        """
        self.nobody = self.nobody.without(address for address, _ in addresses)
        for kind in {kind for kind, _ in self.found if manifests.crowd_size(kind)}:
            try:
                for obj in manifests.endpoint_slices(self._run_id, kind, addresses, self.nobody):
                    self._rest.apply(obj)
            except TooFew as few:
                self.problems[kind, ""] = f"Service {kind} {few}"
            except ApiError as error:
                self._refused((kind, ""), error)
        for key, service in self.found.items():
            if service.kind in OWN_SLICES and service.pod in pods:
                node, own = pods[service.pod]
                slices = manifests.own_slices(self._run_id, *key, node, service.cluster_ips, own, ready=True)
                try:
                    for obj in slices:
                        self._rest.apply(obj)
                except ApiError as error:
                    self._refused(key, error)
        up = set(ready)
        served = {
            service.name: service.pod
            for service in self.found.values()
            if service.pod in up and service.kind not in AT_FIRST
        }
        lines = [
            f"Service {name} has no ready endpoint yet, although its pod is ready"
            for name in sorted(wait_for_endpoints(self._rest, self._namespace, served))
        ]
        return lines + self._await_addresses(seconds)

    def _await_addresses(self, seconds: float) -> list[str]:
        """Until every load balancer has an address, told or behind its name, or for that long."""
        self.addressed = time.monotonic()
        end, pause = self.addressed + seconds, 0.02
        while waiting := self._without_address():
            named = {self.found[key].name: key for key in waiting}
            with contextlib.suppress(ClusterError), understood("the Services"):  # It is asked again.
                for obj in self._rest.list("services", self._namespace):
                    key = named.get(obj["metadata"]["name"])
                    if key is not None:
                        self.found[key] = self._resolved(deployed(*key, obj), end)
                        self.addressed = time.monotonic()
            if time.monotonic() >= end:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
        for key in self._without_address():
            service = self.found[key]
            problem = f"got no load balancer address in {seconds:.0f} s"
            if service.ingress_names:
                names = ", ".join(service.ingress_names)
                problem = f"has a load balancer with a name ({names}) that led to no address in {seconds:.0f} s"
            self.problems[key] = f"Service {service.name} {problem}"
        return [self.problems[key] for key in self._without_address()]

    def _resolved(self, service: DeployedService, end: float) -> DeployedService:
        """With the addresses behind the names of its load balancer, where the API tells none."""
        if service.ingress:
            return service
        addresses = [ip for name in service.ingress_names for ip in self._look_up(name, end - time.monotonic())]
        return replace(service, ingress=_by_family(addresses))

    def _without_address(self) -> list[tuple[str, str]]:
        return [key for key, service in self.found.items() if service.is_load_balancer and not service.ingress]
