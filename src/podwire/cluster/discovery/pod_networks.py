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


def with_pod_networks(nodes: Iterable[NodeFacts], objects: Objects, signals: list[str]) -> Iterator[NodeFacts]:
    """The nodes with the address blocks of Calico's IPAM, which replace their `podCIDR`, or with their subnets of OVN
    where they have no `podCIDR`."""
    blocks, notes = _calico_blocks(objects), _annotations(objects)
    for node in nodes:
        subnets = () if node.pod_cidrs else tuple(_told(notes.get(node.name, {})))
        for networks, source in (
            (tuple(sorted(blocks.get(node.name, ()))), "Calico's block affinities"),
            (subnets, "annotations of ovn-kubernetes"),
        ):
            if networks:
                signals.append(f"node {node.name}: pods have addresses of {', '.join(networks)} ({source})")
                yield replace(node, pod_cidrs=tuple(sorted(networks, key=family_of)))
                break
        else:
            yield node


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


def _calico_blocks(objects: Objects) -> Mapping[str, list[str]]:
    """The networks of the block affinities that are not being deleted, by node."""
    blocks: dict[str, list[str]] = {}
    for affinity in objects.get("blockaffinities", []):
        spec = affinity.get("spec") or {}
        if spec.get("cidr") and str(spec.get("deleted", "")).lower() != "true":
            blocks.setdefault(str(spec.get("node")), []).append(str(spec["cidr"]))
    return blocks


def _annotations(objects: Objects) -> Mapping[str, Mapping[str, Any]]:
    """The annotations of each node, by its name."""
    return {obj["metadata"]["name"]: obj["metadata"].get("annotations") or {} for obj in objects.get("nodes", [])}


def _told(notes: Mapping[str, Any]) -> Iterator[str]:
    """The networks in OVN's annotations: one as a text, one or more in a list, by the name of the pod network."""
    tree = json_of(notes.get(_OVN_SUBNETS, ""))
    default = tree.get("default") if isinstance(tree, dict) else None
    for network in (*(default if isinstance(default, list) else [default]), notes.get(_OVN_HYBRID_SUBNET)):
        try:
            yield str(ipaddress.ip_network(str(network)))
        except ValueError:
            continue
