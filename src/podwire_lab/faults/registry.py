"""All faults of the lab by name. An import of this module imports every module of the room, which registers its
faults."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from podwire_lab import faults
from podwire_lab.faults.fault import Fault, FaultError, registered

for _found in pkgutil.walk_packages(faults.__path__, f"{faults.__name__}."):
    importlib.import_module(_found.name)

FAULTS: Mapping[str, Fault] = MappingProxyType(registered())

__all__ = ["FAULTS", "Fault", "FaultError"]
