"""The addresses that pods which are not of the run have on its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.errors import ClusterError

Object = dict[str, Any]


def addresses_of_others(rest: RestClient, nodes: Iterable[str], namespace: str) -> frozenset[str]:
    """What pods of other namespaces have on these nodes, but for pods on their node's network and those that go or have
    ended, whose address may be another's already. Nothing where pods may not be read, or not be understood."""
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
    for one in (pod.get("status") or {}).get("podIPs") or ():
        yield one["ip"]
