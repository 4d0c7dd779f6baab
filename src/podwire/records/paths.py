"""Paths that files of a run name: they come from a file, and must not lead out of the run's folder."""

from __future__ import annotations


def is_inside(path: str) -> bool:
    """Whether a path stays below the folder that it is relative to, on any system."""
    return not set(path) & set("\\:\0") and not {"", ".", ".."} & set(path.split("/"))
