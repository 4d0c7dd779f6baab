"""All faults of the lab by name. Importing this module registers them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from podwire_lab.faults import (
    addresses,
    balancing,
    cards,
    dns,
    egress,
    encapsulation,
    exposure,
    limits,
    listings,
    modes,
    pods,
    regressions,
    services,
)
from podwire_lab.faults.fault import Fault, FaultError, registered

MODULES = (
    pods,
    encapsulation,
    services,
    balancing,
    exposure,
    egress,
    dns,
    limits,
    regressions,
    modes,
    cards,
    addresses,
    listings,
)
FAULTS: Mapping[str, Fault] = MappingProxyType(registered())

__all__ = ["FAULTS", "Fault", "FaultError"]
