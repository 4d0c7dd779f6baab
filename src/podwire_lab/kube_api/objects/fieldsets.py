"""Who owns which field: sets of paths, and their `FieldsV1` form in `metadata.managedFields`.

A path is a tuple of `FieldsV1` elements, e.g. `("f:spec", "f:containers", 'k:{"name":"a"}', "f:image")`.
kubernetes.io: "Server-Side Apply", field management.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from podwire_lab.kube_api.objects.shapes import UNTYPED, Shape
from podwire_lab.model.interfaces import Object

Path = tuple[str, ...]
Fields = frozenset[Path]

_NOT_OWNED: Final = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "name",
                "namespace",
                "uid",
                "resourceVersion",
                "generation",
                "creationTimestamp",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "selfLink",
                "managedFields",
            )
        ),
    }
)
_NEVER_NULL: Final = frozenset({"f:metadata", "f:spec", "f:status", "f:containers", "f:template"})


def fields_of(obj: Object, shape: Shape, *, structures: bool) -> dict[Path, Any]:
    """Every field that can be owned, with its value. `structures`: maps and lists that have members count themselves,
    as they do for an update; apply owns only leaves and keyed items."""
    fields: dict[Path, Any] = {}
    for name, value in obj.items():
        _collect(value, shape.member(name), (f"f:{name}",), fields, structures)
    return fields


def _collect(value: Any, shape: Shape, path: Path, fields: dict[Path, Any], structures: bool) -> None:
    if path in _NOT_OWNED:
        return
    members = None if shape.atomic or not value else list(_members(value, shape))
    if not members:
        fields[path] = value
        return
    if (structures and path[-1] not in _NEVER_NULL) or path[-1].startswith("k:"):
        fields[path] = None
    for element, item, item_shape in members:
        if element.startswith("v:"):
            fields[(*path, element)] = item
        else:
            _collect(item, item_shape, (*path, element), fields, structures)


def _members(value: Any, shape: Shape) -> Iterator[tuple[str, Any, Shape]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield f"f:{name}", item, shape.member(name)
    elif isinstance(value, list) and shape.keys:
        items = Shape(fields=shape.fields)
        for item in value:
            key = shape.key_of(item)
            if key is not None:
                yield keyed(shape, key), item, items
    elif isinstance(value, list) and shape.is_set:
        for item in value:
            yield "v:" + json.dumps(item), item, UNTYPED


def keyed(shape: Shape, key: tuple[Any, ...]) -> str:
    """The path element of a list item, e.g. `k:{"name":"a"}`."""
    return "k:" + json.dumps(dict(sorted(zip(shape.keys, key, strict=True))), separators=(",", ":"))


def encode(fields: Fields) -> Object:
    """The `FieldsV1` form."""
    tree: Object = {}
    for path in sorted(fields):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
        node["."] = {}
    _drop_marks(tree)
    tree.pop(".", None)
    return tree


def _drop_marks(tree: Object) -> None:
    for node in tree.values():
        if set(node) == {"."}:
            node.clear()
        else:
            _drop_marks(node)


def decode(tree: Object) -> Fields:
    """Paths of a `FieldsV1` tree."""
    paths: set[Path] = set()
    _decode(tree, (), paths)
    return frozenset(paths)


def _decode(tree: Object, path: Path, paths: set[Path]) -> None:
    for element, below in tree.items():
        if element == ".":
            paths.add(path)
        elif not below:
            paths.add((*path, element))
        else:
            _decode(below, (*path, element), paths)


def shown(path: Path) -> str:
    """A path as a conflict shows it, e.g. `.spec.containers[name="a"].image`."""
    text = ""
    for element in path:
        kind, _, rest = element.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items()) + "]"
        else:
            text += f"[={rest}]"
    return text
