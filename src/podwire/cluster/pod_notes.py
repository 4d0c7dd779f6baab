"""What controllers of a cluster's network note on pods."""

from __future__ import annotations

from typing import Any

VPC_ADDRESS = "vpc.amazonaws.com/PrivateIPv4Address"


def vpc_address(pod: dict[str, Any]) -> str:
    """The address of a Windows pod on EKS, '' elsewhere (amazon-vpc-resource-controller-k8s: noted with its subnet)."""
    notes = (pod.get("metadata") or {}).get("annotations") or {}
    return str(notes.get(VPC_ADDRESS, "")).partition("/")[0]
