"""Changes of the endpoints of Services whose lists the run writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podwire.cluster.deployment.changes.waits import Shown
from podwire.cluster.deployment.endpoint_lists import write_lists
from podwire.cluster.deployment.workloads import Deployment
from podwire.cluster.rest import RestClient
from podwire.model.changes.endpoint_lists import Endpoints


def endpoints_changed(lists: Mapping[str, Endpoints], rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Give each kind of Service its new list; the answer of the API server shows it."""
    deployment.members.update(write_lists(rest, deployment.run_id, deployment.services, deployment.probes, lists))
    return ()
