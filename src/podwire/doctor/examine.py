"""All subjects of the doctor, asked of one connection. It makes nothing in the cluster."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podwire.cluster.connect import Connection
from podwire.doctor.clocks import remarks_on_clocks
from podwire.doctor.kube_proxy import remarks_on_kube_proxy
from podwire.doctor.namespaces import remarks_on_namespace
from podwire.doctor.nodes import remarks_on_images, remarks_on_nodes, remarks_on_room
from podwire.doctor.options import remarks_on_options
from podwire.doctor.remark import Remark
from podwire.doctor.rights import remarks_on_rights, rights_of
from podwire.doctor.versions import remarks_on_versions
from podwire.errors import ApiError, ClusterError
from podwire.model.facts import ClusterFacts
from podwire.planning.plan import Plan

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a run is about to do: its namespace ('' for one of its own) and the images that the user named."""

    namespace: str = ""
    linux_image: str | None = None
    windows_image: str | None = None


def examine(
    connection: Connection, facts: ClusterFacts, plan: Plan, intent: Intent, manifests: Path
) -> Iterator[Remark]:
    """A remark on each subject, those about access first.

    `manifests` is the folder with the roles. What cannot be read is `unknown`; the next subject is asked all the same.
    """
    rest, used = connection.rest, probes_by_node(plan)
    manifest = manifests / ("rbac-namespace.yaml" if intent.namespace else "rbac.yaml")
    yield from remarks_on_rights(rest, rights_of(manifest, intent.namespace), f"manifests/{manifest.name}")
    before = time.time()
    try:
        date = rest.date()
    except (ApiError, ClusterError):
        date = ""
    yield from remarks_on_clocks(date, before, time.time())
    yield from remarks_on_versions(connection.version, facts.nodes)
    yield from remarks_on_nodes(facts.nodes, used)
    listed = _Listed(connection)
    nodes, pods = listed.of("nodes"), listed.of("pods")
    yield from remarks_on_images(facts.nodes, nodes, used, intent.linux_image, intent.windows_image)
    if nodes and pods:
        yield from remarks_on_room(nodes, pods, used)
    proxies = {kind: listed.of(kind, "kube-system") for kind in ("configmaps", "daemonsets")}
    yield from remarks_on_kube_proxy(proxies, pods, connection.version)
    if intent.namespace:
        for namespace in listed.one("namespaces", intent.namespace):
            yield from remarks_on_namespace(namespace, listed.of("resourcequotas", intent.namespace))
    yield from listed.unread
    yield from remarks_on_options(len(plan.cases), plan.exclusions)


def probes_by_node(plan: Plan) -> Counter[str]:
    """How many probe pods the plan puts on each node, by its name. Backends of Services come on top."""
    slots = {slot for case in plan.cases.values() for slot in (case.client, case.server) if slot.is_probe}
    return Counter(slot.node for slot in slots)


class _Listed:
    """Lists of objects; what cannot be read is empty, and leaves a remark."""

    def __init__(self, connection: Connection) -> None:
        self._rest = connection.rest
        self.unread: list[Remark] = []

    def of(self, resource: str, namespace: str | None = None) -> list[Object]:
        """All objects of a kind."""
        try:
            return self._rest.list(resource, namespace)
        except (ApiError, ClusterError) as problem:
            self._note(resource, problem)
            return []

    def one(self, resource: str, name: str) -> list[Object]:
        """The object of this name in a list, or an empty list."""
        try:
            return [self._rest.get(resource, None, name)]
        except (ApiError, ClusterError) as problem:
            self._note(resource, problem)
            return []

    def _note(self, resource: str, problem: Exception) -> None:
        what = f"{resource}: could not be read: {problem}"
        self.unread.append(Remark(state="unknown", what=what, why="what the doctor says of them is missing"))
