"""The operating system, and what this process may do."""

from __future__ import annotations

import os
import sys

WINDOWS = sys.platform == "win32"


def complain(text: str) -> None:
    """Write a line to stderr without Python's buffer, which a signal handler must not enter twice."""
    os.write(2, f"podwire agent: {text}\n".encode("utf-8", "backslashreplace"))


def raise_descriptor_limit() -> int:
    """Raise the limit of file descriptors as far as allowed, at most to 65536. Returns the limit."""
    try:
        import resource
    except ImportError:
        return 1 << 14
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    aim = min(hard, 1 << 16) if hard != resource.RLIM_INFINITY else 1 << 16
    if soft < aim:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (aim, hard))
        except (OSError, ValueError):
            return soft
    return max(soft, aim)
