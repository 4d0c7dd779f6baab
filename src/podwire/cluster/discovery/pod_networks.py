"""Which networks the pods of a node have addresses of, where a CNI tells it beside the node's `podCIDR`. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from podwire.cluster.discovery.votes import json_of
from podwire.model.addressing.nobody import candidate_around, overlapping
from podwire.model.facts import NodeFacts, family_of

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]

# ovn-kubernetes: go-controller/pkg/util (node_subnets.go), hybrid-overlay/pkg/types.
_OVN_SUBNETS = "k8s.ovn.org/node-subnets"
_OVN_HYBRID_SUBNET = "k8s.ovn.org/hybrid-overlay-node-subnet"


def with_pod_networks(node: NodeFacts, objects: Objects, signals: list[str]) -> NodeFacts:
    """The node with the address blocks of Calico's IPAM, which replace its `podCIDR`, or with its subnets of OVN, if
    it has no `podCIDR`."""
    for networks, source in (
        (_calico_blocks(node.name, objects), "Calico's block affinities"),
        (() if node.pod_cidrs else _ovn_subnets(node.name, objects), "annotations of ovn-kubernetes"),
    ):
        if networks:
            signals.append(f"node {node.name}: pods have addresses of {', '.join(networks)} ({source})")
            return replace(node, pod_cidrs=tuple(sorted(networks, key=family_of)))
    return node


def own_networks(objects: Objects, settings: Mapping[str, str], nodes: Iterable[NodeFacts]) -> tuple[str, ...]:
    """The networks of pods that the API tells beside the parts of nodes, sorted: Calico's pools and kube-proxy's
    `clusterCIDR`. Where a pod of the cluster's DNS has an address that neither they nor a node hold, the network of
    nobody (`model.nobody`) that it is in is none of nobody's.

    `settings` are the values of `components`.
    """
    found = {str((pool.get("spec") or {}).get("cidr", "")) for pool in objects.get("ippools", [])}
    for name, value in settings.items():
        if name.endswith(" clusterCIDR"):
            found |= {part.strip() for part in value.split(",")}
    told = {one for one in found if _is_network(one)}
    known = (*told, *(cidr for node in nodes for cidr in node.pod_cidrs))
    for pod in objects.get("pods", []):
        for entry in (pod.get("status") or {}).get("podIPs") or []:
            address = str(entry.get("ip", ""))
            if _is_network(address) and not overlapping(address, known):
                told |= {network for network in [candidate_around(address)] if network}
    return tuple(sorted(told))


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _calico_blocks(node: str, objects: Objects) -> tuple[str, ...]:
    specs = [affinity.get("spec") or {} for affinity in objects.get("blockaffinities", [])]
    return tuple(
        sorted(
            str(spec["cidr"])
            for spec in specs
            if spec.get("node") == node and spec.get("cidr") and str(spec.get("deleted", "")).lower() != "true"
        )
    )


def _ovn_subnets(node: str, objects: Objects) -> tuple[str, ...]:
    for obj in objects.get("nodes", []):
        if obj["metadata"]["name"] == node:
            return tuple(_told(obj["metadata"].get("annotations") or {}))
    return ()


def _told(notes: Mapping[str, Any]) -> Iterator[str]:
    """The networks in OVN's annotations: one as a text, one or more in a list, by the name of the pod network."""
    tree = json_of(notes.get(_OVN_SUBNETS, ""))
    default = tree.get("default") if isinstance(tree, dict) else None
    for network in (*(default if isinstance(default, list) else [default]), notes.get(_OVN_HYBRID_SUBNET)):
        try:
            yield str(ipaddress.ip_network(str(network)))
        except ValueError:
            continue
