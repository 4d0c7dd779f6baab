"""Facts by the names that files have for them, without their groups: `cluster_with(mode="overlay")`."""

from __future__ import annotations

from typing import Any

from podwire.model.facts import CLUSTER_ROW, NODE_ROW, ClusterFacts, NodeFacts


def cluster_with(**row: Any) -> ClusterFacts:
    """A cluster with these facts; what is left out is as usual."""
    return CLUSTER_ROW.value(row)


def node_with(**row: Any) -> NodeFacts:
    """A node with these facts; its name and its OS are needed."""
    return NODE_ROW.value(row)
