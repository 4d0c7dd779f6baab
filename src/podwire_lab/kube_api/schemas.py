"""The schemas of the built-in kinds, which `kubectl explain` shows, from the models of the Python client.

Its import takes a second and tens of megabytes, so this is a program: a lab starts it when somebody asks, and it prints
the schemas that the named kinds need as one JSON map. Kinds without a model are left out.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import Any, Final

from podwire_lab.model.interfaces import Object

PREFIX: Final = "io.k8s.api.v1."
_SCALARS: Final = {
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "float": {"type": "number"},
    "int": {"type": "integer"},
    "object": {"type": "object"},
    "str": {"type": "string"},
}
_CLASS: Final = re.compile(r"^(?:[A-Z][a-z]+)?V\d+(?:alpha\d+|beta\d+)?(?=[A-Z])")


_known: Final[dict[tuple[str, ...], Object]] = {}


async def schemas_of(kinds: tuple[str, ...]) -> Object:
    """The schemas by name, from a process of their own the first time; none where it fails."""
    if kinds not in _known:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            __name__,
            *kinds,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        _known[kinds] = json.loads(output) if process.returncode == 0 else {}
    return _known[kinds]


def name_of(model: str) -> str:
    """The schema's name of a model's class, e.g. `io.k8s.api.v1.PodSpec` of `V1PodSpec`."""
    return PREFIX + _CLASS.sub("", model)


def typed(text: str) -> tuple[Object, list[str]]:
    """The schema of a type as the client writes it, e.g. `List[V1Container]`, and the models that it names."""
    outer = re.fullmatch(r"(?:list|List)\[(.+)\]", text)
    if outer:
        items, models = typed(outer[1])
        return {"type": "array", "items": items}, models
    outer = re.fullmatch(r"(?:dict|Dict)[\[(]str, (.+)[\])]", text)
    if outer:
        values, models = typed(outer[1])
        return {"type": "object", "additionalProperties": values}, models
    if text in _SCALARS:
        return dict(_SCALARS[text]), []
    return {"allOf": [{"$ref": f"#/components/schemas/{name_of(text)}"}]}, [text]


def _schema(model: Any) -> tuple[Object, list[str]]:
    named = model.model_fields.items()
    fields = {field.serialization_alias or field.alias or name: field for name, field in named}
    properties, below = {}, []
    for attribute, text in model.openapi_types.items():
        member = model.attribute_map[attribute]
        shown, models = typed(text)
        below += models
        described = fields[member].description if member in fields else None
        properties[member] = {**({"description": described} if described else {}), **shown}
    needed = [member for member, field in fields.items() if field.is_required()]
    text = re.split(r"\n\s*\n", (model.__doc__ or "").strip())[0]
    schema = {"description": " ".join(text.split()), "type": "object", "properties": properties}
    return schema | ({"required": needed} if needed else {}), below


def main(kinds: list[str]) -> None:
    """Print the schemas of the kinds, and of all that they are made of."""
    from kubernetes import client

    waiting = [f"{prefix}{kind}" for kind in kinds for prefix in ("V1", "CoreV1") if hasattr(client, f"{prefix}{kind}")]
    schemas: Object = {}
    while waiting:
        model = waiting.pop()
        if name_of(model) not in schemas and hasattr(client, model):
            schemas[name_of(model)], below = _schema(getattr(client, model))
            waiting += below
    json.dump(schemas, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
