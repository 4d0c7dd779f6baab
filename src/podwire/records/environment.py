"""`environment.json`: the Python and the packages of a run, for the bill of materials of a later sign-off."""

from __future__ import annotations

import platform
import re
from importlib.metadata import distributions
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from podwire.files.bounded import bytes_of
from podwire.files.typed import json_as
from podwire.records.files import write_atomically

NAME = "environment.json"
MOST_BYTES = 4 << 20


class Package(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Python package beside podwire: its normalised name and its version."""

    name: str
    version: str


class Environment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Python version of a run, and the packages installed beside podwire, sorted by name."""

    schema: Literal["podwire.environment/1"] = "podwire.environment/1"
    python: str
    packages: tuple[Package, ...]


_DECODER = msgspec.json.Decoder(Environment)


def this_environment() -> Environment:
    """The environment of this process."""
    versions = {
        re.sub(r"[-_.]+", "-", str(distribution.metadata["Name"])).lower(): distribution.version
        for distribution in distributions()
        if distribution.metadata["Name"]
    }
    packages = tuple(Package(name=name, version=versions[name]) for name in sorted(versions))
    return Environment(python=platform.python_version(), packages=packages)


def write_environment(folder: Path) -> Path:
    """Write the file into the run's folder and return its path. Raises OSError."""
    content = msgspec.json.encode(this_environment()).decode()
    write_atomically(folder / NAME, msgspec.json.format(content, indent=1) + "\n")
    return folder / NAME


def read_environment(folder: Path) -> Environment | None:
    """The environment of the run in this folder; None for a run of podwire 0.1, which wrote no such file.

    ValueError says in one line what is wrong with the file.
    """
    path = folder / NAME
    try:
        return json_as(bytes_of(path, MOST_BYTES), _DECODER)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); use the original files of the run") from None
