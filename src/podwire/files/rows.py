"""Rows: what stands in groups in memory, and side by side in a file. Pure.

A row of a file has all fields on one level; in memory those that belong together are a small type. Here is how one
becomes the other, and the type of such a row, which msgspec reads and writes as any other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct, structs

T = TypeVar("T")


class Column(NamedTuple):
    """A field of a row: its type and its default, and of which type in memory it is a field, under which name."""

    type: Any
    default: Any = NODEFAULT
    factory: Any = NODEFAULT
    owner: type | None = None
    attribute: str = ""


class Grouped(Generic[T]):
    """A type, some of whose fields are groups, as one row: its own fields beside those of its groups.

    A field of a Struct may have another name in the row than in memory: `field(name="cluster_domain")`.
    """

    def __init__(self, kind: type[T], **groups: type) -> None:
        self._kind, self._groups = kind, groups
        self._own = {name: column for name, column in columns(kind).items() if name not in groups}
        self._of_groups = {group: columns(member) for group, member in groups.items()}
        self.group_of: Mapping[str, str] = {
            name: group for group, columns in self._of_groups.items() for name in columns
        }
        """The group that each field of a group is of, by its name in the row."""
        self.columns: Mapping[str, Column] = _side_by_side(self._own, *self._of_groups.values())
        """All fields of the row by their names in it."""

    def value(self, row: Mapping[str, Any]) -> T:
        """What a row is; a field that it lacks has its default. TypeError for one that nobody knows."""
        own, of_groups = self._parted(row)
        groups = {group: kind(**of_groups.get(group, {})) for group, kind in self._groups.items()}
        return self._kind(**own, **groups)

    def changed(self, value: T, row: Mapping[str, Any]) -> T:
        """The same value with some of its fields changed, which have the names of the row."""
        own, of_groups = self._parted(row)
        groups = {group: _replaced(getattr(value, group), fields) for group, fields in of_groups.items()}
        changed: T = _replaced(value, {**own, **groups})
        return changed

    def row(self, value: T) -> dict[str, Any]:
        """All fields of a value by their names in the row; `value` is its inverse."""
        row = {name: getattr(value, column.attribute) for name, column in self._own.items()}
        for group, columns in self._of_groups.items():
            part = getattr(value, group)
            row |= {name: getattr(part, column.attribute) for name, column in columns.items()}
        return row

    def _parted(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """The fields of a row that are the type's own, and those of each of its groups, by their names in memory."""
        own: dict[str, Any] = {}
        of_groups: dict[str, dict[str, Any]] = {}
        for name, value in row.items():
            column, group = self.columns.get(name), self.group_of.get(name)
            fields = own if group is None else of_groups.setdefault(group, {})
            fields[column.attribute if column else name] = value
        return own, of_groups


def columns(*kinds: type) -> dict[str, Column]:
    """The fields of Structs or of dataclasses, by their names in a row.

    Raises ValueError for a name that two of them have.
    """
    return _side_by_side(*(_columns(kind) for kind in kinds))


def _side_by_side(*parts: Mapping[str, Column]) -> dict[str, Column]:
    columns_of_kind: dict[str, Column] = {}
    for part in parts:
        for name, column in part.items():
            if name in columns_of_kind:
                raise ValueError(f"{name}: two parts of a row have it")
            columns_of_kind[name] = column
    return columns_of_kind


def _columns(kind: Any) -> dict[str, Column]:
    if issubclass(kind, Struct):
        return {
            field.encode_name: Column(field.type, field.default, field.default_factory, kind, field.name)
            for field in structs.fields(kind)
        }
    types = get_type_hints(kind, include_extras=True)
    return {field.name: _column(field, types[field.name], kind) for field in dataclasses.fields(kind)}


def row_type(
    name: str, fields: Mapping[str, Column], *, order: Iterable[str] = (), doc: str | None = None, **settings: Any
) -> Any:
    """The type of a row with these fields; those that `order` names come first.

    `settings` are those of `msgspec.defstruct`. The type is `Any` to mypy, which cannot see how it is made.
    """
    first = {name_in_file: fields[name_in_file] for name_in_file in order}
    ordered = {**first, **fields}
    return msgspec.defstruct(
        name,
        [(name_in_file, column.type, _default(column)) for name_in_file, column in ordered.items()],
        namespace={"__doc__": doc, "COLUMNS": ordered},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        **settings,
    )


def owners(kind: type) -> Iterator[tuple[str, type, str]]:
    """The fields of a type, be it of a row or not: its name in the file, the type in memory, its name there."""
    known: Mapping[str, Column] = getattr(kind, "COLUMNS", None) or columns(kind)
    for name, column in known.items():
        if column.owner is not None:
            yield name, column.owner, column.attribute


def _column(field: dataclasses.Field[Any], kind: Any, owner: type) -> Column:
    default = NODEFAULT if field.default is dataclasses.MISSING else field.default
    factory = NODEFAULT if field.default_factory is dataclasses.MISSING else field.default_factory
    return Column(kind, default, factory, owner, field.name)


def _default(column: Column) -> Any:
    if column.factory is not NODEFAULT:
        return msgspec.field(default_factory=column.factory)
    return msgspec.field(default=column.default)


def _replaced(value: Any, fields: dict[str, Any]) -> Any:
    return structs.replace(value, **fields) if isinstance(value, Struct) else dataclasses.replace(value, **fields)
