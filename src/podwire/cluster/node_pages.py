"""The part of a page of Node objects that podwire reads.

A kubelet reports up to 50 images of its node (kubernetes.io: kubelet configuration, `nodeStatusMaxImages`): most of a
Node's bytes. The decoder passes over them, and over managed fields and volumes, without making values of them.
"""

from __future__ import annotations

from typing import Any, TypedDict


class _Metadata(TypedDict, total=False):
    name: Any
    labels: Any
    annotations: Any


class _Status(TypedDict, total=False):
    addresses: Any
    allocatable: Any
    capacity: Any
    conditions: Any
    declaredFeatures: Any
    nodeInfo: Any


class _Node(TypedDict, total=False):
    metadata: _Metadata
    spec: Any
    status: _Status


class NodePage(TypedDict, total=False):
    """A NodeList, or one page of it: `RestClient.list('nodes', shape=NodePage)`."""

    metadata: Any
    items: list[_Node]
