"""Server-side apply and the record of field managers (kubernetes.io: "Server-Side Apply")."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

from podwire_lab.kube_api.objects.fields import copied, now
from podwire_lab.kube_api.objects.fieldsets import Fields, Path, decode, encode, fields_of, keyed, shown
from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.kube_api.objects.shapes import Shape, shape_of
from podwire_lab.kube_api.objects.status import Conflict
from podwire_lab.model.interfaces import Object


@dataclass(frozen=True, kw_only=True)
class Manager:
    """Who writes: the same name with another operation or subresource is another manager."""

    name: str
    operation: Literal["Apply", "Update"]
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        return f'"{self.name}"' + (f' with subresource "{self.subresource}"' if self.subresource else "")


@dataclass(kw_only=True)
class _Entry:
    fields: Fields
    time: str


Managers = dict[Manager, _Entry]


def managers_of(obj: Object) -> Managers:
    """What `metadata.managedFields` says."""
    managers: Managers = {}
    for entry in obj.get("metadata", {}).get("managedFields") or ():
        manager = Manager(
            name=entry.get("manager", ""),
            operation=entry.get("operation", "Update"),
            api_version=entry.get("apiVersion", ""),
            subresource=entry.get("subresource", ""),
        )
        managers[manager] = _Entry(fields=decode(entry.get("fieldsV1") or {}), time=entry.get("time", now()))
    return managers


def _write(obj: Object, managers: Managers) -> None:
    entries = []
    for manager, entry in sorted(managers.items(), key=lambda pair: pair[0].operation):
        if not entry.fields:
            continue
        written: Object = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": manager.api_version,
            "time": entry.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": encode(entry.fields),
        }
        if manager.subresource:
            written["subresource"] = manager.subresource
        entries.append(written)
    if entries:
        obj["metadata"]["managedFields"] = entries
    else:
        obj["metadata"].pop("managedFields", None)


def record_update(
    before: Object | None, after: Object, resource: Resource, manager: Manager, *, not_asked: Fields = frozenset()
) -> None:
    """Give `manager` the fields that differ between `before` and `after`, in place in `after`.

    Status belongs to who writes the status subresource. `not_asked`: what the server put in by itself, see
    `added_by_server`.
    """
    shape = shape_of(resource.plural)

    def owned(obj: Object) -> dict[Path, Any]:
        fields = fields_of(obj, shape, structures=True)
        if resource.subresource("status") is None:
            return fields
        wants_status = manager.subresource == "status"
        return {path: value for path, value in fields.items() if (path[0] == "f:status") is wants_status}

    old = {} if before is None else owned(before)
    new = {path: value for path, value in owned(after).items() if not {path[:2], path[-1:]} & not_asked}
    changed = frozenset(path for path, value in new.items() if path not in old or old[path] != value)
    removed = old.keys() - new.keys()
    managers = {} if before is None else managers_of(before)
    if not changed and not removed:
        _write(after, managers)
        return
    for entry in managers.values():
        entry.fields = entry.fields - changed - removed
    mine = managers.get(manager)
    if changed:
        managers[manager] = _Entry(fields=(mine.fields if mine else frozenset()) | changed, time=now())
    _write(after, managers)


_SERVER_ADDS: Final = {
    "namespaces": ("finalizers",),
    "pods": ("tolerations", "serviceAccountName", "serviceAccount", "priority", "preemptionPolicy"),
    "services": ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"),
}


def added_by_server(resource: Resource, requested: Object) -> Fields:
    """Members of the spec that admission or allocation adds, if the client did not ask for them: nobody owns these."""
    spec = requested.get("spec")
    spec_given = spec if isinstance(spec, dict) else {}
    added: set[Path] = {
        ("f:spec", f"f:{name}") for name in _SERVER_ADDS.get(resource.plural, ()) if name not in spec_given
    }
    ports = spec_given.get("ports") if resource.plural == "services" else None
    if isinstance(ports, list) and not any(isinstance(port, dict) and port.get("nodePort") for port in ports):
        added.add(("f:nodePort",))
    return frozenset(added)


def server_side_apply(live: Object, config: Object, resource: Resource, manager: Manager, *, force: bool) -> Object:
    """`live` with `config` merged in and the ownership written. Raises `Conflict` unless forced.

    For an object that does not exist yet, `live` is its kind, name and namespace.
    """
    shape = shape_of(resource.plural)
    config_fields = fields_of(_owned_part(config), shape, structures=False)
    mine = frozenset(config_fields)
    managers = managers_of(live)
    before = managers.pop(manager, _Entry(fields=frozenset(), time=""))
    have = fields_of(live, shape, structures=False)
    differing = frozenset(path for path, value in config_fields.items() if path in have and have[path] != value)
    conflicts = [(owner, path) for owner, e in managers.items() for path in sorted(differing & e.fields)]
    if conflicts and not force:
        raise _conflict(conflicts, managers)
    for entry in managers.values():
        entry.fields = entry.fields - differing
    result: Object = _merged(live, config, shape)
    of_others = frozenset[Path]().union(*(entry.fields for entry in managers.values()))
    disowned = before.fields - mine - of_others
    if disowned:
        result = _pruned(result, shape, (), disowned, mine | of_others)
    unchanged = before.fields == mine and not differing and result == live
    managers[manager] = _Entry(fields=mine, time=before.time if unchanged else now())
    _write(result, managers)
    return result


def _owned_part(config: Object) -> Object:
    meta = {key: value for key, value in (config.get("metadata") or {}).items() if key != "managedFields"}
    return {**{key: value for key, value in config.items() if key != "metadata"}, "metadata": meta}


def _conflict(conflicts: list[tuple[Manager, Path]], managers: Managers) -> Conflict:
    def named(manager: Manager) -> str:
        if manager.operation == "Apply":
            return str(manager)
        return f"{manager} using {manager.api_version} at {managers[manager].time}"

    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {named(manager)}", "field": shown(path)}
        for manager, path in conflicts
    ]
    if len(conflicts) == 1:
        text = f"conflict with {named(conflicts[0][0])}: {shown(conflicts[0][1])}"
    else:
        lines = []
        for manager in dict.fromkeys(manager for manager, _ in conflicts):
            lines.append(f"conflicts with {named(manager)}:")
            lines += [f"- {shown(path)}" for owner, path in conflicts if owner == manager]
        text = "\n".join(lines)
    count = f"{len(conflicts)} conflict{'s' if len(conflicts) > 1 else ''}"
    return Conflict(f"Apply failed with {count}: {text}", details={"causes": causes})


def _merged(live: Any, config: Any, shape: Shape) -> Any:
    if shape.atomic or config is None:
        return copied(config)
    if isinstance(config, dict) and isinstance(live, dict):
        result = dict(live)
        for name, value in config.items():
            result[name] = _merged(live[name], value, shape.member(name)) if name in live else copied(value)
        return result
    if isinstance(config, list) and isinstance(live, list):
        if shape.is_set:
            return live + [item for item in config if item not in live]
        if shape.keys:
            return _merged_list(live, config, shape)
    return copied(config)


def _merged_list(live: list[Any], config: list[Any], shape: Shape) -> list[Any]:
    items = Shape(fields=shape.fields)
    result = list(live)
    positions = {shape.key_of(item): index for index, item in enumerate(result)}
    for item in config:
        position = positions.get(shape.key_of(item))
        if position is None:
            positions[shape.key_of(item)] = len(result)
            result.append(copied(item))
        else:
            result[position] = _merged(result[position], item, items)
    return result


def _pruned(value: Any, shape: Shape, path: Path, disowned: Fields, kept: Fields) -> Any:
    """`value` without the fields in `disowned`; a keyed item goes when its last owner let it go."""

    def keeps(below: Path) -> bool:
        return below not in disowned or any(each[: len(below)] == below for each in kept)

    if isinstance(value, dict):
        result = {}
        for name, item in value.items():
            below = (*path, f"f:{name}")
            if not keeps(below):
                continue
            rest = _pruned(item, shape.member(name), below, disowned, kept)
            emptied = item and not rest and isinstance(rest, dict | list)
            if not emptied or any(each[: len(below)] == below for each in kept):
                result[name] = rest
        return result
    if isinstance(value, list) and shape.keys:
        items = Shape(fields=shape.fields)
        kept_items = []
        for item in value:
            key = shape.key_of(item)
            below = (*path, keyed(shape, key)) if key is not None else path
            if key is None or keeps(below):
                kept_items.append(_pruned(item, items, below, disowned, kept))
        return kept_items
    if isinstance(value, list) and shape.is_set:
        return [item for item in value if keeps((*path, "v:" + json.dumps(item)))]
    return value
