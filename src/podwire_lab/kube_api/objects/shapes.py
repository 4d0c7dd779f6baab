"""How lists and maps of the known kinds merge: by key, as a set, or as a whole.

From the `patchStrategy`, `patchMergeKey`, `listType` and `mapType` marks of the Kubernetes API types. A strategic merge
patch uses `merge_key`, server-side apply `keys`. Anything that is not named here merges as untyped data does: maps by
key, lists as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What is below one field.

    `fields`: shapes of named members (of the items, for a keyed list). `keys`: a list of maps that apply merges by
    these members; `defaults` are the values of keys that may be left out. `merge_key`: the same for a strategic merge
    patch. `is_set`: a list of scalars that merges as a set. `atomic`: replaced as a whole by apply.
    """

    fields: Mapping[str, Shape] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    merge_key: str = ""
    is_set: bool = False
    atomic: bool = False

    def member(self, name: str) -> Shape:
        return self.fields.get(name, UNTYPED)

    def key_of(self, item: Any) -> tuple[Any, ...] | None:
        """The values of an item's keys; None when it lacks one."""
        if not isinstance(item, Mapping):
            return None
        values = tuple(item.get(key, self.defaults.get(key)) for key in self.keys)
        return None if None in values else values


UNTYPED = Shape()
ATOMIC = Shape(atomic=True)
SET = Shape(is_set=True)


def _by(*keys: str, merge_key: str | None = None, defaults: Mapping[str, Any] | None = None, **fields: Shape) -> Shape:
    return Shape(
        keys=keys, merge_key=keys[0] if merge_key is None else merge_key, defaults=defaults or {}, fields=fields
    )


def _struct(**fields: Shape) -> Shape:
    return Shape(fields=fields)


_ENV = _by(
    "name",
    valueFrom=_struct(fieldRef=ATOMIC, configMapKeyRef=ATOMIC, secretKeyRef=ATOMIC, resourceFieldRef=ATOMIC),
)
_CONTAINER = _by(
    "name",
    ports=_by("containerPort", "protocol", defaults={"protocol": "TCP"}),
    env=_ENV,
    volumeMounts=_by("mountPath"),
    volumeDevices=_by("devicePath"),
    resizePolicy=ATOMIC,
    resources=_struct(claims=_by("name", merge_key="")),
)
_VOLUME = _by("name", projected=_struct(sources=ATOMIC), secret=_struct(items=ATOMIC), configMap=_struct(items=ATOMIC))
_POD_SPEC = _struct(
    containers=_CONTAINER,
    initContainers=_CONTAINER,
    ephemeralContainers=_CONTAINER,
    volumes=_VOLUME,
    imagePullSecrets=_by("name"),
    hostAliases=_by("ip"),
    topologySpreadConstraints=_by(
        "topologyKey", "whenUnsatisfiable", merge_key="topologyKey", defaults={"whenUnsatisfiable": "DoNotSchedule"}
    ),
    schedulingGates=_by("name"),
    nodeSelector=ATOMIC,
    tolerations=ATOMIC,
)
_CONDITIONS = _by("type")
_METADATA = _struct(finalizers=SET, ownerReferences=_by("uid"), managedFields=ATOMIC)
_TEMPLATE = _struct(metadata=_METADATA, spec=_POD_SPEC)
_WORKLOAD = _struct(
    spec=_struct(selector=ATOMIC, template=_TEMPLATE, volumeClaimTemplates=ATOMIC),
    status=_struct(conditions=_CONDITIONS),
)
_KINDS: Mapping[str, Shape] = {
    "pods": _struct(
        spec=_POD_SPEC, status=_struct(conditions=_CONDITIONS, podIPs=_by("ip"), hostIPs=_by("ip", merge_key=""))
    ),
    "services": _struct(
        spec=_struct(ports=_by("port", "protocol", defaults={"protocol": "TCP"}), selector=ATOMIC),
        status=_struct(conditions=_by("type")),
    ),
    "nodes": _struct(
        spec=_struct(podCIDRs=SET, taints=Shape(merge_key="key", atomic=True)),
        status=_struct(conditions=_CONDITIONS, addresses=_by("type", merge_key="type")),
    ),
    "serviceaccounts": _struct(secrets=_by("name"), imagePullSecrets=ATOMIC),
    "clusterroles": _struct(aggregationRule=ATOMIC),
    "networkpolicies": _struct(spec=_struct(podSelector=ATOMIC)),
    "events": _struct(involvedObject=ATOMIC, source=ATOMIC),
    **dict.fromkeys(("daemonsets", "deployments", "jobs", "replicasets", "statefulsets"), _WORKLOAD),
}


def shape_of(resource: str) -> Shape:
    """The shape of a whole object of the resource."""
    kind = _KINDS.get(resource, UNTYPED)
    return Shape(fields={"metadata": _METADATA, **kind.fields})
