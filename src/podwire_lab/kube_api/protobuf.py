"""Objects in Kubernetes' protobuf, which `kubectl create KIND NAME` and some other commands send without asking.

The envelope is four bytes and a `runtime.Unknown` message (apimachinery: runtime/serializer/protobuf). The fields are
those of `protobuf_fields`; a field that is not there is an error, never left out in silence.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from podwire_lab.kube_api.objects.fields import timestamp
from podwire_lab.kube_api.objects.status import UnsupportedMediaType
from podwire_lab.kube_api.protobuf_fields import MESSAGES, Field
from podwire_lab.model.interfaces import Object

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
_MAGIC: Final = b"k8s\x00"
_VARINT, _BYTES = 0, 2


def decode(body: bytes, kind: str) -> Object:
    """The object of a `kind` in an envelope, as its JSON would be. Raises `UnsupportedMediaType`."""
    try:
        if not body.startswith(_MAGIC):
            raise ValueError("it does not begin with the envelope's magic number")
        envelope = dict(_members(body[len(_MAGIC) :]))
        described = _message(_as_bytes(envelope.get(1, b"")), "TypeMeta")
        sent = str(described.get("kind", kind))
        if sent not in MESSAGES:
            raise ValueError("the lab has no table of this kind's fields")
        return {**described, **_message(_as_bytes(envelope.get(2, b"")), sent)}
    except (ValueError, IndexError) as problem:
        raise UnsupportedMediaType(
            f"the lab cannot read this {kind} in protobuf: {problem}; send JSON: add `--dry-run=client -o yaml` to the "
            "command and pipe its output to `kubectl create -f -`"
        ) from None


def _message(message: bytes, name: str) -> Object:
    """A message; members with their zero value, which Go writes too, are left out as JSON's `omitempty` does."""
    result: Object = {}
    fields = MESSAGES[name]
    for number, raw in _members(message):
        field = fields.get(number)
        if field is None:
            raise ValueError(f"field {number} of {name} is unknown to it")
        _add(result, field, raw)
    return result


def _add(result: Object, field: Field, raw: int | bytes) -> None:
    if field.form == "map":
        pair = dict(_members(_as_bytes(raw)))
        key = _as_bytes(pair.get(1, b"")).decode()
        result.setdefault(field.name, {})[key] = _value(field.type, pair.get(2, b""))
    elif field.form == "list":
        result.setdefault(field.name, []).append(_value(field.type, raw))
    elif field.form == "inline":
        result |= _value(field.type, raw)
    else:
        value = _value(field.type, raw)
        if value or field.form == "pointer":
            result[field.name] = value


def _value(kind: str, raw: int | bytes) -> Any:
    scalar = _SCALARS.get(kind)
    return scalar(raw) if scalar is not None else _message(_as_bytes(raw), kind)


def _as_bytes(raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        raise ValueError("a number where a message was expected")
    return raw


def _as_int(raw: int | bytes) -> int:
    if not isinstance(raw, int):
        raise ValueError("a message where a number was expected")
    return raw - (1 << 64) if raw >> 63 else raw


def _time(raw: int | bytes) -> str:
    """metav1.Time; no members at all are the zero time."""
    members = dict(_members(_as_bytes(raw)))
    return timestamp(datetime.fromtimestamp(_as_int(members[1]), UTC)) if 1 in members else ""


def _int_or_string(raw: int | bytes) -> int | str:
    members = dict(_members(_as_bytes(raw)))
    return _as_bytes(members.get(3, b"")).decode() if members.get(1) else _as_int(members.get(2, 0))


_SCALARS: Final[Mapping[str, Callable[[int | bytes], Any]]] = {
    "ignored": lambda raw: None,
    "string": lambda raw: _as_bytes(raw).decode(),
    "bytes": lambda raw: base64.b64encode(_as_bytes(raw)).decode(),
    "int": _as_int,
    "bool": lambda raw: bool(_as_int(raw)),
    "Time": _time,
    "IntOrString": _int_or_string,
    "Quantity": lambda raw: _as_bytes(dict(_members(_as_bytes(raw))).get(1, b"")).decode(),
}


def _members(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of every field. ValueError for a message that is cut short, IndexError inside a number."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if tag & 7 == _VARINT:
            value, at = _varint(message, at)
            yield tag >> 3, value
        elif tag & 7 == _BYTES:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ValueError("it is cut short")
            yield tag >> 3, message[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {tag & 7} is unknown to it")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")
