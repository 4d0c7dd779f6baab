"""The table of Windows releases and their builds, and the build that a newer release is judged as."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("windows_builds.yaml")
Build = tuple[int, int]


class BuildTableError(ValueError):
    """The table has a mistake. The text is one line for its author."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release of Windows Server. `updates` are the known revisions of its build, in order."""

    build: int
    name: str
    updates: tuple[int, ...] = ()

    @property
    def newest(self) -> Build:
        """Its newest known build."""
        return self.build, self.updates[-1] if self.updates else 0


@functools.cache
def releases(path: Path = TABLE) -> tuple[Release, ...]:
    """The table, oldest release first. Raises `BuildTableError`."""
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        table = tuple(_release(entry) for entry in tree["releases"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as problem:
        raise BuildTableError(f"{path}: {' '.join(str(problem).split())}") from problem
    builds = [release.build for release in table]
    if not table or builds != sorted(set(builds)):
        raise BuildTableError(f"{path}: needs one build or more, each once and in order; found {builds}")
    return table


def _release(tree: Any) -> Release:
    updates = tuple(tree.get("updates", ()))
    if not all(isinstance(number, int) for number in (tree["build"], *updates)):
        raise ValueError(f"build {tree['build']}: builds and revisions must be numbers")
    if list(updates) != sorted(set(updates)):
        raise ValueError(f"build {tree['build']}: revisions must be in order, each once; found {list(updates)}")
    return Release(**{**tree, "updates": updates})


def release_of(build: Build) -> Release | None:
    """The release of a build, or None if it is not in the table."""
    return next((release for release in releases() if release.build == build[0]), None)


def named(build: Build) -> str:
    """A build as text: `20348.2762 (Windows Server 2022)`."""
    release = release_of(build)
    return f"{build[0]}.{build[1]}" + (f" ({release.name})" if release else "")


def judged_as(build: Build) -> Build | None:
    """The build that a release newer than the table is judged as: the newest one in the table. None for all others.

    A newer revision of a release in the table stays itself, because ranges of known issues end with a revision.
    """
    newest = releases()[-1]
    return newest.newest if build[0] > newest.build else None
