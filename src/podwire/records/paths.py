"""Checks of the paths in a run's files: such a path must stay in the run's folder."""

from __future__ import annotations


def is_inside(path: str) -> bool:
    """Whether a relative path stays inside its folder, on any operating system."""
    return not set(path) & set("\\:\0") and not {"", ".", ".."} & set(path.split("/"))
