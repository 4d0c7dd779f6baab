"""How objects and lists are written: as they are, as metadata only, or as a Table (the `Accept` header decides)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from podwire_lab.kube_api.objects.fields import encoded
from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.kube_api.objects.status import NotAcceptable
from podwire_lab.kube_api.objects.store import Stored
from podwire_lab.kube_api.printing.tables import columns_of, row_of
from podwire_lab.model.interfaces import Object

JSON: Final = "application/json"
_ANY: Final = frozenset({"", "*/*", "application/*", JSON})


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The form that an answer takes. `include` is the Table's `includeObject`."""

    kind: Literal["object", "metadata", "table"] = "object"
    version: str = "v1"
    include: str = "Metadata"


AS_IS: Final = Form()


def form_of(accept: str, include: str = "") -> Form:
    """The first form of the header that this server can write. Raises `NotAcceptable`."""
    if accept in _ANY:
        return AS_IS
    for part in accept.split(","):
        media, *pairs = (piece.strip() for piece in part.split(";"))
        if media not in _ANY:
            continue
        parameters = dict(pair.partition("=")[::2] for pair in pairs)
        kind = parameters.get("as", "")
        version = parameters.get("v", "v1")
        if not kind:
            return AS_IS
        if parameters.get("g") == "meta.k8s.io" and version in ("v1", "v1beta1"):
            if kind == "Table":
                return Form(kind="table", version=version, include=include or "Metadata")
            if kind in ("PartialObjectMetadata", "PartialObjectMetadataList"):
                return Form(kind="metadata", version=version)
    raise NotAcceptable(f"only the following media types are accepted: {JSON}, {JSON};as=Table;v=v1;g=meta.k8s.io")


def one(stored: Stored, resource: Resource, form: Form) -> bytes:
    """A single object."""
    match form.kind:
        case "table":
            return _table(resource, [stored], form, {"resourceVersion": stored.object["metadata"]["resourceVersion"]})
        case "metadata":
            return encoded(partial(stored.object, form.version))
        case _:
            return stored.encoded


def many(stored: Sequence[Stored], resource: Resource, form: Form, list_metadata: Object) -> bytes:
    """A list; its items carry no kind of their own."""
    match form.kind:
        case "table":
            return _table(resource, stored, form, list_metadata)
        case "metadata":
            version = f"meta.k8s.io/{form.version}"
            head: Object = {"kind": "PartialObjectMetadataList", "apiVersion": version, "metadata": list_metadata}
            return encoded({**head, "items": [partial(item.object, form.version) for item in stored]})
        case _:
            head = {"kind": f"{resource.kind}List", "apiVersion": resource.group_version, "metadata": list_metadata}
            return encoded(head)[:-1] + b',"items":[' + b",".join(_item(item, resource) for item in stored) + b"]}"


def _item(stored: Stored, resource: Resource) -> bytes:
    prefix = f'{{"kind":"{resource.kind}","apiVersion":"{resource.group_version}",'.encode()
    body = stored.encoded
    if body.startswith(prefix):
        return b"{" + body[len(prefix) :]
    return encoded({key: value for key, value in stored.object.items() if key not in ("kind", "apiVersion")})


def partial(obj: Object, version: str = "v1") -> Object:
    """PartialObjectMetadata."""
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": obj["metadata"]}


def _table(resource: Resource, stored: Sequence[Stored], form: Form, list_metadata: Object) -> bytes:
    rows = []
    for item in stored:
        row: Object = {**row_of(resource, item.object)}
        if form.include == "Metadata":
            row["object"] = partial(item.object, form.version)
        elif form.include == "Object":
            row["object"] = item.object
        rows.append(row)
    return encoded(
        {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{form.version}",
            "metadata": list_metadata,
            "columnDefinitions": columns_of(resource),
            "rows": rows,
        }
    )
