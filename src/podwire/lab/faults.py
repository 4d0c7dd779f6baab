"""All faults of the lab by name. Importing this module registers them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from podwire.lab import (
    faults_addresses,
    faults_balancing,
    faults_cards,
    faults_dns,
    faults_egress,
    faults_encapsulation,
    faults_exposure,
    faults_limits,
    faults_listings,
    faults_modes,
    faults_pods,
    faults_regressions,
    faults_services,
)
from podwire.lab.faulting import Fault, FaultError, registered

MODULES = (
    faults_pods,
    faults_encapsulation,
    faults_services,
    faults_balancing,
    faults_exposure,
    faults_egress,
    faults_dns,
    faults_limits,
    faults_regressions,
    faults_modes,
    faults_cards,
    faults_addresses,
    faults_listings,
)
FAULTS: Mapping[str, Fault] = MappingProxyType(registered())

__all__ = ["FAULTS", "Fault", "FaultError"]
