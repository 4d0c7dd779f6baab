"""Describes in words what a field's type needs: `text`, `1 to 65535`, `a list of 2 values`. Pure."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import Meta, Struct, UnsetType, structs

from podwire.files.words import shown

_WORDS: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    date: "a date (2026-12-31)",
}


def needed(kind: Any, value: Any) -> str:
    """The mistake in a value that is not of this type: what is needed, and what was found."""
    members = list(_members(kind))
    choices = [choice for member in members for choice in _choices(member)]
    if choices and not isinstance(value, (dict, list)):
        return f"needs one of {', '.join(choices)}, found {shown(value)}"
    longest = [
        meta.max_length for member in members for meta in _metas(member) if meta.max_length and not _is_list(member)
    ]
    if isinstance(value, str) and longest and len(value) > max(longest):
        return f"needs at most {max(longest):,} characters, found {len(value):,}"
    alike = [member for member in members if _is_list(member) is isinstance(value, list)]
    words = dict.fromkeys(_words(member) for member in alike or members)
    found_words = "" if any(_said(member, "secret") for member in members) else f", found {shown(value)}"
    return f"needs {' or '.join(words) or 'nothing'}{found_words}"


def inner(kind: Any, part: str | int) -> Any:
    """The type of a part: of a field, of a mapping's value, of a list item, or of a row's column."""
    for member in _members(kind):
        plain = _plain(member)
        if is_struct(plain):
            return _fields(plain).get(part, Any)
        arguments = get_args(plain)
        if isinstance(part, str) and arguments and issubclass(get_origin(plain), Mapping):
            return arguments[1]
        if isinstance(part, int) and _is_list(plain):
            return arguments[0] if arguments[-1] is ... else arguments[part]
    return Any


def is_struct(kind: Any) -> bool:
    """Whether the type is a msgspec Struct."""
    return isinstance(kind, type) and issubclass(kind, Struct)


@functools.cache
def _fields(kind: type[Struct]) -> dict[str | int, Any]:
    """The types of the fields, by name and by number."""
    fields = structs.fields(kind)
    return {
        **{field.encode_name: field.type for field in fields},
        **{at: field.type for at, field in enumerate(fields)},
    }


def _members(kind: Any) -> Iterator[Any]:
    """The types of a union without None, or the type itself."""
    if get_origin(kind) in (Union, types.UnionType):
        for member in get_args(kind):
            yield from _members(member)
    elif kind not in (types.NoneType, UnsetType):
        yield kind


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _is_list(kind: Any) -> bool:
    plain = _plain(kind)
    return get_origin(plain) is tuple or (is_struct(plain) and bool(plain.__struct_config__.array_like))


def _choices(kind: Any) -> list[str]:
    plain = _plain(kind)
    if get_origin(plain) is Literal:
        return [shown(value) if isinstance(value, bool) else str(value) for value in get_args(plain)]
    if isinstance(plain, type) and issubclass(plain, Enum):
        return [str(member.value) for member in plain]
    return []


def _said(kind: Any, name: str) -> Any:
    """The value that a type's metadata has under this name (`Meta(extra={...})`); the outermost one counts."""
    return next((meta.extra[name] for meta in reversed(_metas(kind)) if meta.extra and name in meta.extra), None)


def _metas(kind: Any) -> list[Meta]:
    return [meta for meta in get_args(kind)[1:] if isinstance(meta, Meta)]


def _words(kind: Any) -> str:
    """What the type needs, in words. The type's own words come first (`Meta(extra={"needed": "a web address"})`)."""
    words = _said(kind, "needed")
    if words:
        return str(words)
    for meta in _metas(kind):
        if meta.ge is not None and meta.le is not None:
            return f"{meta.ge} to {meta.le}"
    plain = _plain(kind)
    if _is_list(plain):
        fields = plain.__struct_fields__ if is_struct(plain) else get_args(plain)
        return "a list" if fields[-1] is ... else f"a list of {len(fields)} values"
    if choices := _choices(plain):
        return f"one of {', '.join(choices)}"
    return _WORDS.get(plain, "a mapping")
