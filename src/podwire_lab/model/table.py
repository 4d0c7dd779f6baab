"""Tables of the lab in YAML files. The reader is strict: it reports each mistake to the author in one line."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

T = TypeVar("T", bound=msgspec.Struct)


class TableError(ValueError):
    """A table is wrong; the text is one line with the file and the place in it."""


def read_table(path: Path, kind: type[T]) -> T:
    """The content of a file.

    Raises:
        TableError: the file is wrong.
    """
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return msgspec.convert(tree, kind)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as problem:
        raise TableError(f"{path}: {' '.join(str(problem).split())}") from problem
