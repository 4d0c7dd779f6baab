"""All faults of the lab by name. An import of this module imports every module of the room and of its rooms, which
registers its faults."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from types import MappingProxyType

from podwire_lab import faults
from podwire_lab.faults.fault import Fault, FaultError, Injection, registered
from podwire_lab.kernel.conntrack import forget_all
from podwire_lab.network.network import LabNetwork

for _found in pkgutil.walk_packages(faults.__path__, f"{faults.__name__}."):
    importlib.import_module(_found.name)

FAULTS: Mapping[str, Fault] = MappingProxyType(registered())


def break_node(network: LabNetwork, node: str, name: str) -> Callable[[], None]:
    """Inject a fault into one node that has just come back; returns how to undo it.

    Connections of other nodes stay tracked: they do not depend on it.

    Raises:
        ValueError: there is no such fault, or this node cannot have it; the text is one line.
    """
    fault = FAULTS.get(name)
    if fault is None:
        raise ValueError(f"unknown lab fault {name!r}; podwire mutants --list shows all")
    if not fault.fits(network.profile.name) or fault.write is not None:
        raise ValueError(f"fault {name} does not fit a node of profile {network.profile.name}; name another one")
    injection = Injection(f"{name}-after-upgrade", network, (node,))
    try:
        fault.change(injection)
    except (LookupError, ValueError):  # it looks for a second node
        injection.undo()
        raise ValueError(f"fault {name} needs more than node {node}; name a fault of one node") from None
    if injection.misses:
        injection.undo()
        raise ValueError(f"fault {name} breaks nothing of its own on node {node}; name another one")

    def undo() -> None:
        """As `Fault.remove`, on this node alone: the change takes effect with the next packet."""
        injection.undo()
        forget_all(network.nodes[node].host.netns)
        network.nodes[node].list_now()

    network.nodes[node].list_now()
    return undo


__all__ = ["FAULTS", "Fault", "FaultError", "break_node"]
