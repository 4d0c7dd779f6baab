"""Nodes that a run cannot use, images that they do not have, and room for pods. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from podwire.cluster.deployment.images import image_for
from podwire.doctor.remark import Remark
from podwire.model.facts import NodeFacts

Object = dict[str, Any]


def remarks_on_nodes(nodes: Iterable[NodeFacts], used: Mapping[str, int]) -> Iterator[Remark]:
    """Remarks on nodes that are not ready, are cordoned, or have none of their OS beside them.

    `used` has the number of probe pods that the plan puts on a node, by its name.
    """
    nodes = tuple(nodes)
    for name in (node.name for node in nodes if node.name in used and not node.ready):
        yield Remark(
            state="note",
            what=f"nodes: {name} is not ready",
            why="its cases will be inconclusive, and the run exits with 10",
            do=f"kubectl describe node {name}",
        )
    for system in ("windows", "linux"):
        usable, name = [node for node in nodes if node.os == system and node.ready and node.schedulable], system.title()
        if len(usable) < 2:
            lost = f"between two {name} nodes" if usable else f"from and to {name}"
            yield Remark(
                state="note",
                what=f"nodes: {'one' if usable else 'no'} {name} node can be used",
                why=f"flows {lost} are left out",
                do=f"add a {name} node; --require {system} makes its absence an error",
            )
    if used and all(node.ready for node in nodes if node.name in used):
        yield Remark(state="good", what=f"nodes: {', '.join(sorted(used))} are ready; the plan uses them")


def remarks_on_images(
    nodes: Iterable[NodeFacts],
    objects: Sequence[Object],
    used: Mapping[str, int],
    linux: str | None,
    windows: str | None,
) -> Iterator[Remark]:
    """Remarks on probe images that do not fit a node's build, or that it does not have yet.

    `objects` are the Node objects: a kubelet lists the images that a node has, up to 50 of them.
    """
    there = {node["metadata"]["name"]: set(_images(node)) for node in objects}
    absent = defaultdict(list)
    for node in nodes:
        if node.name not in used:
            continue
        try:
            image = image_for(node, linux, windows)
        except ValueError as problem:
            yield Remark(
                state="stop",
                what=f"images: {node.name}: {problem}",
                why="its probes cannot start",
                do="--windows-image IMAGE, or leave the node out with --nodes",
            )
            continue
        if not any(name.endswith(image) for name in there.get(node.name, ())):
            absent[image].append(node.name)
    for image, names in absent.items():
        yield Remark(
            state="note",
            what=f"images: {image} is not in the list of images of {', '.join(sorted(names))}",
            why="the first run pulls it, which takes minutes on Windows and fails without a way to the registry",
            do="pull it before, or name one of a mirror with --linux-image or --windows-image",
        )
    if not absent:
        yield Remark(state="good", what="images: all nodes of the plan have their probe image")


def remarks_on_room(objects: Sequence[Object], pods: Sequence[Object], used: Mapping[str, int]) -> Iterator[Remark]:
    """Remarks on nodes that have no room for the pods of the plan. `pods` are all pods of the cluster."""
    busy = Counter(
        str((pod.get("spec") or {}).get("nodeName") or "")
        for pod in pods
        if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
    )
    full = False
    for node in objects:
        name, most = node["metadata"]["name"], _most_pods(node)
        if name not in used or most is None or most - busy[name] >= used[name]:
            continue
        full = True
        yield Remark(
            state="stop",
            what=f"room: {name} has {busy[name]} of {most} pods, and a run puts {used[name]} more on it",
            why="pods that find no room stay pending, and their cases are inconclusive",
            do="choose other nodes with --nodes, or fewer areas with --area",
        )
    if used and not full:
        yield Remark(state="good", what="room: the nodes of the plan have room for its pods")


def _images(node: Object) -> Iterator[str]:
    for image in (node.get("status") or {}).get("images") or []:
        yield from map(str, (image or {}).get("names") or [])


def _most_pods(node: Object) -> int | None:
    text = str(((node.get("status") or {}).get("allocatable") or {}).get("pods", ""))
    return int(text) if text.isdigit() else None
