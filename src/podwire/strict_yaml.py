"""A YAML file read strictly: whatever is wrong in it is one line that names the file, the entry and the field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import yaml


class FileError(Exception):
    """A file is not as it must be; the text is one line for its author."""


class Reader:
    """One mapping of a YAML file, read strictly: every complaint names file, entry and field, and is a `raises`."""

    raises: type[FileError] = FileError

    def __init__(self, path: Path, where: str, tree: Any) -> None:
        self.path, self.where = path, where
        if not isinstance(tree, dict):
            raise self.raises(f"{path}: {where or 'the file'}: a mapping is needed, found {type(tree).__name__}")
        self.tree: dict[str, Any] = tree

    @classmethod
    def file(cls, path: Path, *, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Self:
        try:
            tree = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except OSError as problem:
            raise cls.raises(f"{path}: cannot be read: {problem.strerror}") from problem
        except (yaml.YAMLError, UnicodeDecodeError) as problem:
            raise cls.raises(f"{path}: not valid YAML: {' '.join(str(problem).split())}") from problem
        reader = cls(path, "", tree)
        reader.keys(required=required, optional=optional)
        return reader

    def error(self, field: str, text: str) -> FileError:
        place = f"{self.where}, {field}" if self.where and field else self.where or field
        return self.raises(f"{self.path}: {place}: {text}")

    def keys(self, *, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        for name in self.tree:
            if name not in (*required, *optional):
                raise self.error(str(name), f"unknown key (known: {', '.join((*required, *optional))})")
        for name in required:
            if name not in self.tree:
                raise self.error(name, "is missing")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.tree.get(name, default)
        if not isinstance(value, str) or (not value.strip() and default is None):
            raise self.error(name, f"text is needed, found {value!r}")
        return " ".join(value.split())

    def number(self, name: str) -> int:
        value = self.tree.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(name, f"a number is needed, found {value!r}")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name)
        if value not in choices:
            raise self.error(name, f"{value!r} is none of {', '.join(choices)}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.tree.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.error(name, f"a list of texts is needed, found {value!r}")
        return tuple(value)

    def entries(self, name: str) -> Iterator[Self]:
        value = self.tree.get(name, [])
        if not isinstance(value, list):
            raise self.error(name, f"a list is needed, found {type(value).__name__}")
        for index, entry in enumerate(value):
            identity = entry.get("id", f"entry {index + 1}") if isinstance(entry, dict) else f"entry {index + 1}"
            yield type(self)(self.path, f"{name} {identity}", entry)

    def once(self, identity: str, *known: Mapping[str, object]) -> None:
        if any(identity in those for those in known):
            raise self.error("id", f"{identity} is defined twice")
