"""The addresses of other pods on the nodes of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.errors import ClusterError

Object = dict[str, Any]


def addresses_of_others(rest: RestClient, nodes: Iterable[str], namespace: str) -> frozenset[str]:
    """The addresses of pods of other namespaces on these nodes.

    Host-network pods do not count, nor do terminating and ended pods, whose addresses other pods may have by now. Empty
    if podwire may not read pods, or cannot understand what it reads.
    """
    try:
        with understood("the pods of others"):
            pods = [pod for node in nodes for pod in rest.list("pods", fields=f"spec.nodeName={node}")]
            return frozenset(address for pod in pods if _stays_elsewhere(pod, namespace) for address in _addresses(pod))
    except ClusterError:
        return frozenset()
    raise AssertionError("not reached")


def _stays_elsewhere(pod: Object, namespace: str) -> bool:
    own, status = pod["metadata"], pod.get("status") or {}
    ended = own.get("deletionTimestamp") or status.get("phase") in ("Succeeded", "Failed")
    return own.get("namespace") != namespace and not ended and not pod["spec"].get("hostNetwork")


def _addresses(pod: Object) -> Iterator[str]:
    for entry in (pod.get("status") or {}).get("podIPs") or ():
        yield entry["ip"]
