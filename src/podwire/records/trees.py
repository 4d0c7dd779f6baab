"""Values as plain trees, which JSON can hold, and back by the types of their fields. Pure, and strict on the way back.

What is not as its type says is one line that names the place in the tree (`Malformed`), so that nothing of a damaged
or foreign file gets any further than its reader.
"""

from __future__ import annotations

import functools
import math
import operator
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Decoder = Callable[[Any], Any]
_AS_IS = frozenset({str, int, float, bool, type(None)})


class Malformed(ValueError):
    """A tree is not what it should be: `place` is where in it, as `cases[3].verdict.outcome`."""

    def __init__(self, text: str, place: str = "") -> None:
        super().__init__(f"{place}: {text}" if place else text)
        self.text, self.place = text, place

    def below(self, part: str) -> Malformed:
        """The same, seen from one level higher."""
        joint = "" if not self.place or self.place.startswith("[") else "."
        return Malformed(self.text, f"{part}{joint}{self.place}")


def plain(value: Any, *, sparse: bool = False) -> Any:
    """The tree of a value: a mapping for a dataclass, text for bytes, a character each (Latin-1).

    With `sparse`, fields that have their default are left out.
    """
    kind: Any = type(value)
    if kind in _AS_IS:
        return value
    if kind is tuple or kind is list:
        return [plain(one, sparse=sparse) for one in value]
    if kind is bytes:
        return value.decode("latin-1")
    if isinstance(value, (StrEnum, date)):
        return str(value)
    if isinstance(value, Mapping):
        return {name: plain(one, sparse=sparse) for name, one in value.items()}
    tree = {}
    for name, default, part in zip(*_layout(kind), _parts(kind)(value), strict=True):
        if not sparse or (part is not default and part != default):
            tree[name] = part if type(part) in _AS_IS else plain(part, sparse=sparse)
    return tree


@functools.cache
def _layout(kind: Any) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """The names of a dataclass's fields, and their defaults."""
    known = fields(kind)
    defaults = (one.default_factory() if one.default_factory is not MISSING else one.default for one in known)
    return tuple(one.name for one in known), tuple(defaults)


@functools.cache
def _parts(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    names = _layout(kind)[0]
    # One name alone gives the value itself, not a tuple.
    return operator.attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)


def value_of(kind: type[T], tree: Any) -> T:
    """The value of that dataclass in a tree. Raises `Malformed`; a field that has a default may be missing."""
    asked: Any = kind
    found: T = _decoder(asked)(tree)
    return found


@functools.cache
def _decoder(kind: Any) -> Decoder:
    """How a value of this type is read."""
    origin, given = get_origin(kind), get_args(kind)
    if origin is Literal:
        return functools.partial(_one_of, given)
    if origin in (Union, types.UnionType):
        return functools.partial(_any_of, [_decoder(one) for one in given])
    if origin is tuple:
        several = len(given) == 2 and given[1] is Ellipsis
        return functools.partial(_many, _decoder(given[0])) if several else functools.partial(_pair, given)
    if origin is not None and issubclass(origin, Mapping):
        return functools.partial(_mapping, _decoder(given[1]))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return lambda tree: kind(_one_of(tuple(str(one) for one in kind), tree))
    if is_dataclass(kind):
        return _Fields(kind)
    return _SIMPLE[kind]


class _Fields:
    """Reads a dataclass. The decoders of its fields are made on first use, since a type may hold itself."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._needed = [one.name for one in fields(kind) if one.default is one.default_factory is MISSING]

    @functools.cached_property
    def _readers(self) -> dict[str, Decoder]:
        hints = get_type_hints(self._kind)
        return {one.name: _decoder(hints[one.name]) for one in fields(self._kind)}

    def __call__(self, tree: Any) -> Any:
        if not isinstance(tree, dict):
            raise Malformed(f"an object is needed, found {_shown(tree)}")
        values, readers = {}, self._readers
        for name, part in tree.items():
            reader = readers.get(name)
            if reader is None:
                raise Malformed("is not known here", _shown(name).strip("'"))
            try:
                values[name] = reader(part)
            except Malformed as problem:
                raise problem.below(name) from None
        for name in self._needed:
            if name not in values:
                raise Malformed("is missing", name)
        return self._kind(**values)


def _one_of(admitted: tuple[Any, ...], tree: Any) -> Any:
    # A list cannot be looked for among texts, and True is not 1.
    if type(tree) not in _AS_IS or not any(tree == one and type(tree) is type(one) for one in admitted):
        raise Malformed(f"{_shown(tree)} is none of {', '.join(map(str, admitted))}")
    return tree


def _any_of(readers: list[Decoder], tree: Any) -> Any:
    problems: list[Malformed] = []
    for reader in readers:
        try:
            return reader(tree)
        except Malformed as problem:
            problems.append(problem)
    # Of several complaints the one from deepest inside tells most.
    raise max(problems, key=lambda one: len(one.place))


def _many(reader: Decoder, tree: Any) -> tuple[Any, ...]:
    if not isinstance(tree, list):
        raise Malformed(f"a list is needed, found {_shown(tree)}")
    values = []
    for at, part in enumerate(tree):
        try:
            values.append(reader(part))
        except Malformed as problem:
            raise problem.below(f"[{at}]") from None
    return tuple(values)


def _pair(kinds: tuple[Any, ...], tree: Any) -> tuple[Any, ...]:
    if not isinstance(tree, list) or len(tree) != len(kinds):
        raise Malformed(f"a list of {len(kinds)} is needed, found {_shown(tree)}")
    return tuple(_decoder(kind)(part) for kind, part in zip(kinds, tree, strict=True))


def _mapping(reader: Decoder, tree: Any) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise Malformed(f"an object is needed, found {_shown(tree)}")
    values = {}
    for name, part in tree.items():
        try:
            values[_text(name)] = reader(part)
        except Malformed as problem:
            raise problem.below(_shown(name).strip("'")) from None
    return values


def _text(tree: Any) -> str:
    if type(tree) is not str:
        raise Malformed(f"text is needed, found {_shown(tree)}")
    if not tree.isascii():
        try:
            tree.encode("utf-8")
        except UnicodeEncodeError:
            raise Malformed(f"half a character in {_shown(tree)}") from None
    return tree


def _whole(tree: Any) -> int:
    if type(tree) is not int:
        raise Malformed(f"a whole number is needed, found {_shown(tree)}")
    return tree


def _number(tree: Any) -> float:
    if type(tree) not in (int, float) or not -1e300 < tree < 1e300 or math.isnan(tree):
        raise Malformed(f"a number is needed, found {_shown(tree)}")
    return float(tree)


def _truth(tree: Any) -> bool:
    if type(tree) is not bool:
        raise Malformed(f"true or false is needed, found {_shown(tree)}")
    return tree


def _none(tree: Any) -> None:
    if tree is not None:
        raise Malformed(f"null is needed, found {_shown(tree)}")


def _bytes(tree: Any) -> bytes:
    try:
        return _text(tree).encode("latin-1")
    except UnicodeEncodeError:
        raise Malformed(f"bytes are needed, a character each, found {_shown(tree)}") from None


def _day(tree: Any) -> date:
    try:
        return date.fromisoformat(_text(tree))
    except ValueError:
        raise Malformed(f"a date is needed, found {_shown(tree)}") from None


def _shown(tree: Any) -> str:
    """A wrong value for a message: short, and in ASCII whatever it is."""
    if isinstance(tree, (dict, list)):
        return "an object" if isinstance(tree, dict) else "a list"
    text = ascii(tree) if not isinstance(tree, int) or abs(tree) < 10**30 else "an enormous number"
    return f"{text[:57]}..." if len(text) > 60 else text


_SIMPLE: dict[Any, Decoder] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _truth,
    bytes: _bytes,
    date: _day,
    types.NoneType: _none,
    Any: lambda tree: tree,
}
