"""Reads what the Amazon VPC CNI and the VPC resource controller write into API objects. Pure."""

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
    """The address in the annotation of a Windows pod on EKS; '' elsewhere (amazon-vpc-resource-controller-k8s)."""
    return _noted(pod).partition("/")[0]


def vpc_subnet(pod: Object) -> str:
    """The subnet of this address as a CIDR; '' if the annotation has none."""
    try:
        return str(ipaddress.ip_network(_noted(pod), strict=False)) if "/" in _noted(pod) else ""
    except ValueError:
        return ""


def has_branch(pod: Object) -> bool:
    """Whether a pod has its own branch interface, to which security groups apply (the controller's pod-eni)."""
    return bool(((pod.get("metadata") or {}).get("annotations") or {}).get("vpc.amazonaws.com/pod-eni"))


def _noted(pod: Object) -> str:
    return str(((pod.get("metadata") or {}).get("annotations") or {}).get(VPC_ADDRESS, ""))


def offered_addresses(allocatable: Mapping[str, Any]) -> int | None:
    """How many pod addresses the controller lets a Windows node offer; None if it offers none."""
    text = str(allocatable.get(VPC_ADDRESS, ""))
    return int(text) if text.isdigit() else None


def custom_networking(objects: Objects, signals: list[str]) -> bool:
    """Whether pods on Linux nodes have addresses of another subnet than their node: aws-node has this setting, and an
    ENIConfig names the subnet."""
    subnets = [
        f"ENIConfig {config['metadata']['name']} ({(config.get('spec') or {}).get('subnet') or 'no subnet'})"
        for config in objects.get("eniconfigs", [])
    ]
    for daemonset in objects.get("daemonsets", []):
        if daemonset["metadata"]["name"] == "aws-node" and _is_told(daemonset):
            place = f"DaemonSet {daemonset['metadata'].get('namespace', '')}/aws-node"
            signals.append(f"{place}: custom networking, {' and '.join(subnets) or 'but no ENIConfig'}")
            return bool(subnets)
    return False


def _is_told(daemonset: Object) -> bool:
    pod = ((daemonset.get("spec") or {}).get("template") or {}).get("spec") or {}
    settings = [variable for container in pod.get("containers") or [] for variable in container.get("env") or []]
    values = (variable.get("value") for variable in settings if variable.get("name") == _CUSTOM_NETWORKING)
    return any(str(value).lower() == "true" for value in values)
