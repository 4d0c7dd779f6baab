"""Flows as the files of a run hold them: all fields in one row, as files have held them since before there were groups.

Both functions turn a tree into a tree: between that row and the groups of `model.flows.Flow`. Pure.
"""

from __future__ import annotations

from typing import Any

from podwire.model.flows import GROUP_OF, GROUPS
from podwire.records.trees import Malformed

COLUMNS = (
    "client",
    "server",
    "via",
    "protocol",
    "family",
    "placement",
    "closed_port",
    "denied_port",
    "payload",
    "connections",
    "service",
    "port",
    "enters",
    "entry_os",
    "each_port",
    "after",
    "settles",
    "repeated",
    "tool",
    "unaddressed",
    "turn",
)
"""The names of all fields, in the order in which they are written."""


def in_a_row(flow: dict[str, Any]) -> dict[str, Any]:
    """The tree of a flow, without its groups."""
    own = {name: value for name, value in flow.items() if name not in GROUPS}
    for group in GROUPS:
        own |= flow.get(group, {})
    return {name: own[name] for name in COLUMNS if name in own}


def in_groups(row: Any) -> Any:
    """The tree of a flow with its groups, from a stored row. Raises `Malformed`; what is no row stays as it is."""
    if not isinstance(row, dict):
        return row
    flow: dict[str, Any] = {group: {} for group in GROUPS}
    for name, value in row.items():
        if name in GROUPS:
            raise Malformed("is not known here", name)
        group = GROUP_OF.get(name) if isinstance(name, str) else None
        (flow[group] if group else flow)[name] = value
    return flow


def place_in_row(place: str) -> str:
    """Where in the stored row a place in a flow's groups is: `case.flow.way.via` is `case.flow.via`."""
    for group in GROUPS:
        place = place.replace(f"flow.{group}.", "flow.", 1)
    return place
