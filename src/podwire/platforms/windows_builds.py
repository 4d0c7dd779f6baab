"""The table of Windows releases: which build is which, and what one that is newer than the table is judged as."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("windows_builds.yaml")
Build = tuple[int, int]


class BuildTableError(ValueError):
    """The table is not as it must be; the text is one line for its author."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release of Windows Server. `updates` are the revisions of its build that the table knows, in their order."""

    build: int
    name: str
    updates: tuple[int, ...] = ()

    @property
    def newest(self) -> Build:
        """The last build that is known of it."""
        return self.build, self.updates[-1] if self.updates else 0


@functools.cache
def releases(path: Path = TABLE) -> tuple[Release, ...]:
    """The table, oldest release first. Raises `BuildTableError`."""
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = tuple(_release(one) for one in tree["releases"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as problem:
        raise BuildTableError(f"{path}: {' '.join(str(problem).split())}") from problem
    builds = [one.build for one in found]
    if not found or builds != sorted(set(builds)):
        raise BuildTableError(f"{path}: builds must be there, each once, and in order; found {builds}")
    return found


def _release(tree: Any) -> Release:
    updates = tuple(tree.get("updates", ()))
    if not all(isinstance(number, int) for number in (tree["build"], *updates)):
        raise ValueError(f"build {tree['build']}: builds and revisions are numbers")
    if list(updates) != sorted(set(updates)):
        raise ValueError(f"build {tree['build']}: revisions must be in order, each once; found {list(updates)}")
    return Release(**{**tree, "updates": updates})


def release_of(build: Build) -> Release | None:
    """The release that a build belongs to, or None when the table does not have it."""
    return next((one for one in releases() if one.build == build[0]), None)


def named(build: Build) -> str:
    """A build for a person: `20348.2762 (Windows Server 2022)`."""
    release = release_of(build)
    return f"{build[0]}.{build[1]}" + (f" ({release.name})" if release else "")


def judged_as(build: Build) -> Build | None:
    """What a release newer than all of the table is taken as: the table's newest entry. None: as what it is.

    A newer revision of a release that the table has is no news to it: windows of known issues end with a revision.
    """
    newest = releases()[-1]
    return newest.newest if build[0] > newest.build else None
