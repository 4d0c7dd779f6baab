"""Changes of Services: one deleted, one made anew, some left alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.changes.waits import Shown, await_shown, is_gone
from podwire.cluster.deployment.services import deployed
from podwire.cluster.deployment.workloads import Deployment
from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.errors import ClusterError, concerns_the_run


def first_twin_deleted(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Delete the first of two Services with the same backend."""
    gone = []
    for key, service in list(deployment.services.found.items()):
        if service.kind == "twin-first":
            deployment.former[key] = service
            with _its_own_problem(deployment, key, "be deleted"):
                rest.delete("services", deployment.namespace, service.name)
                gone.append(is_gone(rest, "services", deployment.namespace, service.name))
    return gone


def service_recreated(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Delete a Service and make it again with another address, another port and another type."""
    for key, service in list(deployment.services.found.items()):
        if service.kind != "recreated":
            continue
        deployment.former[key] = service
        with _its_own_problem(deployment, key, "be made again"):
            rest.delete("services", deployment.namespace, service.name)
            await_shown(is_gone(rest, "services", deployment.namespace, service.name))
            obj = manifests.service(deployment.run_id, service.kind, service.pod)
            obj["spec"]["type"] = "NodePort"
            for port in obj["spec"]["ports"]:
                port["port"] += 1
            made = deployed(service.kind, service.pod, rest.apply(obj))
            if made.cluster_ips == service.cluster_ips:
                raise ClusterError("the API server gave it its former address")
            deployment.services.found[key] = made
    return ()


def load_balancers_made(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Nothing is left to do: the Services were made with the run, and their addresses awaited."""
    return ()


@contextmanager
def _its_own_problem(deployment: Deployment, key: tuple[str, str], what: str) -> Iterator[None]:
    """What goes wrong with one Service, in words for its cases; others are changed all the same."""
    try:
        with understood("the cluster"):
            yield
    except ClusterError as error:
        if concerns_the_run(error):
            raise
        name = manifests.service_name(*key)
        deployment.services.problems[key] = f"Service {name} could not {what}: {error}"


SHORT_AFFINITY = ("affinity-short", "affinity-lapsing")


def affinity_idle(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Leave the Services with short affinity alone until the timeout is over, and one second more."""
    specs = [manifests.service(deployment.run_id, kind)["spec"] for kind in SHORT_AFFINITY]
    over = time.monotonic() + max(spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] for spec in specs) + 1
    return [lambda: time.monotonic() >= over]
