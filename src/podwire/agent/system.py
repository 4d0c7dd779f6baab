"""What the operating system is, and what it lets this process do."""

from __future__ import annotations

import os
import sys

WINDOWS = sys.platform == "win32"


def complain(text: str) -> None:
    """A line on stderr, past Python's buffer: a signal's handler may not enter that while it is written to."""
    os.write(2, f"podwire agent: {text}\n".encode("utf-8", "backslashreplace"))


def raise_descriptor_limit() -> int:
    """Let this process have as many descriptors as it may; how many these are."""
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
