"""The file that an agent was started from, which the runner knows its own agent by."""

from __future__ import annotations

import importlib
import sys

SHA256_MODULES = ("_sha256", "_sha2", "hashlib")
"""Where Python has SHA-256: up to 3.11, from 3.12 on, and everywhere. hashlib loads OpenSSL, which takes a tenth of the
agent's start; the C modules beneath it do not."""


def own_digest() -> str:
    """`sha256:<hex>` of the file that this process was started from; '' for an agent that is no file.

    It names a file that was changed or exchanged on its way to the pod. It is no proof: who replaces the agent on
    purpose can make it tell any digest.
    """
    try:
        with open(sys.argv[0], "rb") as file:
            return f"sha256:{sha256(file.read())}"
    except OSError:
        return ""


def sha256(data: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal digits."""
    for name in SHA256_MODULES:
        try:
            return str(importlib.import_module(name).sha256(data).hexdigest())
        except ImportError:
            continue
    raise ImportError("this Python has no SHA-256")
