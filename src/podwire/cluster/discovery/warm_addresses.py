"""How many pod addresses Windows nodes on EKS must have on their network card, once the probes have theirs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from podwire.cluster.discovery.vpc import vpc_address
from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.errors import ClusterError, NotFound
from podwire.model.facts import ClusterFacts
from podwire.platforms.warm_pools import pool_told_by

Object = dict[str, Any]
_SETTINGS = ("kube-system", "amazon-vpc-cni")


def wanted_addresses(rest: RestClient, facts: ClusterFacts) -> dict[str, int]:
    """The number of addresses that the VPC resource controller must keep on the network card, by node.

    {} on other clusters, and if podwire may not read pods or settings, or cannot understand them; cases that depend on
    it are then inconclusive.
    """
    offering = {node.name: node.machine.vpc_addresses for node in facts.nodes if node.machine.vpc_addresses is not None}
    if facts.network.ipam not in ("vpc-secondary", "vpc-prefix") or not offering:
        return {}
    try:
        with understood("the addresses of network cards"):
            pool = pool_told_by(_settings(rest), prefixes=facts.network.ipam == "vpc-prefix")
            return {
                name: pool.least(set(_in_use(rest.list("pods", fields=f"spec.nodeName={name}"))), most)
                for name, most in offering.items()
            }
    except ClusterError:
        return {}
    raise AssertionError("not reached")


def _settings(rest: RestClient) -> Mapping[str, str]:
    try:
        return rest.get("configmaps", *_SETTINGS).get("data") or {}
    except NotFound:
        return {}


def _in_use(pods: Iterable[Object]) -> Iterator[str]:
    for pod in pods:
        address = vpc_address(pod)
        if address and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            try:
                yield str(ipaddress.ip_address(address))
            except ValueError:
                continue
