"""Changes of pods: some leave, one is gone, some get a network policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.changes.waits import Shown, is_gone
from podwire.cluster.deployment.workloads import Deployment
from podwire.cluster.rest import RestClient


def pods_leaving(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Delete pods that serve until their grace period ends."""
    leaving = [probe.pod for probe in deployment.probes if probe.slot == "leaving"]
    for pod in leaving:
        rest.delete("pods", deployment.namespace, pod)
    staying = frozenset(probe.identity for probe in deployment.probes if probe.slot == "outlived-left")
    deployment.members.update(dict.fromkeys(("draining", "draining-load-balancer"), staying))
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


def backend_gone(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Delete one of two pods behind a Service, with no time to say good-bye."""
    leaving = [probe for probe in deployment.probes if probe.slot == "outlived-gone"]
    addresses = {ip for probe in leaving for ip in probe.addresses.values()}
    for probe in leaving:
        rest.delete("pods", deployment.namespace, probe.pod, grace=1)

    def no_endpoint() -> bool:
        """No EndpointSlice has an address of the pod any more."""
        slices = rest.list("endpointslices", deployment.namespace)
        return not any(
            addresses & set(endpoint.get("addresses") or ())
            for endpoint_slice in slices
            for endpoint in endpoint_slice.get("endpoints") or ()
        )

    return [no_endpoint, *(is_gone(rest, "pods", deployment.namespace, probe.pod) for probe in leaving)]


def pods_guarded(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Make a network policy for pods that every client could reach."""
    rest.apply(manifests.network_policy(deployment.run_id, "guarded"))
    return ()


def _of_pods_service(endpoint: Mapping[str, object]) -> bool:
    """The Service that names pods publishes them whether they are ready or not."""
    return bool(endpoint.get("hostname"))
