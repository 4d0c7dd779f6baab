"""The patch formats: JSON merge patch (RFC 7386), JSON patch (RFC 6902), strategic merge patch (Kubernetes).

Functions give a new value and leave their arguments alone. Raised: `Invalid` for a patch that cannot be carried out,
`BadRequest` for one that is not a patch.
"""

from __future__ import annotations

from typing import Any, Final

from podwire_lab.kube_api.objects.fields import copied
from podwire_lab.kube_api.objects.shapes import Shape
from podwire_lab.kube_api.objects.status import BadRequest, Invalid


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, a map merges, all else replaces."""
    if not isinstance(patch, dict):
        return copied(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


# -- RFC 6902


def json_patch(target: Any, operations: Any) -> Any:
    """RFC 6902: all operations, or none."""
    if not isinstance(operations, list):
        raise BadRequest("json patch: the body must be a list of operations")
    document = copied(target)
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise BadRequest("json patch: every operation needs an op and a path")
        document = _operate(document, operation)
    return document


def _operate(document: Any, operation: dict[str, Any]) -> Any:
    name, path = operation.get("op"), _pointer(operation["path"])
    if name in ("add", "replace", "test") and "value" not in operation:
        raise BadRequest(f"json patch: {name} needs a value")
    match name:
        case "add":
            return _added(document, path, copied(operation["value"]))
        case "remove":
            return _removed(document, path)
        case "replace":
            _found(document, path)
            return _replaced(document, path, copied(operation["value"]))
        case "move" | "copy":
            source = _pointer(str(operation.get("from", "")))
            value = copied(_found(document, source))
            if name == "move":
                if path[: len(source)] == source and len(path) > len(source):
                    raise Invalid("json patch: cannot move a value into itself")
                document = _removed(document, source)
            return _added(document, path, value)
        case "test":
            if not _same(_found(document, path), operation["value"]):
                raise Invalid(f"testing value {operation['path']} failed: test failed")
            return document
        case _:
            raise BadRequest(f"Unexpected kind: {name}")


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON values: `true` is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right)


def _pointer(text: str) -> list[str]:
    if text == "":
        return []
    if not text.startswith("/"):
        raise BadRequest(f"json patch: not a JSON pointer: {text}")
    return [step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/")]


def _index(items: list[Any], step: str, *, end: bool) -> int:
    if end and step == "-":
        return len(items)
    if not step.isdigit() or (len(step) > 1 and step[0] == "0"):
        raise Invalid(f"json patch: not an index: {step}")
    index = int(step)
    if index > len(items) - (0 if end else 1):
        raise Invalid(f"json patch: index out of bounds: {step}")
    return index


def _found(document: Any, path: list[str]) -> Any:
    for step in path:
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list):
            document = document[_index(document, step, end=False)]
        else:
            raise Invalid(
                f"the server rejected our request due to an error in our request: missing path /{'/'.join(path)}"
            )
    return document


def _added(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _found(document, path[:-1])
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list):
        parent.insert(_index(parent, path[-1], end=True), value)
    else:
        raise Invalid(f"json patch: nothing can be added at /{'/'.join(path)}")
    return document


def _replaced(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _found(document, path[:-1])
    parent[_index(parent, path[-1], end=False) if isinstance(parent, list) else path[-1]] = value
    return document


def _removed(document: Any, path: list[str]) -> Any:
    _found(document, path)
    if not path:
        return None
    parent = _found(document, path[:-1])
    del parent[_index(parent, path[-1], end=False) if isinstance(parent, list) else path[-1]]
    return document


# -- strategic merge patch (apimachinery: util/strategicpatch)

_ORDER: Final = "$setElementOrder/"
_DELETE_SCALARS: Final = "$deleteFromPrimitiveList/"
_RETAIN: Final = "$retainKeys"


def strategic_merge_patch(target: Any, patch: Any, shape: Shape) -> Any:
    """Like a merge patch, but lists merge by the key that the kind names; `$patch` and its relatives are obeyed."""
    if not isinstance(patch, dict):
        return copied(patch)
    directive = patch.get("$patch")
    if directive == "delete":
        return {}
    base = target if isinstance(target, dict) and directive != "replace" else {}
    retained = patch.get(_RETAIN)
    result = {key: value for key, value in base.items() if retained is None or key in retained}
    for key, value in patch.items():
        if key.startswith(_DELETE_SCALARS):
            name = key.removeprefix(_DELETE_SCALARS)
            result[name] = [item for item in result.get(name) or [] if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = _strategic_value(result.get(key), value, shape.member(key))
    for key, order in patch.items():
        name = key.removeprefix(_ORDER)
        if key.startswith(_ORDER) and isinstance(result.get(name), list):
            result[name] = _ordered(result[name], order, shape.member(name))
    return result


def _strategic_value(old: Any, value: Any, shape: Shape) -> Any:
    if isinstance(value, dict):
        return strategic_merge_patch(old, value, shape)
    if isinstance(value, list):
        if shape.merge_key:
            return _merged_list(old if isinstance(old, list) else [], value, shape)
        if shape.is_set:
            items = list(old) if isinstance(old, list) else []
            return items + [item for item in value if item not in items]
        value = [item for item in value if not (isinstance(item, dict) and "$patch" in item)]
    return copied(value)


def _merged_list(old: list[Any], patch: list[Any], shape: Shape) -> list[Any]:
    key = shape.merge_key
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [copied(item) for item in patch if not (isinstance(item, dict) and "$patch" in item)]
    result = list(old)
    items = Shape(fields=shape.fields)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise Invalid(f"map: {item} does not contain declared merge key: {key}")
        position = next((i for i, entry in enumerate(result) if entry.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [entry for entry in result if entry.get(key) != item[key]]
        elif position is None:
            result.append(strategic_merge_patch({}, item, items))
        else:
            result[position] = strategic_merge_patch(result[position], item, items)
    return result


def _ordered(items: list[Any], order: list[Any], shape: Shape) -> list[Any]:
    key = shape.merge_key
    wanted = [item.get(key) if isinstance(item, dict) and key else item for item in order]

    def rank(item: Any) -> int:
        value = item.get(key) if isinstance(item, dict) and key else item
        return wanted.index(value) if value in wanted else len(wanted)

    return sorted(items, key=rank)
