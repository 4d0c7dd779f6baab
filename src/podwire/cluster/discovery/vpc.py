"""What the Amazon VPC CNI and the controller of the VPC's addresses leave in the API. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]

VPC_ADDRESS = "vpc.amazonaws.com/PrivateIPv4Address"
# amazon-vpc-cni-k8s, README: pods of Linux nodes have addresses of the subnet that an ENIConfig names.
_CUSTOM_NETWORKING = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"


def vpc_address(pod: Object) -> str:
    """The address of a Windows pod on EKS, '' elsewhere (amazon-vpc-resource-controller-k8s: noted with its subnet)."""
    return _noted(pod).partition("/")[0]


def vpc_subnet(pod: Object) -> str:
    """The subnet that this address is of, as a CIDR; '' where none is noted."""
    try:
        return str(ipaddress.ip_network(_noted(pod), strict=False)) if "/" in _noted(pod) else ""
    except ValueError:
        return ""


def has_branch(pod: Object) -> bool:
    """Whether a pod has an interface of its own that security groups apply to (the controller's pod-eni)."""
    return bool(((pod.get("metadata") or {}).get("annotations") or {}).get("vpc.amazonaws.com/pod-eni"))


def _noted(pod: Object) -> str:
    return str(((pod.get("metadata") or {}).get("annotations") or {}).get(VPC_ADDRESS, ""))


def offered_addresses(allocatable: Mapping[str, Any]) -> int | None:
    """What the controller lets a Windows node offer to pods, None where that is nothing."""
    told = str(allocatable.get(VPC_ADDRESS, ""))
    return int(told) if told.isdigit() else None


def custom_networking(objects: Objects, signals: list[str]) -> bool:
    """Whether pods of Linux nodes have addresses of another subnet than their node's: aws-node is told so, and there is
    an ENIConfig that says which."""
    subnets = [
        f"ENIConfig {one['metadata']['name']} ({(one.get('spec') or {}).get('subnet') or 'no subnet'})"
        for one in objects.get("eniconfigs", [])
    ]
    for daemonset in objects.get("daemonsets", []):
        if daemonset["metadata"]["name"] == "aws-node" and _is_told(daemonset):
            place = f"DaemonSet {daemonset['metadata'].get('namespace', '')}/aws-node"
            signals.append(f"{place}: custom networking, {' and '.join(subnets) or 'but no ENIConfig'}")
            return bool(subnets)
    return False


def _is_told(daemonset: Object) -> bool:
    pod = ((daemonset.get("spec") or {}).get("template") or {}).get("spec") or {}
    settings = [one for container in pod.get("containers") or [] for one in container.get("env") or []]
    return any(one.get("name") == _CUSTOM_NETWORKING and str(one.get("value")).lower() == "true" for one in settings)
