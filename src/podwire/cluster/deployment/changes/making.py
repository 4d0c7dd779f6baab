"""Makes changes by name, and waits until the API shows each of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from podwire.cluster.deployment.changes.addresses import address_inherited
from podwire.cluster.deployment.changes.endpoints import endpoints_changed
from podwire.cluster.deployment.changes.pods import backend_gone, pods_guarded, pods_leaving
from podwire.cluster.deployment.changes.policies import policies_changed, policies_made, policies_removed
from podwire.cluster.deployment.changes.readiness import all_endpoints_not_ready
from podwire.cluster.deployment.changes.services import (
    affinity_idle,
    first_twin_deleted,
    load_balancers_made,
    service_recreated,
)
from podwire.cluster.deployment.changes.waits import Make, await_shown
from podwire.cluster.deployment.filling import calico_filled, vpc_filled
from podwire.cluster.deployment.workloads import Deployment
from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.errors import ClusterError
from podwire.model.changes.endpoint_lists import AFTER

MAKE: Mapping[str, Make] = {
    "first-twin-deleted": first_twin_deleted,
    "service-recreated": service_recreated,
    "load-balancers-made": load_balancers_made,
    "pods-leaving": pods_leaving,
    "backend-gone": backend_gone,
    "address-inherited": address_inherited,
    "pods-guarded": pods_guarded,
    "policies-made": policies_made,
    "policies-changed": policies_changed,
    "policies-removed": policies_removed,
    "affinity-idle": affinity_idle,
    "all-endpoints-not-ready": all_endpoints_not_ready,
    **{name: partial(endpoints_changed, lists) for name, lists in AFTER.items()},
    "calico-node-filled": calico_filled,
    "vpc-node-filled": vpc_filled,
}


@dataclass(frozen=True, kw_only=True)
class Made:
    """What came of a change: why it could not be made, or the monotonic second in which the API had shown all of it,
    0 where it was made before."""

    problem: str = ""
    shown: float = 0.0


def make_change(rest: RestClient, deployment: Deployment, name: str) -> Made:
    """Make this change and wait until the API shows it."""
    try:
        with understood("the cluster"):
            facts = MAKE[name](rest, deployment)
    except ClusterError as error:
        return Made(problem=f"podwire could not make the change '{name}': {error}")
    try:
        with understood("the cluster"):
            for fact in facts:
                await_shown(fact)
    except ClusterError as error:
        return Made(problem=f"podwire could not see the change '{name}': {error}")
    made_before = deployment.services.addressed if name == "load-balancers-made" else 0.0
    return Made(shown=made_before or time.monotonic())
