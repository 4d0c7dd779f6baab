"""Waits until the API shows a change."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from podwire.cluster.deployment.workloads import Deployment
from podwire.cluster.rest import RestClient
from podwire.errors import ClusterError, NotFound

Shown = Callable[[], bool]
Make = Callable[[RestClient, Deployment], Sequence[Shown]]
"""Makes one change. Returns what must be true until the API shows it. Raises `ClusterError`."""
PATIENCE = 30.0
"""Seconds for the API to show a change; Kubernetes' own tests give Windows nodes twice what they give Linux nodes."""


def await_shown(shown: Shown) -> None:
    """Wait until it is true. Raises `ClusterError` after `PATIENCE` seconds."""
    end, pause = time.monotonic() + PATIENCE, 0.02
    while not shown():
        if time.monotonic() >= end:
            raise ClusterError(f"the API server did not show it within {PATIENCE:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def is_gone(rest: RestClient, resource: str, namespace: str, name: str) -> Shown:
    """Whether the API server has no such object any more."""

    def gone() -> bool:
        try:
            rest.get(resource, namespace, name)
        except NotFound:
            return True
        return False

    return gone
