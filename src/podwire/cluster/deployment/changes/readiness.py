"""Changes of endpoints that podwire itself has written: all of them stop being ready at once.

The pods behind them go on as before, so packets show which node still leads to them. podwire writes the EndpointSlices
because a readiness probe that fails takes each node's kubelet its own time, and other Services would lose the pods too.
"""

from __future__ import annotations

from collections.abc import Sequence

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.changes.waits import Shown
from podwire.cluster.deployment.workloads import Deployment
from podwire.cluster.rest import RestClient
from podwire.planning.prerequisites import OWN_SLICES


def all_endpoints_not_ready(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Write the EndpointSlices of these Services again with conditions that say: not ready, not serving.

    The Service that shows the change comes last (`OWN_SLICES`), so a node that has followed it there has followed all.
    The API has a slice as soon as it takes it: there is nothing to wait for.
    """
    for kind in OWN_SLICES:
        for service in [found for found in deployment.services.found.values() if found.kind == kind]:
            probe = deployment.probe(service.pod)
            for obj in manifests.own_slices(
                deployment.run_id, kind, probe.pod, probe.node, service.cluster_ips, probe.addresses, ready=False
            ):
                rest.apply(obj)
    return ()
