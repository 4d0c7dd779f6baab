"""Faults of what a Windows node's proxy and HNS make of changes: what they forget, keep or never program."""

from __future__ import annotations

from functools import partial

from podwire_lab.faults.fault import PROXIED, Injection, fault


@fault("windows-node-ports-end-with-readiness", kills=("SVC-LB-ALL-NOTREADY",), profiles=PROXIED)
def node_ports_end_with_readiness(do: Injection) -> None:
    """The node port of a LoadBalancer Service on a Windows node ends when all its pods stop being ready at once."""
    for node in do.nodes("windows"):
        node.rules.load_balancers.remembers = False
        do.undone_by(partial(setattr, node.rules.load_balancers, "remembers", True))
