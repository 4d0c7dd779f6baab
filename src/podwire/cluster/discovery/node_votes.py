"""What a node's annotations, labels and capacities tell of the pod network. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from podwire.cluster.discovery.votes import Vote, flannel_mode, json_of
from podwire.cluster.discovery.vpc import VPC_ADDRESS

Object = dict[str, Any]
OVN_HYBRID_VNI = 4097
_GKE_NODE = "cloud.google.com/gke-nodepool"
_OF_OPENSHIFT = "windowsmachineconfig.openshift.io/version"


def os_of(node: Object) -> str:
    """The OS of a node, from its label `kubernetes.io/os`, else from its kubelet."""
    labels = node["metadata"].get("labels") or {}
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return str(labels.get("kubernetes.io/os") or info.get("operatingSystem") or "linux")


def of_node(node: Object) -> Iterator[Vote]:
    """The votes of one node."""
    labels = node["metadata"].get("labels") or {}
    notes = node["metadata"].get("annotations") or {}
    source = f"node {node['metadata']['name']}"
    backend = notes.get("flannel.alpha.coreos.com/backend-type")
    if backend:
        data = json_of(notes.get("flannel.alpha.coreos.com/backend-data", ""))
        vni = data.get("VNI") if isinstance(data, dict) else None
        yield Vote(
            source=source,
            words=f"flannel backend {backend}" + (f", VNI {vni}" if vni is not None else ""),
            cni="flannel",
            mode=flannel_mode(str(backend)),
            vni=vni if isinstance(vni, int) else None,
        )
    if "projectcalico.org/IPv4VXLANTunnelAddr" in notes:
        yield Vote(source=source, words="Calico VXLAN tunnel address", cni="calico", mode="overlay")
    elif "projectcalico.org/IPv4Address" in notes:
        # A Calico that only enforces policies may find the address too (its IP is `""`; Calico: Configure calico/node).
        yield Vote(source=source, words="Calico node", cni="calico", is_presence=True)
    if "k8s.ovn.org/hybrid-overlay-node-subnet" in notes:
        yield Vote(
            source=source,
            words=f"ovn-kubernetes hybrid overlay, VXLAN VNI {OVN_HYBRID_VNI}",
            cni="ovn-kubernetes",
            mode="overlay",
            vni=OVN_HYBRID_VNI,
        )
    if _OF_OPENSHIFT in notes:
        # openshift/windows-machine-config-operator: pkg/internal, the CNI configuration of its nodes.
        yield Vote(source=source, words="OpenShift, win-overlay with IPAM host-local", ipam="host-local")
    if "kubernetes.azure.com/cluster" in labels:
        yield from _of_aks_node(labels, source)
    if os_of(node) == "windows" and _GKE_NODE in labels:
        # kubernetes: cluster/gce/windows/k8s-node-setup.psm1, Configure_Containerd_CniNetworking: no IPAM plugin.
        words = "GKE, sdnbridge in HNS network l2bridge, whose HNS gives addresses"
        yield Vote(source=source, words=words, cni="sdnbridge", ipam="hns", mode="l2bridge")
    if os_of(node) == "windows" and VPC_ADDRESS in (node.get("status") or {}).get("capacity", {}):
        yield Vote(source=source, words="addresses from the VPC (vpc-bridge)", cni="vpc-cni", mode="l2bridge")


def _of_aks_node(labels: Mapping[str, str], source: str) -> Iterator[Vote]:
    if labels.get("kubernetes.azure.com/podnetwork-type") == "overlay":
        # Routed by the Azure fabric; the node itself does not encapsulate.
        words = "AKS, Azure CNI overlay: L2Bridge, not encapsulated by the node"
        yield Vote(source=source, words=words, cni="azure-cni", ipam="azure-cns", mode="l2bridge")
    else:
        yield Vote(source=source, words="AKS; whether L2Bridge or L2Tunnel the API does not tell", cni="azure-cni")
