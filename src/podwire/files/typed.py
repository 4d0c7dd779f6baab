"""Converts JSON and YAML trees to typed values, and explains mistakes in podwire's words.

msgspec reads and checks. When it refuses, its message gives the place (`$.cases[3].verdict.outcome`); the type and the
tree give what was needed and what was found there.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from podwire.files.bounded import FileError
from podwire.files.needs import inner, is_struct, needed
from podwire.files.words import shown
from podwire.files.yaml_tree import MOST_BYTES, yaml_file

T = TypeVar("T")
Place = tuple[str | int, ...]
REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""The errors of msgspec for bytes that are not JSON of the wanted type."""
LARGEST_TREE = 32 << 20
"""The limit in bytes for JSON that is parsed into plain values to explain a mistake; those take 20 times the memory."""
_PART = re.compile(r"\.([^.\[\]`]+)|\[(\d+|\.\.\.)\]")
_MISSING = re.compile(r"Object missing required field `(.+)`", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_OF_TYPE = re.compile(r"Expected |Invalid (enum value|RFC3339|value)|(Integer value|Number) out of range")


def yaml_as(path: Path, kind: type[T], most: int = MOST_BYTES) -> T:
    """A YAML file as this type. `FileError` names file, entry and field: `x.yaml: waivers entry 2, link: ...`."""
    try:
        return yaml_tree_as(yaml_file(path, most), kind)
    except FileError as error:
        raise FileError(f"{path}: {error}") from None


def yaml_tree_as(tree: Any, kind: type[T]) -> T:
    """A YAML tree as this type. `FileError` names entry and field as in `yaml_as`, but not the file."""
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        place, text = _explained(str(error), tree, kind)
        raise _at(_entries(place, tree), text) from None


def json_as(data: bytes, decoder: msgspec.json.Decoder[T], kind_of: Callable[[Any], Any] | None = None) -> T:
    """JSON as the type of the decoder. `FileError` names the field (`cases[3].verdict.outcome`), but not the file.

    `kind_of` chooses the member of a union for a tree; it may raise `FileError`.
    """
    try:
        value = decoder.decode(data)
        check_once(data, value)
        return value
    except REFUSED as error:
        if len(data) > LARGEST_TREE:
            raise FileError(f"not valid, and too large to find the field: {error}") from None
        tree = json_tree(data)
        kind: Any = kind_of(tree) if kind_of else decoder.type
        tree_as(tree, kind)
        raise FileError(f"not JSON: {error}") from None


def check_once(data: bytes, value: Any) -> None:
    """Refuse JSON with a duplicate field. `value` is the decoded JSON, in which msgspec keeps the last duplicate.

    This compares the number of names in both. Only if the numbers differ it reads the JSON name by name: a field with
    its default value may be missing on one side.
    """
    if _names(data) != _names(msgspec.json.encode(value)) and len(data) <= LARGEST_TREE:
        json_tree(data)


def _names(data: bytes) -> int:
    # In a string, a quotation mark before a colon is escaped, and so it is on both sides.
    return msgspec.json.format(data, indent=-1).count(b'":')


def json_tree(data: bytes) -> Any:
    """JSON as plain values, for a reader that must choose the type first. Raises `FileError`."""
    if len(data) > LARGEST_TREE:
        raise FileError(f"too large to read value by value; the limit is {LARGEST_TREE >> 20} MiB")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_int=_whole)
    except UnicodeDecodeError:
        raise FileError("not UTF-8 text") from None
    except RecursionError:
        raise FileError("JSON that is nested too deep") from None
    except ValueError as error:
        raise error if isinstance(error, FileError) else FileError(f"not JSON: {error}") from None


def tree_as(tree: Any, kind: type[T]) -> T:
    """A JSON tree as this type. `FileError` names the field, but not the file."""
    try:
        value = msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        place, text = _explained(str(error), tree, kind)
        raise _at(dotted(place), text) from None
    except UnicodeEncodeError:
        value = None  # An unpaired surrogate where a number is needed: reported below like all of them.
    if not _is_plain(tree):
        for place, text in _foreign(tree):
            raise _at(dotted(place), text)
    assert value is not None
    return value


def dotted(place: Place) -> str:
    """The place as text: `cases[3].verdict.outcome`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_name(part)}" for part in place).removeprefix(".")


def _at(place: str, text: str) -> FileError:
    return FileError(f"{place}: {text}" if place else text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                raise FileError(f"{_name(name)}: appears twice")
            names.add(name)
    return tree


class _Enormous:
    """Stands for a number with more digits than Python reads."""

    def __repr__(self) -> str:
        return "an enormous number"


def _whole(digits: str) -> int | _Enormous:
    return int(digits) if len(digits) < 4000 else _Enormous()


def _is_plain(tree: Any) -> bool:
    """Whether it surely has no value that `_foreign` names. Without the places, which only an error needs, it takes
    half the time."""
    kind = type(tree)
    if kind is str:
        return tree.isascii() or not any("\ud800" <= char <= "\udfff" for char in tree)
    if kind is dict:
        return all(map(_is_plain, tree)) and all(map(_is_plain, tree.values()))
    if kind is list:
        return all(map(_is_plain, tree))
    return math.isfinite(tree) if kind is float else kind is int or kind is bool or tree is None


def _foreign(tree: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Values that only Python's JSON accepts, each with its place: unpaired surrogates, and infinite numbers or NaN."""
    if isinstance(tree, dict):
        for name, part in tree.items():
            yield from _foreign(name, (*place, name))
            yield from _foreign(part, (*place, name))
    elif isinstance(tree, list):
        for at, part in enumerate(tree):
            yield from _foreign(part, (*place, at))
    elif isinstance(tree, str) and not tree.isascii() and any("\ud800" <= char <= "\udfff" for char in tree):
        yield place, f"an unpaired surrogate in {shown(tree)}"
    elif isinstance(tree, float) and not math.isfinite(tree):
        yield place, f"needs a number, found {shown(tree)}"


# --- the messages of msgspec, in podwire's words ----------------------------------------------------------------------


def _explained(message: str, tree: Any, kind: Any) -> tuple[Place, str]:
    """The place and the words of a msgspec message."""
    text, _, path = (
        message.rpartition(" - at `$") if message.endswith("`") and " - at `$" in message else (message, "", "")
    )
    place = _place(path, message, tree, kind)
    value, needed_kind = _value(tree, place), _type(kind, place)
    place = _named(kind, place)
    if field_match := _MISSING.fullmatch(text):
        return (*place, field_match[1]), "missing"
    if field_match := _UNKNOWN.fullmatch(text):
        known = ", ".join(needed_kind.__struct_encode_fields__) if is_struct(needed_kind) else ""
        hint = f"; known fields: {known}" if 0 < len(known) < 260 else ""
        return (*place, field_match[1]), f"unknown field{hint}"
    if not _OF_TYPE.match(text):
        return place, text
    return place, needed(needed_kind, value)


def _place(path: str, message: str, tree: Any, kind: Any) -> Place:
    """The parts of a path. msgspec does not name the keys of a mapping (`$.timings[...]`), so this finds them."""
    place: Place = ()
    for name, index in _PART.findall(path):
        part = name or (_key(place, message, tree, kind) if index == "..." else int(index))
        place = (*place, part)
    return place


def _key(place: Place, message: str, tree: Any, kind: Any) -> str:
    """The first key of this mapping whose value gives the same message, found by bisection."""
    mapping = _value(tree, place)
    names = list(mapping)
    while len(names) > 1:
        half = names[: len(names) // 2]
        try:
            msgspec.convert(_with(tree, place, {name: mapping[name] for name in half}), kind)
            same = False
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            same = str(error) == message
        names = half if same else names[len(half) :]
    return str(names[0])


def _with(tree: Any, place: Place, value: Any) -> Any:
    """The tree with another value at this place."""
    if not place:
        return value
    changed: Any = tree.copy()
    changed[place[0]] = _with(tree[place[0]], place[1:], value)
    return changed


def _value(tree: Any, place: Place) -> Any:
    for part in place:
        tree = tree[part]
    return tree


def _type(kind: Any, place: Place) -> Any:
    for part in place:
        kind = inner(kind, part)
    return kind


def _named(kind: Any, place: Place) -> Place:
    """The place, with column names for the columns of a row."""
    named: Place = ()
    for at, part in enumerate(place):
        row = _type(kind, place[:at])
        named = (*named, row.__struct_encode_fields__[part] if isinstance(part, int) and is_struct(row) else part)
    return named


def _entries(place: Place, tree: Any) -> str:
    """`requirements SVC-DSR, sources entry 1, url`: an entry of a list by its id or name, or its number."""
    words: list[str] = []
    for part in place:
        tree = tree[part] if isinstance(part, int) or (isinstance(tree, dict) and part in tree) else None
        if isinstance(part, str):
            words.append(_name(part))
            continue
        identity = tree.get("id", tree.get("name")) if isinstance(tree, dict) else None
        named = isinstance(identity, str) and re.fullmatch(r"[\w.-]{1,60}", identity)
        words[-1] += f" {identity}" if named else f" entry {part + 1}"
    return ", ".join(words)


def _name(text: str) -> str:
    """A name from a file, shortened and escaped if needed."""
    return text if re.fullmatch(r"[\w./-]{1,60}", text) else shown(text)[1:-1]
