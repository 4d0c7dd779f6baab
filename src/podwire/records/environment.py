"""`environment.json`: what a run was made with, for the bill of materials of a sign-off that another machine makes."""

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
    """The Python that a run was made with, and the packages beside podwire, by name."""

    schema: Literal["podwire.environment/1"] = "podwire.environment/1"
    python: str
    packages: tuple[Package, ...]


_DECODER = msgspec.json.Decoder(Environment)


def this_environment() -> Environment:
    """The environment of this process."""
    found = {
        re.sub(r"[-_.]+", "-", str(one.metadata["Name"])).lower(): one.version
        for one in distributions()
        if one.metadata["Name"]
    }
    packages = tuple(Package(name=name, version=found[name]) for name in sorted(found))
    return Environment(python=platform.python_version(), packages=packages)


def write_environment(folder: Path) -> Path:
    """Write the file into the run's folder."""
    content = msgspec.json.encode(this_environment()).decode()
    write_atomically(folder / NAME, msgspec.json.format(content, indent=1) + "\n")
    return folder / NAME


def read_environment(folder: Path) -> Environment | None:
    """What the run in this folder was made with; None for a run of podwire 0.1, which did not record it.

    ValueError tells in one line what is wrong with the file.
    """
    path = folder / NAME
    try:
        return json_as(bytes_of(path, MOST_BYTES), _DECODER)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); take the files that the run wrote") from None
