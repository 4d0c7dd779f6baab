"""`podwire agent`: the agent as one file, for a host that podwire does not deploy to."""

from __future__ import annotations

import argparse
import platform
from typing import Any

from podwire.cli.options import add_command
from podwire.errors import UsageError


def add_agent_command(commands: Any) -> None:
    """Add the command to the command line."""
    add_command(commands, "agent", _agent, "write the agent as one file, for a host outside the cluster")


def _agent(options: argparse.Namespace) -> int:
    from podwire.cluster.deployment.agent_archive import agent_archive

    path, data = options.output, agent_archive()
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"-o {path}: cannot be written: {error.strerror}; name another file") from error
    version = ".".join(platform.python_version_tuple()[:2])
    print(f"{path}: {len(data) // 1000} kB; runs on Python 3.8 and later, and starts fastest on Python {version}")
    return 0
