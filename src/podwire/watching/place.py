"""A watch's objects in its cluster: made, awaited and removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podwire.cluster.connect import Connection
from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.agent_archive import agent_archive
from podwire.cluster.deployment.claim import claim
from podwire.cluster.deployment.images import image_for
from podwire.cluster.deployment.services import DeployedService, deployed
from podwire.cluster.deployment.watch_workloads import service_name, workloads
from podwire.cluster.discovery.components import is_network
from podwire.cluster.rest import RestClient
from podwire.cluster.transport import Patience
from podwire.errors import ApiError, ClusterError, Forbidden, UsageError
from podwire.model.facts import OS, ClusterFacts, Family, NodeFacts
from podwire.model.gaps.paths import SYSTEMS
from podwire.running.run_options import ProbeOptions
from podwire.watching.plan import Places

Object = dict[str, Any]
Say = Callable[[str], object]

MOST_REPLICAS = 3
BALANCER_SECONDS = 60.0
ACCOUNT_SECONDS = 15.0
"""A new namespace gets its default service account a moment later."""


def network_pods(rest: RestClient) -> dict[str, str]:
    """The DaemonSets of kube-proxy and of the CNI: their namespaces, by name. Empty if they may not be listed."""
    try:
        return {
            str(one["metadata"]["name"]): str(one["metadata"].get("namespace", ""))
            for one in rest.list("daemonsets")
            if is_network(one["metadata"]["name"])
        }
    except Forbidden:
        return {}


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was made: how many pods there will be, the Deployment of each system, and what is not watched and why."""

    count: int
    deployments: Mapping[OS, Object]
    unwatched: Sequence[str]

    @property
    def replicas(self) -> dict[OS, int]:
        """How many pods each Deployment has."""
        return {os: int(obj["spec"]["replicas"]) for os, obj in self.deployments.items()}


def make(connection: Connection, facts: ClusterFacts, run_id: str, images: ProbeOptions) -> Made:
    """Make the namespace and all objects.

    Raises:
        UsageError: the namespace is not ours, or no node can take part.
        ClusterError: the cluster refuses something.
    """
    by_system: dict[OS, list[NodeFacts]] = {
        os: [node for node in facts.nodes if node.os == os and node.ready and node.schedulable] for os in SYSTEMS
    }
    if not any(by_system.values()):
        raise UsageError("no node is ready and schedulable: there is nothing to watch; podwire facts lists the nodes")
    taints = {
        node["metadata"]["name"]: (node.get("spec") or {}).get("taints") or [] for node in connection.rest.list("nodes")
    }
    claim(connection, run_id)
    connection.rest.apply(manifests.agent_configmap(run_id, agent_archive(), ""))
    count, deployments, unwatched = 0, {}, []
    for os, nodes in by_system.items():
        if not nodes:
            if any(node.os == os for node in facts.nodes):
                unwatched.append(f"no {os} node was ready when the watch began, so none of their paths was watched")
            continue
        replicas = min(max(len(nodes), 2), MOST_REPLICAS)
        every = [taint for node in nodes for taint in taints.get(node.name, [])]
        unique = list({str(taint): taint for taint in every}.values())
        for obj in workloads(run_id, nodes[0], _image(nodes, images), replicas, unique, balanced=_balanced(facts)):
            _apply(connection.rest, obj)
            if obj["kind"] == "Deployment":
                deployments[os] = obj
        count += replicas + len(nodes)
    return Made(count=count, deployments=deployments, unwatched=unwatched)


def scale(connection: Connection, made: Made, os: OS, count: int) -> bool:
    """Give a system's Deployment so many pods. False if the cluster does not let us now."""
    obj = made.deployments[os]
    try:
        rest = connection.rest.with_patience(Patience(connect=2.0, answer=2.0, total=2.0, whole=4.0))
        rest.apply({**obj, "spec": {**obj["spec"], "replicas": count}})
    except ClusterError:
        return False
    return True


def _image(nodes: list[NodeFacts], images: ProbeOptions) -> str:
    """The image of the pods of one system; that of the oldest Windows release runs on the later ones too."""
    oldest = min(nodes, key=lambda node: node.build or (0, 0))
    try:
        return image_for(oldest, images.linux_image, images.windows_image)
    except ValueError as error:
        raise UsageError(f"node {oldest.name}: {error}") from None


def _balanced(facts: ClusterFacts) -> bool:
    host = facts.outside.host
    return bool(facts.outside.load_balancer and host and host.agent)


def _apply(rest: RestClient, obj: Object) -> None:
    end = time.monotonic() + ACCOUNT_SECONDS
    while True:
        try:
            rest.apply(obj)
            return
        except Forbidden as error:
            if "serviceaccount" not in error.message.lower() or time.monotonic() > end:
                raise ClusterError(f"{error}; podwire watch needs the rights of manifests/rbac-watch.yaml") from error
            time.sleep(0.1)
        except ApiError as error:
            name = f"{obj['kind']} {obj['metadata']['name']}"
            raise ClusterError(f"the API server refuses {name} of the watch: {error.message}") from error


def places(connection: Connection, facts: ClusterFacts, run_id: str, say: Say) -> Places:
    """The addresses of the Services, in the first family of the cluster, and of the host outside."""
    namespace, family = manifests.namespace_name(run_id), facts.network.families[0]
    services, balancers = _services(connection.rest, namespace, balancer=False), {}
    if _balanced(facts):
        end = time.monotonic() + BALANCER_SECONDS
        while True:
            found = _services(connection.rest, namespace, balancer=True)
            balancers = {os: one.ingress[family] for os, one in found.items() if one.ingress.get(family)}
            if len(balancers) == len(found) or time.monotonic() > end:
                break
            time.sleep(0.2)
        for os in found.keys() - balancers.keys():
            name = service_name(os, balancer=True)
            say(f"the load balancer of Service {name} has no address, so its paths were not watched")
    return Places(
        services={os: _cluster_ip(one, family) for os, one in services.items()},
        balancers=balancers,
        outside=facts.outside.address(family) or "",
        outside_asks=bool(balancers),
    )


def _cluster_ip(service: DeployedService, family: Family) -> str:
    return service.cluster_ips.get(family) or next(iter(service.cluster_ips.values()), "")


def _services(rest: RestClient, namespace: str, *, balancer: bool) -> dict[OS, DeployedService]:
    names = {service_name(os, balancer=balancer): os for os in SYSTEMS}
    found = {str(obj["metadata"]["name"]): obj for obj in rest.list("services", namespace)}
    return {os: deployed("watch", "", found[name]) for name, os in names.items() if name in found}
