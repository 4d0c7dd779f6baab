"""What a run changes in the cluster between its flows, and the fact that tells that it is done.

A change is named in `@flows(after=...)`. All changes are made together, once the flows that need the cluster as it was
have been answered, and while the silent ones wait; each is bounded, and how long it took is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.filling import calico_filled, vpc_filled
from podwire.cluster.deployment.services import deployed
from podwire.cluster.deployment.workloads import Deployment
from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.errors import ClusterError, NotFound, concerns_the_run

Change = Callable[[RestClient, Deployment], Sequence[Callable[[], bool]]]
PATIENCE = 30.0
"""Seconds for the API to show a change; Kubernetes' own tests give Windows nodes twice what they give Linux nodes."""


def first_twin_deleted(rest: RestClient, deployment: Deployment) -> Sequence[Callable[[], bool]]:
    """Of two Services with the same backend, the first is deleted."""
    conditions = []
    for key, service in list(deployment.services.found.items()):
        if service.kind == "twin-first":
            deployment.former[key] = service
            with _its_own_problem(deployment, key, "be deleted"):
                rest.delete("services", deployment.namespace, service.name)
                conditions.append(_is_gone(rest, "services", deployment.namespace, service.name))
    return conditions


def service_recreated(rest: RestClient, deployment: Deployment) -> Sequence[Callable[[], bool]]:
    """A Service is deleted and made again with another address, another port and another type."""
    for key, service in list(deployment.services.found.items()):
        if service.kind != "recreated":
            continue
        deployment.former[key] = service
        with _its_own_problem(deployment, key, "be made again"):
            rest.delete("services", deployment.namespace, service.name)
            _await(_is_gone(rest, "services", deployment.namespace, service.name))
            obj = manifests.service(deployment.run_id, service.kind, service.pod)
            obj["spec"]["type"] = "NodePort"
            for port in obj["spec"]["ports"]:
                port["port"] += 1
            new_service = deployed(service.kind, service.pod, rest.apply(obj))
            if new_service.cluster_ips == service.cluster_ips:
                raise ClusterError("the API server gave it its former address")
            deployment.services.found[key] = new_service
    return ()


@contextmanager
def _its_own_problem(deployment: Deployment, key: tuple[str, str], change: str) -> Iterator[None]:
    """What goes wrong with one Service, in words for its cases; others are changed all the same."""
    try:
        with understood("the cluster"):
            yield
    except ClusterError as error:
        if concerns_the_run(error):
            raise
        name = manifests.service_name(*key)
        deployment.services.problems[key] = f"Service {name} could not {change}: {error}"


def pods_leaving(rest: RestClient, deployment: Deployment) -> Sequence[Callable[[], bool]]:
    """Pods are deleted that serve until their grace period ends."""
    leaving = [probe.pod for probe in deployment.probes if probe.slot == "leaving"]
    for pod in leaving:
        rest.delete("pods", deployment.namespace, pod)
    addresses = {ip for probe in deployment.probes if probe.pod in leaving for ip in probe.addresses.values()}

    def all_terminating() -> bool:
        """The EndpointSlices call their endpoints terminating."""
        ends = [
            endpoint
            for endpoint_slice in rest.list("endpointslices", deployment.namespace)
            for endpoint in endpoint_slice.get("endpoints") or ()
            if addresses & set(endpoint.get("addresses") or ())
        ]
        return all((end.get("conditions") or {}).get("ready") is False for end in ends if not _of_pods_service(end))

    return [all_terminating]


def backend_gone(rest: RestClient, deployment: Deployment) -> Sequence[Callable[[], bool]]:
    """Of two pods behind a Service one is deleted, with no time to say good-bye."""
    leaving = [probe for probe in deployment.probes if probe.slot == "outlived-gone"]
    addresses = {ip for probe in leaving for ip in probe.addresses.values()}
    for probe in leaving:
        rest.delete("pods", deployment.namespace, probe.pod, grace=1)

    def no_endpoint() -> bool:
        """No EndpointSlice has an address of the pod any more."""
        slices = rest.list("endpointslices", deployment.namespace)
        return not any(
            addresses & set(end.get("addresses") or ())
            for endpoint_slice in slices
            for end in endpoint_slice.get("endpoints") or ()
        )

    return [no_endpoint, *(_is_gone(rest, "pods", deployment.namespace, probe.pod) for probe in leaving)]


def pods_guarded(rest: RestClient, deployment: Deployment) -> Sequence[Callable[[], bool]]:
    """A network policy is made for pods that every client could reach; the API does not show when nodes enforce it."""
    rest.apply(manifests.network_policy(deployment.run_id, "guarded"))
    return ()


def affinity_idle(rest: RestClient, deployment: Deployment) -> Sequence[Callable[[], bool]]:
    """No client talks to the Services with short affinity until the timeout is over, and one second more."""
    spec = manifests.service(deployment.run_id, "affinity-short")["spec"]
    over = time.monotonic() + spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] + 1
    return [lambda: time.monotonic() >= over]


def _of_pods_service(endpoint: Mapping[str, object]) -> bool:
    """The Service that names pods publishes them whether they are ready or not."""
    return bool(endpoint.get("hostname"))


CHANGES: Mapping[str, Change] = {
    "first-twin-deleted": first_twin_deleted,
    "service-recreated": service_recreated,
    "pods-leaving": pods_leaving,
    "backend-gone": backend_gone,
    "pods-guarded": pods_guarded,
    "affinity-idle": affinity_idle,
    "calico-node-filled": calico_filled,
    "vpc-node-filled": vpc_filled,
}


LASTING: Mapping[str, float] = {
    "first-twin-deleted": float("inf"),
    "service-recreated": float("inf"),
    "pods-guarded": float("inf"),
    "pods-leaving": 90.0,
}
"""Seconds for which a change holds, so that flows that follow it can be asked again. Pods that leave serve for 170 s;
an affinity that has run out ends with the first flow that follows."""


def make_changes(rest: RestClient, deployment: Deployment, names: Sequence[str]) -> dict[str, str]:
    """Make these changes and wait until the API shows them. Returns by name why one could not be made."""
    problems: dict[str, str] = {}
    waiting: list[tuple[str, Callable[[], bool]]] = []
    for name in names:
        try:
            with understood("the cluster"):
                waiting += [(name, shown) for shown in CHANGES[name](rest, deployment)]
        except ClusterError as error:
            problems[name] = f"podwire could not make the change '{name}': {error}"
    for name, shown in waiting:
        try:
            with understood("the cluster"):
                _await(shown)
        except ClusterError as error:
            problems[name] = f"podwire could not see the change '{name}': {error}"
    return problems


def _await(shown: Callable[[], bool]) -> None:
    end, pause = time.monotonic() + PATIENCE, 0.02
    while not shown():
        if time.monotonic() >= end:
            raise ClusterError(f"the API server did not show it within {PATIENCE:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _is_gone(rest: RestClient, resource: str, namespace: str, name: str) -> Callable[[], bool]:
    def gone() -> bool:
        try:
            rest.get(resource, namespace, name)
        except NotFound:
            return True
        return False

    return gone
