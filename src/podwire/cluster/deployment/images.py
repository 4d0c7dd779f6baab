"""Which probe image runs on which node.

A process-isolated Windows container must match its node's release: a 2022 host runs ltsc2022 only, a 2025 host runs
ltsc2022 and ltsc2025 (Microsoft: Windows container version compatibility). A HostProcess container need not match.
"""

from __future__ import annotations

from podwire.model.facts import NodeFacts

LINUX_IMAGE = "python:3.12-slim"
WINDOWS_REPOSITORY = "python"
WINDOWS_PYTHON = "3.13"

# Official Python images exist for these releases (docker-library/official-images: python); none for Server 2019.
_TAGS: tuple[tuple[int, str], ...] = ((20348, "ltsc2022"), (26100, "ltsc2025"))


def windows_tag(build: int) -> str | None:
    """The Windows release of the image for a node of that build, e.g. `ltsc2022` for 20348; None when there is none."""
    fitting = [tag for first, tag in _TAGS if first <= build]
    return fitting[-1] if fitting else None


def image_for(node: NodeFacts, linux: str | None = None, windows: str | None = None) -> str:
    """The image of a node's probes: the one that the user named for its OS, else the default for its release.

    Raises ValueError, in words for the user, when there is no default for that release of Windows.
    """
    if node.os == "linux":
        return linux or LINUX_IMAGE
    if windows:
        return windows
    build = node.build[0] if node.build else 20348
    tag = windows_tag(build)
    if tag is None:
        raise ValueError(f"no official Python image runs on Windows build {build}; name one with --windows-image")
    return f"{WINDOWS_REPOSITORY}:{WINDOWS_PYTHON}-windowsservercore-{tag}"
