"""`environment.json`: what a run was made with, for the bill of materials of a sign-off that another machine makes."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import asdict, dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from podwire.records.files import write_atomically

NAME, SCHEMA = "environment.json", "podwire.environment/1"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A Python package beside podwire: its normalised name and its version."""

    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The Python that a run was made with, and the packages beside podwire, by name."""

    python: str
    packages: tuple[Package, ...]


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
    tree = {"schema": SCHEMA, **asdict(this_environment())}
    write_atomically(folder / NAME, json.dumps(tree, indent=1, ensure_ascii=False) + "\n")
    return folder / NAME


def read_environment(folder: Path) -> Environment | None:
    """What the run in this folder was made with; None for a run of podwire 0.1, which did not record it.

    ValueError tells in one line what is wrong with the file.
    """
    path = folder / NAME
    try:
        tree: Any = json.loads(path.read_bytes())
        packages = tuple(Package(name=str(one["name"]), version=str(one["version"])) for one in tree["packages"])
        return Environment(python=str(tree["python"]), packages=packages)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); take the files that the run wrote") from None
