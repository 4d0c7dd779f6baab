"""How many addresses a network card of an EC2 instance can have, by the instance's type. Pure.

A Windows node has one network card, and its own address is not for pods (AWS: EKS user guide, Windows nodes; figures:
EC2 user guide, IP addresses per network interface per instance type). Types that are not in the table are not judged.
"""

from __future__ import annotations

from collections.abc import Mapping

ADDRESSES_OF_A_PREFIX = 16  # a /28

_BY_SIZE: Mapping[str, int] = {
    "large": 10,
    "xlarge": 15,
    "2xlarge": 15,
    "4xlarge": 30,
    "8xlarge": 30,
    "12xlarge": 30,
    "16xlarge": 50,
    "24xlarge": 50,
}
# Families whose sizes all follow the row above.
_FAMILIES = ("m5", "m5a", "m5n", "m6i", "m6a", "r5", "r5a", "r6i", "r6a", "c6i", "c6a")
_OTHERS: Mapping[str, int] = {
    "t3.medium": 6,
    "t3.large": 12,
    "t3.xlarge": 15,
    "t3.2xlarge": 15,
    "c5.large": 10,
    "c5.xlarge": 15,
    "c5.2xlarge": 15,
    "c5.4xlarge": 30,
    "c5.9xlarge": 30,
    "c5.18xlarge": 50,
}


def addresses_of(instance_type: str) -> int | None:
    """How many addresses a card has for pods, or None when the type is not in the table."""
    family, _, size = instance_type.partition(".")
    addresses = _OTHERS.get(instance_type) or (_BY_SIZE.get(size) if family in _FAMILIES else None)
    return addresses - 1 if addresses else None
