"""A table of the lab that is kept as YAML: read strictly, every mistake is one line for its author."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

T = TypeVar("T", bound=msgspec.Struct)


class TableError(ValueError):
    """A table is not as it must be; the text is one line that names the file and the place in it."""


def read_table(path: Path, kind: type[T]) -> T:
    """The whole of a file. Raises `TableError`."""
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return msgspec.convert(tree, kind)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as problem:
        raise TableError(f"{path}: {' '.join(str(problem).split())}") from problem
