"""The container images of the lab: it runs the host's own Python and shell instead."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from podwire.model.facts import OS

_WINDOWS_WORDS = ("windows", "nanoserver", "servercore", "ltsc20")
_LINUX_WORDS = ("slim", "alpine", "bookworm", "bullseye", "trixie")
_PYTHON = ("python", "docker.io/library/python", "docker.io/python", "library/python", "index.docker.io/library/python")
_SHELL = ("busybox", "debian", "alpine")


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image of the lab: its full name, its digest, its systems, and its default command."""

    name: str
    digest: str
    systems: frozenset[OS]
    command: tuple[str, ...]


def full_name(reference: str) -> str:
    """The name as containerd writes it: registry, `library/` for official images, tag."""
    name = reference
    first, _, rest = name.partition("/")
    if not rest:
        name = f"docker.io/library/{name}"
    elif "." not in first and ":" not in first and first != "localhost":
        name = f"docker.io/{name}"
    return name if ":" in name.rsplit("/", 1)[-1] or "@" in name else f"{name}:latest"


def _systems(reference: str) -> frozenset[OS]:
    """Official Python tags without a variant exist for both systems; a variant names one."""
    tag = reference.rsplit("/", 1)[-1].lower()
    if any(word in reference.lower() for word in _WINDOWS_WORDS):
        return frozenset(("windows",))
    if any(word in tag for word in _LINUX_WORDS):
        return frozenset(("linux",))
    return frozenset(("linux", "windows"))


def find_image(reference: str) -> Image | None:
    """The image with this name; None if a real node would have to pull it from a registry."""
    repository = reference.split("@", maxsplit=1)[0]
    if ":" in repository.rsplit("/", 1)[-1]:
        repository = repository.rsplit(":", 1)[0]
    base = repository.rsplit("/", 1)[-1]
    systems = _systems(reference)
    if repository in _PYTHON:
        command: tuple[str, ...] = ("python3",)
    elif base == "pause":
        command = ("sleep", "infinity")
    elif base in _SHELL and repository in (base, f"docker.io/library/{base}", f"library/{base}"):
        command, systems = ("sh",), frozenset(("linux",))
    else:
        return None
    name = full_name(reference)
    return Image(
        name=name, digest=f"sha256:{hashlib.sha256(name.encode()).hexdigest()}", systems=systems, command=command
    )


def missing_message(reference: str, system: OS) -> str:
    """containerd's error for the pull: the lab reaches no registry, or the image is for the other system."""
    name = full_name(reference)
    if find_image(reference) is not None:
        return f'failed to pull and unpack image "{name}": no match for platform in manifest: not found'
    registry, _, path = name.partition("/")
    repository, _, tag = path.rpartition(":")
    host = "registry-1.docker.io" if registry == "docker.io" else registry
    url = f"https://{host}/v2/{repository}/manifests/{tag}"
    return (
        f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": failed to do request: '
        f'Head "{url}": dial tcp: lookup {host}: no such host ({system} node of the lab: no registry)'
    )
