"""Faults of nodes that apply a part of a change of endpoints."""

from __future__ import annotations

from podwire_lab.faults.fault import Injection, fault
from podwire_lab.faults.over_time.churn import frozen, with_history
from podwire_lab.model.interfaces import ServiceRule


@fault("changes-of-tcp-only", kills=("CHURN-ADDED", "CHURN-REMOVED", "CHURN-REPLACED", "CHURN-UNREADY"))
def changes_of_tcp_only(do: Injection) -> None:
    """All nodes apply changes of endpoints to the TCP ports of a Service and not to its UDP ports."""
    _one_protocol(do, "tcp")


def _one_protocol(do: Injection, protocol: str) -> None:
    def half(before: ServiceRule, after: ServiceRule) -> ServiceRule:
        return after if after.protocol == protocol else frozen(before, after)

    for node in do.nodes():
        with_history(do, node, half)
